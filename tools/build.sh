#!/usr/bin/env bash
# Builds one pinned developer tool into .bin/:   tools/build.sh NAME [PACKAGE]
#
# NAME is a folder here with a go.mod of its own, so that no tool changes the versions of another or of the
# product. A stamp beside the binary holds the pin and the Go version: when both are as before, nothing is
# built and nothing is printed.
set -euo pipefail

name=$1
cd "$(dirname "$0")/.."
root=$PWD
module=$root/tools/$name
binary=$root/.bin/$name
export GOWORK=off

# pin MODULE prints the version that the tool's go.mod requires.
pin() { awk -v module="$1" '$1 == module {print $2; exit}' "$module/go.mod"; }

ldflags="-s -w"
usual="less than a minute"
case $name in
temporal)
	package=github.com/temporalio/cli/cmd/temporal
	version=$(pin github.com/temporalio/cli)
	usual="about 6 minutes"
	# Without this the CLI calls itself 0.0.0-DEV.
	ldflags+=" -X github.com/temporalio/cli/temporalcli.Version=${version#v}"
	;;
temporal-server)
	package=go.temporal.io/server/cmd/server
	version=$(pin go.temporal.io/server)
	usual="about 6 minutes"
	;;
temporal-sql-tool)
	module=$root/tools/temporal-server
	package=go.temporal.io/server/cmd/tools/sql
	version=$(pin go.temporal.io/server)
	;;
golangci-lint)
	package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	version=$(pin github.com/golangci/golangci-lint/v2)
	usual="about 3 minutes"
	;;
workflowcheck)
	package=go.temporal.io/sdk/contrib/tools/workflowcheck
	version=$(pin "$package")
	;;
stripe-mock)
	package=github.com/stripe/stripe-mock
	version=$(pin "$package")
	;;
govulncheck)
	package=golang.org/x/vuln/cmd/govulncheck
	version=$(pin golang.org/x/vuln)
	;;
*)
	echo "tools/build.sh: no tool is called \"$name\"" >&2
	exit 2
	;;
esac

mkdir -p "$root/.bin"
# Two test processes may want the same tool: the second waits, then finds it built.
if command -v flock >/dev/null; then
	exec 9>"$binary.lock"
	flock 9
fi

stamp="$version $(go env GOVERSION GOOS GOARCH | tr '\n' ' ')$(cat "$module/go.mod" "$module/go.sum" | cksum)"
if [[ -x $binary && -f $binary.stamp && $(<"$binary.stamp") == "$stamp" ]]; then
	exit 0
fi

echo "building $name $version from source into .bin/ ($usual on 2 cores, once; a new pin builds it again)"
started=$SECONDS
# -v prints a line per compiled package: turned into a sign of life every 100, everything else is an error text.
go -C "$module" build -v -trimpath -ldflags "$ldflags" -o "$binary.new" "$package" 2>&1 | awk -v name="$name" '
	/^[A-Za-z0-9._\/~+-]+$/ { if (++n % 100 == 0) { print "  " name ": " n " packages compiled"; fflush() }; next }
	/^go: downloading / { if (++d % 100 == 0) { print "  " name ": " d " modules downloaded"; fflush() }; next }
	{ print; fflush() }'
mv "$binary.new" "$binary"
echo "$stamp" >"$binary.stamp"
echo "built $name $version in $((SECONDS - started)) s"
