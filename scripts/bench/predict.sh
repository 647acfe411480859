#!/usr/bin/env bash
# How many rows a second `palladium predict` and `palladium stream` answer on the iris example in a release build, and
# how much memory they take. ROWS sets the length of the file, RUNS how often each is measured; the best run is printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
rows="${ROWS:-1000000}"
runs="${RUNS:-3}"

cargo build --release --locked --quiet --package palladium --bin palladium
palladium="$CARGO_TARGET_DIR/release/palladium"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp configs/iris/config.ron configs/iris/iris.data "$work"
export PALLADIUM_LOG=off PALLADIUM_CONFIG="$work/config.ron"
"$palladium" fit >/dev/null

# The rows of the example again and again, each of them changed a little.
awk -F, -v rows="$rows" -v csv="$work/in.csv" -v ndjson="$work/in.ndjson" '
    NF == 5 { row[n++] = $0 }
    END {
        print "sepal length,sepal width,petal length,petal width,species" > csv
        for (i = 0; i < rows; i++) {
            split(row[i % n], cell, ",")
            cell[1] += (i % 1000) / 1000
            print cell[1] "," cell[2] "," cell[3] "," cell[4] "," cell[5] > csv
            printf "{\"sepal length\": %s, \"sepal width\": %s, \"petal length\": %s, \"petal width\": %s}\n",
                cell[1], cell[2], cell[3], cell[4] > ndjson
        }
    }' configs/iris/iris.data

# measure NAME COMMAND…: rows a second of the fastest run. Bash tells the seconds.
measure() {
    local name=$1 best='' taken
    shift
    for ((i = 0; i < runs; i++)); do
        local TIMEFORMAT=%R
        taken="$({ time "$@" >"$work/out" 2>"$work/log"; } 2>&1)" || { cat "$work/log" >&2; exit 1; }
        best="$(awk -v a="${best:-$taken}" -v b="$taken" 'BEGIN { print (b < a) ? b : a }')"
    done
    awk -v name="$name" -v rows="$rows" -v seconds="$best" 'BEGIN {
        printf "%-34s %12.0f rows/s %9.2f s\n", name, rows / seconds, seconds }'
}

stream() { "$palladium" stream <"$work/in.ndjson"; }

measure 'CSV to CSV' "$palladium" predict "$work/in.csv" "$work/out.csv"
measure 'CSV to CSV, batches of 100' "$palladium" predict "$work/in.csv" "$work/out.csv" --batch-size 100
measure 'CSV to NDJSON' "$palladium" predict "$work/in.csv" "$work/out.ndjson"
measure 'NDJSON to NDJSON' "$palladium" predict "$work/in.ndjson" "$work/out.ndjson"
measure 'NDJSON to CSV' "$palladium" predict "$work/in.ndjson" "$work/out.csv"
measure 'NDJSON to Parquet' "$palladium" predict "$work/in.ndjson" "$work/out.parquet"
measure 'stream, an object a line' stream

"$palladium" predict "$work/in.csv" - >"$work/out" 2>"$work/log" &
process=$!
peak=0
# The peak of a process that has ended is gone: it is looked at until then.
while status="$(awk '/VmHWM/ { print $2 }' "/proc/$process/status" 2>/dev/null)" && [ -n "$status" ]; do
    peak="$status"
    sleep 0.05
done
wait "$process"
printf 'most memory of CSV to CSV: %d KiB\n' "$peak"
