#!/usr/bin/env bash
# Load on `/predict` of the iris service beside a bare handler of the same server library that returns a constant of
# the same size: requests per second and their ratio, by GET and by POST with 1, 100 and 10,000 rows, and the CPU time
# of one request. Needs wrk (Debian: apt-get install wrk) and curl. SECONDS_EACH sets how long each load lasts.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
duration="${SECONDS_EACH:-5}"

cargo build --release --locked --quiet --package palladium --bin palladium
cargo build --release --locked --quiet --package palladium-server --example constant
palladium="$CARGO_TARGET_DIR/release/palladium"
constant="$CARGO_TARGET_DIR/release/examples/constant"

work="$(mktemp -d)"
processes=()
finish() {
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

cp configs/iris/config.ron configs/iris/iris.data "$work"
export PALLADIUM_LOG=off
"$palladium" fit --config "$work/config.ron" >/dev/null
"$palladium" serve --port 5010 --config "$work/config.ron" >"$work/log" &
processes+=($!)
service=$!

# await URL: returns once something answers there.
await() {
    for _ in $(seq 200); do
        curl --silent --output /dev/null "$1" && return
        sleep 0.05
    done
    echo "nothing answers at $1" >&2
    exit 1
}
await http://127.0.0.1:5010/alive

query='sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5'
row='{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}'

# cpu PROCESS: its CPU time so far in clock ticks.
cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# load PORT CONNECTIONS SCRIPT: requests per second.
load() {
    wrk --threads 1 --connections "$2" --duration "${duration}s" ${3:+--script "$3"} \
        "http://127.0.0.1:$1/predict?$query" | awk '
            /Requests\/sec/ { rate = $2 }
            /Non-2xx/ { print "responses other than 2xx" > "/dev/stderr"; exit 1 }
            END { print rate }'
}

# compare NAME CONNECTIONS ROWS: one row of the table; 0 rows is a GET.
compare() {
    local name=$1 connections=$2 rows=$3 script=''
    if [ "$rows" -gt 0 ]; then
        { printf '['; for ((i = 1; i < rows; i++)); do printf '%s,' "$row"; done; printf '%s]' "$row"; } >"$work/body"
        script="$work/post.lua"
        cat >"$script" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("$work/body")
wrk.body = file:read("*a")
file:close()
LUA
        curl --silent --fail --header 'Content-Type: application/json' --data-binary @"$work/body" \
            --output "$work/answer" http://127.0.0.1:5010/predict
    else
        curl --silent --fail --output "$work/answer" "http://127.0.0.1:5010/predict?$query"
    fi
    "$constant" 127.0.0.1:5011 "$work/answer" &
    local bare=$!
    processes+=("$bare")
    await http://127.0.0.1:5011/
    local ceiling rate before after
    ceiling="$(load 5011 "$connections" "$script")"
    before="$(cpu "$service")"
    rate="$(load 5010 "$connections" "$script")"
    after="$(cpu "$service")"
    kill "$bare"
    wait "$bare" 2>/dev/null || true
    awk -v name="$name" -v connections="$connections" -v ceiling="$ceiling" -v rate="$rate" \
        -v ticks="$((after - before))" -v hertz="$(getconf CLK_TCK)" -v duration="$duration" 'BEGIN {
            printf "%-18s %11d %12.0f %12.0f %7.2f %13.3f\n", name, connections, rate, ceiling, rate / ceiling,
                1000 * ticks / hertz / (rate * duration)
        }'
}

printf '%-18s %11s %12s %12s %7s %13s\n' request connections 'palladium/s' 'bare/s' ratio 'CPU ms/request'
for connections in 1 8 64; do compare 'GET' "$connections" 0; done
for connections in 1 8 64; do compare 'POST 1 row' "$connections" 1; done
compare 'POST 100 rows' 64 100
compare 'POST 10,000 rows' 4 10000
