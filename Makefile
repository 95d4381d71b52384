# Needs Go, make, git and bash; -race needs a C compiler. Everything else is built into .bin/ from the versions that
# tools/*/go.mod pin, or installed with apt-get when run as root on Debian.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Packages for `make test`: make test PKG=./workflows/...
PKG ?= ./...
# Flags for `go test`: make test TESTFLAGS='-run TestDunning -v'
TESTFLAGS ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/worker and bin/starter
	@[[ -x bin/worker && -x bin/starter ]] || echo "building the worker and the starter into bin/ (about 2 minutes the first time, then seconds)"
	@go build -o bin/ ./worker ./starter

.PHONY: demo
demo: build temporal ## eight customers in a minute; KEEP=1 leaves everything running
	@bin/starter demo $(if $(KEEP),--keep)

.PHONY: dev
dev: build temporal ## Temporal, sandbox, worker and web until Ctrl-C
	@bin/starter dev

.PHONY: test
test: temporal stripe-mock needs lint typecheck ## everything CI checks: at most 10 minutes on 2 cores once the tools are built
	@# lint has vetted everything
	go test -race -vet=off -timeout 14m $(TESTFLAGS) $(PKG)

.PHONY: test-long
test-long: temporal stripe-mock needs ## also the proofs that take longer (build tag "long"), and those on PostgreSQL
	go test -race -tags long -count 1 -timeout 90m $(TESTFLAGS) $(PKG)
	@if [[ '$(PKG)' == ./... ]]; then $(MAKE) test-stack; fi

.PHONY: test-stack
test-stack: ## what needs a newer Temporal server than the development one (build tag "stack"), on make stack-postgres
	STACK_COMMAND='go test -race -tags stack -run ^TestStack -count 1 -timeout 30m -v $(TESTFLAGS) ./internal/e2e' $(MAKE) stack-postgres

.PHONY: lint
lint: golangci-lint workflowcheck ## formatting, vet, linters, import rules, determinism of workflows, go.mod
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
		if [[ -n $$unformatted ]]; then echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; fi
	tools/tidy-check.sh
	.bin/golangci-lint run
	.bin/workflowcheck ./workflows/...
	@if [[ -f bench/go.mod ]]; then set -x; cd bench; ../.bin/golangci-lint run; fi

# The page's script, and the sandbox's stand-in for Stripe.js, against the types of the official Stripe.js package.
.PHONY: typecheck
typecheck: needs ## type check of the customer page's script and of the stand-in for Stripe.js
	cd starter/web/typecheck && npm ci --no-audit --no-fund --loglevel=error && npm run --silent check

# Each one for FUZZTIME: make fuzz FUZZTIME=5m
FUZZTIME ?= 30s

FUZZED := ./internal/stripesandbox ./activities/manifest

.PHONY: fuzz
fuzz: ## fuzz tests of the Stripe sandbox and of manifests, one after the other
	@for package in $(FUZZED); do for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
		set -x; go test -run '^$$' -fuzz "^$$name\$$" -fuzzminimizetime 200x -fuzztime $(FUZZTIME) $(TESTFLAGS) $$package; { set +x; } 2>/dev/null; \
	done; done

.PHONY: bench
bench: temporal ## benchmarks; those of billing runs (make bench-runs) beside River on PostgreSQL
	cd bench && go test -run '^$$' -bench . -benchtime 1x -timeout 60m $(TESTFLAGS) ./...
	@if [[ -z '$(TESTFLAGS)' ]]; then $(MAKE) bench-runs; fi

# TESTFLAGS='-bench Million' is the million alone, '-bench Peers -charges 1000' a short comparison.
.PHONY: bench-runs
bench-runs: temporal temporal-server temporal-sql-tool ## billing runs beside the bare loop and River, on PostgreSQL 15; and a million rows
	@tools/need.sh postgres
	@STACK_SERVERS=1 STACK_FRESH=1 \
		STACK_COMMAND="cd bench && go test -tags stack -run '^$$' -bench BillingRun -benchtime 1x -timeout 120m $(TESTFLAGS) ." tools/stack-postgres/run.sh

# Every test package that has the flag -update writes what it compares with.
.PHONY: histories
histories: temporal ## record the workflow histories and other golden files anew
	go test -count 1 -timeout 15m $$(git grep -l --untracked 'flag.Bool("update"' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's,^,./,') -update

.PHONY: stack-postgres
stack-postgres: build temporal temporal-server temporal-sql-tool ## what compose runs, natively on PostgreSQL 15, until Ctrl-C (STACK_COMMAND='…' runs that and stops)
	@tools/need.sh postgres
	@tools/stack-postgres/run.sh

.PHONY: vulncheck
vulncheck: govulncheck ## known vulnerabilities in what we call; needs the internet
	tools/vulncheck.sh

.PHONY: tools
tools: temporal golangci-lint workflowcheck stripe-mock ## build what `make test` uses; about 10 minutes from nothing

# One that is on PATH or that the Go SDK has downloaded before is used first.
.PHONY: temporal
temporal:
	@go run ./tools/findtemporal >/dev/null

.PHONY: golangci-lint workflowcheck stripe-mock govulncheck temporal-server temporal-sql-tool
golangci-lint workflowcheck stripe-mock govulncheck temporal-server temporal-sql-tool:
	@tools/build.sh $@

# Chromium drives the customer page, npm brings the TypeScript compiler and the types of Stripe.js, cc is for -race.
.PHONY: needs
needs:
	@tools/need.sh cc npm chromium

.PHONY: clean
clean: ## remove what was built and the private PostgreSQL cluster
	rm -rf bin .bin .stack starter/web/typecheck/node_modules \
		"/var/lib/offsession-stack/$$(printf '%s' "$$PWD" | cksum | cut -d ' ' -f 1)"
