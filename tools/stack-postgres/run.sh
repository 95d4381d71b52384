#!/usr/bin/env bash
# What docker-compose.yml describes, as processes on this machine and on other ports: PostgreSQL 15 with a cluster of
# its own in .stack/, the Temporal server with schema and namespace set up by the same scripts, the Stripe sandbox, the
# worker and the web server with the same variables. Without Temporal's UI and Mailpit: set SMTP_URL for mail.
#
# Runs until Ctrl-C. STACK_COMMAND='…' runs that command with the variables of a client, then stops everything and ends
# with its exit code; with STACK_SERVERS=1 beside PostgreSQL and Temporal alone. .stack/ keeps the data; STACK_FRESH=1
# starts with an empty one. Logs are in .stack/log.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
stack=$root/.stack
log=$stack/log

postgres_port=${STACK_POSTGRES_PORT:-15432}
temporal_port=${STACK_TEMPORAL_PORT:-17233}
sandbox_port=${STACK_SANDBOX_PORT:-12111}
web_port=${STACK_WEB_PORT:-18080}
worker_port=${STACK_WORKER_PORT:-19090}

say() { echo "stack-postgres: $*"; }

port_open() { exec 4<>"/dev/tcp/127.0.0.1/$1"; }

# healthy PORT PATH: answers 200?
healthy() {
	exec 4<>"/dev/tcp/127.0.0.1/$1"
	printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&4
	head -n 1 <&4 | grep -q ' 200 '
}

# port_free PORT NAME
port_free() {
	if (port_open "$1") 2>/dev/null; then
		say "port $1 for $2 is in use" >&2
		exit 1
	fi
}
port_free "$postgres_port" PostgreSQL
port_free "$temporal_port" Temporal
if [[ -z ${STACK_SERVERS:-} ]]; then
	port_free "$sandbox_port" "the sandbox"
	port_free "$web_port" "the web server"
	port_free "$worker_port" "the worker"
fi

# PostgreSQL refuses to run as root; everything else does not mind.
postgres_bin=/usr/lib/postgresql/15/bin
[[ -x $postgres_bin/initdb ]] || postgres_bin=$(dirname "$(command -v initdb)")
as_postgres=()
if ((EUID == 0)); then
	as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --)
	getent passwd postgres >/dev/null || as_postgres=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
fi
# Its socket and data lie outside the checkout, which a user like postgres may not be able to enter.
if ((EUID == 0)); then
	data=/var/lib/offsession-stack/$(printf '%s' "$root" | cksum | cut -d ' ' -f 1)
else
	data=$stack/postgres
fi

pids=()
names=()
stop() {
	trap - EXIT INT TERM
	# The newest first: nobody loses what it still needs.
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		if kill -0 "${pids[i]}" 2>/dev/null; then
			# PostgreSQL takes TERM for "when the last client has gone".
			[[ ${names[i]} == postgres ]] && signal=INT || signal=TERM
			kill -"$signal" "${pids[i]}" 2>/dev/null || true
			for _ in {1..1200}; do
				kill -0 "${pids[i]}" 2>/dev/null || break
				sleep 0.1
			done
			kill -KILL "${pids[i]}" 2>/dev/null || true
		fi
	done
	wait 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME COMMAND…: in a process group of its own, so that Ctrl-C reaches this script alone.
start() {
	local name=$1
	shift
	setsid "$@" >"$log/$name.log" 2>&1 </dev/null &
	pids+=($!)
	names+=("$name")
}

# await NAME COMMAND…: until the command succeeds; fails at once when the process has ended.
await() {
	local name=$1 last=$((${#pids[@]} - 1))
	shift
	for _ in {1..600}; do
		if ("$@") >/dev/null 2>&1; then
			return
		fi
		if ! kill -0 "${pids[last]}" 2>/dev/null; then
			break
		fi
		sleep 0.2
	done
	say "$name does not run; the end of $log/$name.log:" >&2
	tail -n 30 "$log/$name.log" >&2
	exit 1
}

if [[ -n ${STACK_FRESH:-} ]]; then
	rm -rf "$data"
fi
mkdir -p "$log" "$data"

# --- PostgreSQL ---
password=temporal
if ((EUID == 0)); then
	chown -R "$(if getent passwd postgres >/dev/null; then echo postgres:postgres; else echo nobody:nogroup; fi)" "$data"
fi
chmod 700 "$data"
if [[ ! -f $data/data/PG_VERSION ]]; then
	say "creating a PostgreSQL cluster in $data"
	"${as_postgres[@]}" bash -c "cd '$data' && '$postgres_bin/initdb' --pgdata='$data/data' --username=temporal --pwfile=<(echo '$password') \
		--auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C" >"$log/initdb.log" 2>&1 || {
		cat "$log/initdb.log" >&2
		exit 1
	}
fi
start postgres "${as_postgres[@]}" "$postgres_bin/postgres" -D "$data/data" \
	-c "port=$postgres_port" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$data"
await postgres "$postgres_bin/pg_isready" --host=127.0.0.1 --port="$postgres_port" --username=temporal --dbname=postgres
say "PostgreSQL on 127.0.0.1:$postgres_port, user and password temporal"

# --- Temporal: the tools that the images have on PATH come from .bin/ ---
temporal_cli=$(go run ./tools/findtemporal)
mkdir -p "$stack/path"
ln -sf "$temporal_cli" "$stack/path/temporal"
ln -sf "$root/.bin/temporal-sql-tool" "$stack/path/temporal-sql-tool"
export PATH=$stack/path:$PATH

SQL_HOST=127.0.0.1 SQL_PORT=$postgres_port SQL_USER=temporal SQL_PASSWORD=$password \
	deploy/temporal/schema.sh >"$log/schema.log" 2>&1 || {
	tail -n 30 "$log/schema.log" >&2
	exit 1
}
say "schema of Temporal $("$root/.bin/temporal-sql-tool" --version | awk '{print $NF}') is in place"

# The variables of compose, and ports that do not meet a development server's.
start temporal env DB=postgres12 POSTGRES_SEEDS=127.0.0.1 DB_PORT="$postgres_port" POSTGRES_USER=temporal POSTGRES_PWD="$password" \
	NUM_HISTORY_SHARDS=128 BIND_ON_IP=127.0.0.1 LOG_LEVEL=warn \
	DYNAMIC_CONFIG_FILE_PATH="$root/deploy/temporal/dynamicconfig.yaml" \
	FRONTEND_GRPC_PORT="$temporal_port" FRONTEND_HTTP_PORT="$((temporal_port + 10))" \
	HISTORY_GRPC_PORT="$((temporal_port + 1))" MATCHING_GRPC_PORT="$((temporal_port + 2))" WORKER_GRPC_PORT="$((temporal_port + 6))" \
	FRONTEND_MEMBERSHIP_PORT="$((temporal_port - 300))" HISTORY_MEMBERSHIP_PORT="$((temporal_port - 299))" \
	MATCHING_MEMBERSHIP_PORT="$((temporal_port - 298))" WORKER_MEMBERSHIP_PORT="$((temporal_port - 294))" \
	"$root/.bin/temporal-server" start
await temporal port_open "$temporal_port"
export TEMPORAL_ADDRESS=127.0.0.1:$temporal_port TEMPORAL_NAMESPACE=default
deploy/temporal/namespace.sh default | sed 's/^/stack-postgres: /'

if [[ -n ${STACK_SERVERS:-} ]]; then
	# For who measures what the servers use.
	export STACK_POSTGRES_PID=${pids[0]} STACK_TEMPORAL_PID=${pids[1]}
	export STACK_POSTGRES_URL=postgres://temporal:$password@127.0.0.1:$postgres_port/postgres
	code=0
	bash -c "$STACK_COMMAND" || code=$?
	exit "$code"
fi

# --- the product, with the variables that compose sets ---
export STRIPE_API_BASE=http://127.0.0.1:$sandbox_port
export STRIPE_API_KEY=sk_test_sandbox STRIPE_PUBLISHABLE_KEY=pk_test_sandbox STRIPE_WEBHOOK_SECRET=whsec_sandbox
export OFFSESSION_LINK_SECRET=sandbox-links-are-no-secret-00000000
export OFFSESSION_LISTEN=127.0.0.1:$web_port OFFSESSION_PUBLIC_URL=http://127.0.0.1:$web_port
export OFFSESSION_METRICS_LISTEN=127.0.0.1:$worker_port OFFSESSION_LOG_FORMAT=json

start sandbox bin/starter sandbox --listen "127.0.0.1:$sandbox_port" \
	--webhook-url "http://127.0.0.1:$web_port/webhooks/stripe" --webhook-secret "$STRIPE_WEBHOOK_SECRET"
await sandbox port_open "$sandbox_port"
start worker bin/worker
await worker healthy "$worker_port" /healthz
start web bin/starter serve
await web healthy "$web_port" /readyz

say "everything runs; logs in $log"
cat <<END

  web       http://127.0.0.1:$web_port
  worker    http://127.0.0.1:$worker_port/metrics
  sandbox   http://127.0.0.1:$sandbox_port
  Temporal  127.0.0.1:$temporal_port, namespace default

In another shell:

  export TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS STRIPE_API_BASE=$STRIPE_API_BASE STRIPE_API_KEY=$STRIPE_API_KEY
  export OFFSESSION_LINK_SECRET=$OFFSESSION_LINK_SECRET OFFSESSION_PUBLIC_URL=$OFFSESSION_PUBLIC_URL
  bin/starter payment list

END

if [[ -n ${STACK_COMMAND:-} ]]; then
	code=0
	bash -c "$STACK_COMMAND" || code=$?
	exit "$code"
fi
# Ends with Ctrl-C, or with whatever process ends first.
ended=0
wait -n "${pids[@]}" || ended=$?
for i in "${!pids[@]}"; do
	if ! kill -0 "${pids[i]}" 2>/dev/null; then
		say "${names[i]} ended (exit code $ended); the end of $log/${names[i]}.log:" >&2
		tail -n 30 "$log/${names[i]}.log" >&2
	fi
done
exit 1
