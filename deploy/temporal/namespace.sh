#!/bin/sh
# Creates namespaces with 90 days of retention and the search attributes of offsession:   namespace.sh default …
# Run again, it adds what is missing.
#
# Reads TEMPORAL_ADDRESS, as every Temporal client does.
set -eu

retention=90d
attributes="
	OffsessionState:Keyword
	OffsessionReference:Keyword
	OffsessionCustomer:Keyword
	OffsessionDeclineCode:Keyword
	OffsessionRun:Keyword
	OffsessionCurrency:Keyword
	OffsessionNextActionAt:Datetime
	OffsessionAmount:Int
"

# patiently COMMAND…: a server that has just started, or a namespace that has just been made, needs some seconds.
patiently() {
	tries=60
	until output=$("$@" 2>&1); do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ]; then
			echo "$output" >&2
			return 1
		fi
		sleep 1
	done
}

patiently temporal operator cluster health
for namespace in "$@"; do
	if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
		temporal operator namespace update --namespace "$namespace" --retention "$retention" >/dev/null
	else
		patiently temporal operator namespace create --namespace "$namespace" --retention "$retention"
	fi
	patiently temporal operator search-attribute list --namespace "$namespace"
	present=$output
	for attribute in $attributes; do
		name=${attribute%:*}
		if ! echo "$present" | grep -qw "$name"; then
			patiently temporal operator search-attribute create --namespace "$namespace" --name "$name" --type "${attribute#*:}"
		fi
	done
	echo "namespace $namespace: retention $retention, search attributes present"
done
