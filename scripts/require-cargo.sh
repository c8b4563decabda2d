#!/bin/sh
# Says how to get Rust if it is missing or too old. It installs nothing.
set -eu

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")

if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is missing. Install it from https://rustup.rs (no root needed), open a new shell, and run make again."
    exit 1
fi

found=$(cargo --version | cut -d ' ' -f 2)
oldest=$(printf '%s\n%s\n' "$wanted" "$found" | sort --version-sort | head -n 1)
if [ "$oldest" != "$wanted" ]; then
    echo "Rust $found is too old; $wanted or newer is needed. Run: rustup update stable"
    exit 1
fi
