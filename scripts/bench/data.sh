#!/usr/bin/env bash
# What it takes to load tables, side by side in one run: Palladium, pandas' two engines, polars, and what Palladium for
# Python does, a data frame by pandas' C engine made one array. For each table and reader: wall clock and CPU time in
# seconds, how much memory grows by at its peak in MB, and how many times longer each takes than Palladium; medians of
# RUNS processes, which take turns. The files are seeded, with ten columns of numbers and one of texts: CSV of ROWS rows
# and Parquet of PARQUET_ROWS rows. They are kept between runs and in memory while they are read; `sql.sh` does the same
# for a database.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
rows="${ROWS:-2000000}"
parquet_rows="${PARQUET_ROWS:-500000}"
runs="${RUNS:-5}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/palladium-bench"

[ -x "$cache/data/bin/pip" ] || python3 -m venv "$cache/data"
"$cache/data/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/bench/frameworks/data.txt
python="$cache/data/bin/python"
csv="$cache/tables/$rows.csv" parquet="$cache/tables/$parquet_rows.parquet"
"$python" scripts/bench/data.py make "$csv" "$rows"
"$python" scripts/bench/data.py make "$parquet" "$parquet_rows"

cargo bench --locked --quiet --package palladium-dataset --bench data --no-run
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# ours LOADER PATH: measures Palladium.
ours() { cargo bench --locked --quiet --package palladium-dataset --bench data -- "$@"; }

# compare TABLE LOADER PATH READER…: measures Palladium and readers of Python, and prints a line for each.
compare() {
    local table=$1 loader=$2 path=$3 run reader
    shift 3
    cat "$path" >/dev/null
    for ((run = 0; run < runs; run++)); do
        ours "$loader" "$path" >>"$work/$table-palladium"
        for reader in "$@"; do
            "$python" scripts/bench/data.py load "$reader" "$path" >>"$work/$table-$reader"
        done
    done
    for reader in palladium "$@"; do
        # The medians of wall clock, CPU time and memory.
        for column in 1 2 3; do
            sort -g -k "$column,$column" "$work/$table-$reader" | awk -v column="$column" '
                { value[NR] = $column } END { printf "%s ", value[int((NR + 1) / 2)] }'
        done >"$work/medians"
        awk -v table="$table" -v reader="$reader" -v base="$work/base" '
            {
                if (reader == "palladium") print $1 > base
                else getline ours < base
                printf "%-8s %-15s %8.3f %8.2f %9.0f %7.2f\n", table, reader, $1, $2, $3 / 1e6,
                    reader == "palladium" ? 1 : $1 / ours
            }' "$work/medians"
    done
}

printf '%-8s %-15s %8s %8s %9s %7s\n' table reader wall/s CPU/s peak/MB ratio
compare CSV palladium.dataset.CSV "$csv" polars pandas-c pandas-pyarrow original
compare Parquet palladium.dataset.Parquet "$parquet" polars pandas-pyarrow
