#!/usr/bin/env bash
# Load on predictions of the iris model, side by side in one run: `palladium serve` without decorators, the same with
# metrics, an access log and an API key, for each of them a bare handler of the same server library that returns the same
# response as a constant, headers included (the ceiling), and, where Python can bring them, the original Palladium under
# gunicorn, FastAPI under uvicorn and MLServer, each with as many workers as it has cores. For each request and number
# of connections: requests per second, their share of the bare handler's, median and 99th percentile of the latency, and
# CPU time per request. Then how long each took from its start to its first prediction, and its memory before and after
# the load. `palladium` and the bare handler are built as they are given away, which takes minutes.
#
# `bare` has the responses of `palladium`, and the Python servers are compared with it too; `bare-guarded` has those of
# `guarded`.
#
# A load sends the next request at once; a paced one waits for a millisecond, and its latency is that of a server with
# cores to spare.
#
# The servers take turns; the medians of ROUNDS loads each are shown, and of the shares of one turn, since a load or two
# depend on where the system happens to run client and server, and machines change their pace.
#
# The client has the last core, and the servers have the others and as many workers: what is compared is what servers do
# with the same cores. With TOGETHER=1, and where there is one core alone, client and servers share all cores; the faster
# a server is, the more of them the client takes then. The CPU times per request compare what servers cost whoever takes
# the cores.
#
# Needs wrk (Debian: apt-get install wrk) and curl. SECONDS_EACH sets how long each load lasts, FRAMEWORKS=0 leaves the
# Python servers out, CONNECTIONS lists the numbers of connections for one row.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
duration="${SECONDS_EACH:-1}"
rounds="${ROUNDS:-5}"
workers="$(nproc)"
on_cores=()
of_client=()
if [ "${TOGETHER:-0}" != 1 ] && [ "$workers" -gt 1 ]; then
    last="$((workers - 1))"
    on_cores=(taskset --cpu-list "0-$((last - 1))")
    of_client=(taskset --cpu-list "$last")
    workers="$last"
fi

cargo build --profile dist --locked --quiet --package palladium --bin palladium
cargo build --profile dist --locked --quiet --package palladium-server --example constant
palladium="$CARGO_TARGET_DIR/dist/palladium"
constant="$CARGO_TARGET_DIR/dist/examples/constant"

# Each is compared with the bare handler before it.
servers=(bare palladium original fastapi mlserver bare-guarded guarded)
work="$(mktemp -d)"
declare -A port process started idle
finish() {
    for name in "${!process[@]}"; do kill -- "-${process[$name]}" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

# One environment for each framework, kept between runs.
frameworks="${FRAMEWORKS:-1}"
if [ "$frameworks" = 1 ]; then
    environments="${XDG_CACHE_HOME:-$HOME/.cache}/palladium-bench"
    for name in python mlserver; do
        if ! { [ -x "$environments/$name/bin/pip" ] || python3 -m venv "$environments/$name"; } ||
            ! "$environments/$name/bin/pip" install --quiet --disable-pip-version-check \
                --requirement "scripts/bench/frameworks/$name.txt"; then
            echo 'the Python servers are left out: their packages cannot be installed' >&2
            frameworks=0
            break
        fi
    done
    python="$environments/python/bin"
    mlserver="$environments/mlserver/bin"
fi

query='sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5'
row='{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}'
key='a-key-for-the-benchmark-alone'

# body SERVER ROWS: writes the request of a server.
body() {
    local i
    if [ "$1" = mlserver ]; then
        printf '{"inputs":[{"name":"predict","shape":[%s,4],"datatype":"FP64","data":[' "$2"
        for ((i = 1; i < $2; i++)); do printf '[6.3,2.5,4.9,1.5],'; done
        printf '[6.3,2.5,4.9,1.5]]}]}'
    else
        printf '['
        for ((i = 1; i < $2; i++)); do printf '%s,' "$row"; done
        printf '%s]' "$row"
    fi
}

# url SERVER ROWS: where it predicts; 0 rows is a GET, which has its row in the query.
url() {
    local place="http://127.0.0.1:${port[$1]}"
    if [ "$1" = mlserver ]; then
        echo "$place/v2/models/iris/infer"
    elif [ "$2" -gt 0 ]; then
        echo "$place/predict"
    else
        echo "$place/predict?$query"
    fi
}

# ask SERVER ROWS [OPTION…]: one prediction; 0 rows is a GET.
ask() {
    local server=$1 rows=$2
    shift 2
    local options=(--silent --fail --header "X-API-Key: $key" "$@")
    [ "$rows" -eq 0 ] || options+=(--header 'Content-Type: application/json' --data-binary "@$work/$server-$rows")
    curl "${options[@]}" "$(url "$server" "$rows")"
}

# processes SERVER: all its processes.
processes() { pgrep --session "${process[$1]}"; }
# memory SERVER: MiB of all its processes; pages that several of them share count once.
memory() { for id in $(processes "$1"); do cat "/proc/$id/smaps_rollup" 2>/dev/null || true; done |
    awk '/^Pss:/ { sum += $2 } END { printf "%.0f", sum / 1024 }'; }
# cpu SERVER: the CPU time of all its processes so far, in clock ticks.
cpu() { for id in $(processes "$1"); do cat "/proc/$id/stat" 2>/dev/null || true; done |
    awk '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum + 0 }'; }

# start SERVER PORT FOLDER COMMAND…: starts a server and waits for its first prediction.
start() {
    local name=$1 rows=0 from
    port[$name]=$2
    from="$(date +%s%N)"
    (cd "$3" && exec setsid "${on_cores[@]}" "${@:4}") >"$work/$name.log" 2>&1 &
    process[$name]=$!
    [ "$name" != mlserver ] || rows=1
    for _ in $(seq 3000); do
        if ask "$name" "$rows" --output /dev/null; then
            started[$name]="$((($(date +%s%N) - from) / 1000000))"
            idle[$name]="$(memory "$name")"
            return
        fi
        sleep 0.01
    done
    echo "$name does not answer:" >&2
    tail "$work/$name.log" >&2
    exit 1
}

for rows in 1 100 10000; do
    for name in "${servers[@]}"; do body "$name" "$rows" >"$work/$name-$rows"; done
done
mkdir "$work/service" "$work/python"
cp configs/iris/config.ron configs/iris/iris.data "$work/service"
cat >"$work/service/guarded.ron" <<RON
{
    "metrics": { "!": "palladium.observability.Metrics" },
    "predict_decorators": [
        {
            "!": "palladium.decorators.ApiKey",
            "api_keys": { "benchmark": "sha256:$(printf %s "$key" | sha256sum | cut -d' ' -f1)" },
        },
        "palladium.decorators.AccessLog",
    ],
    "logging": { "filters": { "palladium::access": "info" } },
}
RON
"$palladium" fit --config "$work/service/config.ron" >/dev/null 2>&1
start palladium 5010 "$work/service" env PALLADIUM_LOG=off "$palladium" serve --port 5010 --config config.ron
start guarded 5012 "$work/service" "$palladium" serve --port 5012 --config config.ron,guarded.ron
if [ "$frameworks" = 1 ]; then
    cp configs/iris/iris.data scripts/bench/frameworks/* "$work/python"
    (cd "$work/python" && PALLADIUM_CONFIG=config.py "$python/pld-fit" &&
        "$python/python" -c 'import gzip, joblib, pickle
joblib.dump(pickle.load(gzip.open("model-1.pkl.gz")), "model.joblib")') >"$work/fit.log" 2>&1
    start original 5020 "$work/python" env PALLADIUM_CONFIG=config.py \
        "$python/gunicorn" --workers "$workers" --bind 127.0.0.1:5020 palladium.wsgi:app
    start fastapi 5022 "$work/python" \
        "$python/uvicorn" --workers "$workers" --port 5022 --log-level warning --no-access-log api:app
    start mlserver 5023 "$work/python" env PATH="$mlserver:$PATH" "$mlserver/mlserver" start .
fi

# load SERVER CONNECTIONS ROWS DELAY: requests per second, median and 99th percentile in milliseconds, CPU microseconds.
load() {
    local script="$work/load.lua" before after
    if [ "$3" -gt 0 ]; then
        cat >"$script" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "$key"
local file = io.open("$work/$1-$3")
wrk.body = file:read("*a")
file:close()
LUA
    else
        echo "wrk.headers[\"X-API-Key\"] = \"$key\"" >"$script"
    fi
    [ "$4" -eq 0 ] || echo "function delay() return $4 end" >>"$script"
    before="$(cpu "$1")"
    "${of_client[@]}" wrk --threads 1 --connections "$2" --duration "${duration}s" --timeout 60s --latency \
        --script "$script" "$(url "$1" "$3")" >"$work/wrk"
    after="$(cpu "$1")"
    awk -v ticks="$((after - before))" -v hertz="$(getconf CLK_TCK)" '
        function milliseconds(text) {
            return text ~ /us$/ ? text / 1000 : text ~ /ms$/ ? text + 0 : text * 1000
        }
        $1 == "50%" { median = milliseconds($2) }
        $1 == "99%" { late = milliseconds($2) }
        / requests in / { requests = $1 }
        /Requests\/sec/ { rate = $2 }
        /Non-2xx|Socket errors/ { print "not all requests were answered: " $0 > "/dev/stderr"; exit 1 }
        END { print rate, median, late, requests ? 1e6 * ticks / hertz / requests : 0 }' "$work/wrk"
}

# medians FILE: the median of each column.
medians() {
    local column
    for column in 1 2 3 4 5; do
        sort -g -k "$column,$column" "$1" | awk -v column="$column" '
            { value[NR] = $column } END { printf "%s ", value[int((NR + 1) / 2)] }'
    done
}

# start_bare NAME PORT SERVER ROWS: starts a bare handler with the response of a server.
start_bare() {
    local headers
    ask "$3" "$4" --output "$work/answer-$2" --dump-header "$work/head"
    # The library adds these itself.
    mapfile -t headers < <(tr -d '\r' <"$work/head" | sed -n 's/^\([^:]*\): \(.*\)/\1\n\2/p' | awk '
        NR % 2 { name = tolower($0); next }
        name !~ /^(content-length|content-type|date)$/ { print name; print }')
    start "$1" "$2" "$work" "$constant" "127.0.0.1:$2" "$work/answer-$2" "${headers[@]}"
}

# compare REQUEST ROWS CONNECTIONS [DELAY]: loads all servers; between requests each connection waits for so many
# milliseconds.
compare() {
    local ceiling name loaded rate median late microseconds share round
    start_bare bare 5011 palladium "$2"
    start_bare bare-guarded 5013 guarded "$2"
    for ((round = 0; round < rounds; round++)); do
        for name in "${servers[@]}"; do
            [ -n "${started[$name]:-}" ] || continue
            # MLServer has no GET.
            [ "$name" != mlserver ] || [ "$2" -gt 0 ] || continue
            loaded="$(load "$name" "$3" "$2" "${4:-0}")"
            read -r rate median late microseconds <<<"$loaded"
            case "$name" in bare*) ceiling="$rate" ;; esac
            share="$(awk -v rate="$rate" -v ceiling="$ceiling" 'BEGIN { print rate / ceiling }')"
            echo "$rate $median $late $microseconds $share" >>"$work/loads-$name"
        done
    done
    for name in "${servers[@]}"; do
        [ -f "$work/loads-$name" ] || continue
        read -r rate median late microseconds share <<<"$(medians "$work/loads-$name")"
        rm "$work/loads-$name"
        printf '%-16s %11d %-12s %11.1f %6.3f %9.3f %9.3f %10.2f\n' "$1" "$3" "$name" "$rate" "$share" "$median" "$late" \
            "$microseconds"
    done
    for name in bare bare-guarded; do
        kill -- "-${process[$name]}"
        wait "${process[$name]}" 2>/dev/null || true
    done
}

printf '%-16s %11s %-12s %11s %6s %9s %9s %10s\n' request connections server 'requests/s' share 'p50 ms' 'p99 ms' 'CPU us'
for connections in ${CONNECTIONS:-1 8 64}; do compare 'GET' 0 "$connections"; done
for connections in ${CONNECTIONS:-1 8 64}; do compare 'POST 1 row' 1 "$connections"; done
compare 'GET, paced' 0 8 1
compare 'POST 1, paced' 1 8 1
compare 'POST 100 rows' 100 8
compare 'POST 10,000 rows' 10000 2

printf '\n%-10s %22s %14s %18s\n' server 'first prediction ms' 'MiB at first' 'MiB after the load'
for name in palladium original fastapi mlserver guarded; do
    [ -n "${started[$name]:-}" ] || continue
    printf '%-10s %22d %14d %18d\n' "$name" "${started[$name]}" "${idle[$name]}" "$(memory "$name")"
done
