# One image for both programs: `worker` and `starter` (serve, sandbox and the commands).
FROM golang:1.26.8 AS build
WORKDIR /src
ENV GOMODCACHE=/cache/mod GOCACHE=/cache/build
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache go mod download
COPY . .
RUN --mount=type=cache,target=/cache \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/ ./worker ./starter

# Alpine rather than an empty image: its wget makes the health checks. It brings the CA certificates that TLS needs;
# the time zones are in the binaries.
FROM alpine:3.22.2
COPY --from=build /out/worker /out/starter /usr/local/bin/
USER 65532:65532
CMD ["starter", "serve"]
