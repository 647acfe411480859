#!/usr/bin/env bash
# How long it takes to load 500,000 rows of ten numbers and a text from SQLite: the SQL loader, and beside it connectorx,
# pandas and polars. Each run is a process of its own that reads what the disk cache holds; of RUNS runs the fastest
# counts. For each: the seconds of the load, the seconds of CPU and the peak memory of the whole process in MiB, and how
# many times faster the loader is.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
runs="${RUNS:-5}"

. scripts/need.sh
need /usr/bin/python3 python3 '/usr/lib/python3*/ensurepip/__init__.py' python3-venv
environment="${XDG_CACHE_HOME:-$HOME/.cache}/palladium-bench/sql"
[ -x "$environment/bin/pip" ] || /usr/bin/python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/bench/frameworks/sql.txt
cargo bench --locked --quiet --package palladium-dataset --bench sql --no-run

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$environment/bin/python" scripts/bench/sql.py make "$work/data.db"
export SQL_URL="sqlite:///$work/data.db" SQL="select * from data"

# fastest COMMAND...: prints rows, seconds, seconds of CPU and memory of the fastest run.
fastest() {
    for _ in $(seq "$runs"); do "$@"; done | sort --key 2,2 --numeric-sort | head --lines 1
}

{
    echo "palladium $(fastest cargo bench --locked --quiet --package palladium-dataset --bench sql)"
    for library in connectorx pandas polars; do
        echo "$library $(fastest "$environment/bin/python" scripts/bench/sql.py "$library" "$work/data.db")"
    done
} | awk '
    NR == 1 { own = $3; printf "%-12s %8s %9s %9s %9s %7s\n", "", "rows", "seconds", "CPU", "MiB", "ratio" }
    { printf "%-12s %8s %9s %9s %9s %7.2f\n", $1, $2, $3, $4, $5, $3 / own }'
