package main

import (
	"net"
	"strconv"
	"strings"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// maxSandboxRate is beyond what any machine sends.
const maxSandboxRate = 1e6

// readRateLimit reads "global=100,endpoint=25", either of them, or a bare number for the global one.
func readRateLimit(text string) (stripesandbox.RateLimit, error) {
	var limit stripesandbox.RateLimit
	for part := range strings.SplitSeq(text, ",") {
		name, value, named := strings.Cut(part, "=")
		if !named {
			name, value = "global", part
		}
		perSecond, err := strconv.ParseFloat(value, 64)
		target := map[string]*float64{"global": &limit.Global, "endpoint": &limit.Endpoint}[name]
		// The comparison is false for NaN.
		if inRange := perSecond > 0 && perSecond <= maxSandboxRate; err != nil || !inRange || target == nil || *target != 0 {
			return limit, usagef("--rate-limit: %q; must be requests per second, above 0 and at most a million, such as 100 or global=100,endpoint=25", shorten(text))
		}
		*target = perSecond
	}
	return limit, nil
}

// onlyThisMachine reports whether an address to listen on can be reached from this machine alone.
func onlyThisMachine(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
