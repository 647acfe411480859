#!/usr/bin/env bash
# The main job from nothing: builds palladium, trains and tests a model on the iris data, serves it and asks for one
# prediction. Needs a Rust toolchain; brings a C compiler on Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

# SQLite and zstd are compiled from C.
need cc build-essential
step cargo build --locked
PATH="$(realpath "${CARGO_TARGET_DIR:-target}")/debug:$PATH"
export PALLADIUM_CONFIG=configs/iris/config.ron PALLADIUM_LOG="${PALLADIUM_LOG:-warn}"

step palladium fit --evaluate
step palladium test

query='sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5'
printf '\n== palladium serve, and GET /predict?%s\n' "$query"
coproc SERVICE { exec palladium serve --port 0; }
trap 'kill "$SERVICE_PID" 2>/dev/null || true' EXIT
read -r -u "${SERVICE[0]}" listening
port="${listening##*:}"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /predict?%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$query" >&3
response="$(cat <&3)"
printf '%s\n' "${response##*$'\r\n\r\n'}"
