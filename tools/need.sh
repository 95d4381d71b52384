#!/usr/bin/env bash
# Makes sure that programs are there:   tools/need.sh chromium npm …
#
# As root on Debian or Ubuntu what is missing is installed with apt-get; elsewhere the script says what to install
# and fails.
set -euo pipefail

# installed PROGRAM: is it there?
installed() {
	case $1 in
	# Debian keeps the server's programs off PATH; other systems have them on it.
	postgres) [[ -x /usr/lib/postgresql/15/bin/initdb ]] || command -v initdb >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# package PROGRAM: the Debian package that brings it.
package() {
	case $1 in
	cc) echo gcc libc6-dev ;;
	postgres) echo postgresql-15 ;;
	*) echo "$1" ;;
	esac
}

missing=()
for program in "$@"; do
	installed "$program" || missing+=("$program")
done
if ((${#missing[@]} == 0)); then
	exit 0
fi

packages=()
for program in "${missing[@]}"; do
	read -ra names <<<"$(package "$program")"
	packages+=("${names[@]}")
done
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
	echo "missing: ${missing[*]}. Install them first; on Debian: sudo apt-get install ${packages[*]}" >&2
	exit 1
fi

echo "installing ${packages[*]} with apt-get (a minute or two, once)"
export DEBIAN_FRONTEND=noninteractive
if [[ " ${missing[*]} " == *" postgres "* ]]; then
	# Without a cluster of its own that would run as a service: ours is private.
	mkdir -p /etc/postgresql-common/createcluster.d
	echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/offsession.conf
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	exit 1
fi
for program in "${missing[@]}"; do
	if ! installed "$program"; then
		echo "$program is still missing after apt-get install ${packages[*]}" >&2
		exit 1
	fi
done
