#!/usr/bin/env bash
# How long the iris example takes as a process in a release build: `palladium fit` from start to end, and `palladium
# serve` from start to its first answer. Prints the minimum, median and maximum of RUNS runs in milliseconds.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
runs="${RUNS:-20}"

cargo build --release --locked --quiet --package palladium --bin palladium
palladium="$CARGO_TARGET_DIR/release/palladium"
work="$(mktemp -d)"
service=''
finish() {
    [ -z "$service" ] || kill "$service" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cp configs/iris/config.ron configs/iris/iris.data "$work"
export PALLADIUM_LOG=off PALLADIUM_CONFIG="$work/config.ron"

now() { date +%s%N; }
summary() { sort -n | awk -v name="$1" '{ t[NR] = $1 / 1e6 } END {
    printf "%-28s min %6.1f  median %6.1f  max %6.1f ms\n", name, t[1], t[int((NR + 1) / 2)], t[NR] }'; }

for ((i = 0; i <= runs; i++)); do
    start="$(now)"
    "$palladium" fit >/dev/null
    # The first run fills the file cache.
    [ "$i" -eq 0 ] || echo "$(($(now) - start))"
done | summary 'fit, whole process'

query='sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5'
for ((i = 0; i <= runs; i++)); do
    start="$(now)"
    "$palladium" serve --port 5012 >"$work/log" &
    service=$!
    # Bash connects by itself: no client has to start. The loop ends with the first connection that is accepted.
    until { exec 3<>/dev/tcp/127.0.0.1/5012; } 2>/dev/null; do :; done
    printf 'GET /predict?%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$query" >&3
    read -r status <&3
    taken="$(($(now) - start))"
    exec 3>&-
    kill "$service"
    wait "$service" || true
    service=''
    case "$status" in *' 200 '*) ;; *) echo "the service answered $status" >&2; exit 1 ;; esac
    [ "$i" -eq 0 ] || echo "$taken"
done | summary 'serve, until first answer'
