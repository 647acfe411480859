#!/usr/bin/env bash
# How long the stores of models take for models of SIZES bytes that can hardly be compressed, beside Python's pickle and
# gzip as the original uses them: medians in milliseconds of a write, an activation, the read of a process that has read
# nothing yet, and the look whether another version is active. Python's SQLite stands beside all databases, Python's
# files beside the other stores. Starts the servers; stores that cannot be made are named and left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
export SIZES="${SIZES:-1000 1000000 200000000}"

. scripts/services.sh
bring_services
cargo bench --locked --quiet --package palladium-persistence --bench stores --no-run
start_services
work="$services/bench"
mkdir "$work"

cargo bench --locked --quiet --package palladium-persistence --bench stores >"$work/palladium.times"
# shellcheck disable=SC2086 # These are several sizes.
/usr/bin/python3 scripts/bench/stores.py "$work" $SIZES >"$work/python.times"

printf '%-12s %10s %-10s %12s %12s %7s\n' store bytes operation 'palladium ms' 'Python ms' ratio
awk '
    NR == FNR { python[$1, $2, $3] = $4; next }
    {
        beside = $1 ~ /^(SQLite|PostgreSQL|MariaDB)$/ ? "SQLite" : "files"
        other = python[beside, $2, $3]
        printf "%-12s %10s %-10s %12.3f %12.3f %7.2f\n", $1, $2, $3, 1000 * $4, 1000 * other, other / $4
    }' "$work/python.times" "$work/palladium.times"
