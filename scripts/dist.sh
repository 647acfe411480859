#!/usr/bin/env bash
# Builds the binary as it is given away: optimised across crates, stripped, and static, so that it runs on any Linux of
# this architecture. Prints where it lies.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

need cc build-essential
target="$(rustc --version --verbose | sed -n 's/^host: //p')"
# With a target named, the flags do not reach build scripts and procedural macros, which cannot be static.
export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
step cargo build --locked --profile dist --target "$target" --package palladium --bin palladium
echo "${CARGO_TARGET_DIR:-target}/$target/dist/palladium"
