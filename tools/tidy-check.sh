#!/usr/bin/env bash
# Fails when go.mod and go.sum are not what `go mod tidy` makes of them, or when a module in the cache was changed.
#
# Tidy looks at modules that the build does not need. Where those are neither cached nor reachable, that one check
# says so and is left out: everything else still works without a network.
set -euo pipefail
cd "$(dirname "$0")/.."

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
if ! diff=$(go mod tidy -diff 2>"$errors"); then
	if [[ -n $diff ]]; then
		echo "$diff"
		echo "go.mod or go.sum is not tidy: run 'go mod tidy'" >&2
		exit 1
	fi
	if grep -Eq 'dial tcp|no such host|i/o timeout|connection refused|GOPROXY=off|Forbidden' "$errors"; then
		echo "go mod tidy -diff not checked, it needs modules that cannot be fetched now:" >&2
		tail -n 3 "$errors" >&2
	else
		cat "$errors" >&2
		exit 1
	fi
fi
go mod verify
