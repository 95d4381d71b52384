#!/usr/bin/env bash
# Looks for known vulnerabilities in what we call. The database is on the internet (vuln.go.dev), which is why this
# is no part of `make test`. Exit 1: something was found, or nothing could be looked up; the last line says which.
set -euo pipefail
cd "$(dirname "$0")/.."

output=$(mktemp)
trap 'rm -f "$output"' EXIT
if .bin/govulncheck ./... >"$output" 2>&1; then
	cat "$output"
	exit 0
fi
cat "$output"
if grep -Eq 'fetching vulnerabilities|vuln\.go\.dev' "$output" && ! grep -q '^Vulnerability #' "$output"; then
	echo "nothing was checked: the vulnerability database at vuln.go.dev cannot be reached" >&2
fi
exit 1
