#!/usr/bin/env bash
# Passes all tests: formatting, lints, unit and integration tests, documentation tests.
# Brings what it needs on a Debian machine that has a Rust toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

# Dependencies are kept outside the clone, so that a fresh one does not build them again.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/palladium-target}"
export CARGO_INCREMENTAL=0
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"

. scripts/need.sh
. scripts/services.sh

# SQLite and zstd are compiled from C.
need cc build-essential
cargo fmt --version >/dev/null 2>&1 || step rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || step rustup component add clippy

step cargo fmt --all --check
step cargo clippy --workspace --all-targets --locked -- -D warnings
# What the standard binary leaves out.
step cargo clippy --workspace --all-targets --features otel --locked -- -D warnings

# The fuzz targets are workspaces of their own.
for fuzz in engine/config/fuzz components/persistence/fuzz; do
    step cargo check --locked --manifest-path "$fuzz/Cargo.toml" --target-dir "$CARGO_TARGET_DIR/fuzz"
done

# The tests of the model stores talk to real servers.
bring_services
start_services
if cargo nextest --version >/dev/null 2>&1; then
    step cargo nextest run --workspace --locked --no-fail-fast
else
    step cargo test --workspace --locked --no-fail-fast
fi
step cargo test --workspace --doc --locked
step cargo test --workspace --features otel --locked --test it open_telemetry
step ./scripts/quickstart.sh
