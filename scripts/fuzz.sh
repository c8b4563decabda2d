#!/bin/sh
# fuzz.sh SECONDS [TARGET…]: fuzzes each target for so long, all of them if none is named. What is found lies in fuzz/artifacts.
# It takes the stable compiler: the program has no unsafe code, so that what panics or grows is all that there is to find, and no
# sanitizer is needed.
set -eu
cd "$(dirname "$0")/.."

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "cargo-fuzz is missing. Run: cargo install cargo-fuzz"
    exit 1
fi

seconds=$1
shift
if [ $# -eq 0 ]; then
    set -- config didl duration gena icy last_change media playlist segments soap ssdp
fi

# The same versions of everything as the program has.
cp Cargo.lock fuzz/Cargo.lock

for target in "$@"; do
    case $target in
        config) fixtures="tests/fixtures/config config" ;;
        didl | last_change | soap) fixtures="tests/fixtures/upnp" ;;
        playlist) fixtures="tests/fixtures/playlists" ;;
        *) fixtures="tests/fixtures/fuzz/$target" ;;
    esac
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    # Flat, since files of several senders have one name.
    # shellcheck disable=SC2086
    find $fixtures -type f \( -name '*.xml' -o -name '*.toml' -o -name '*.txt' -o -name '*.icy' -o -name '*.hls' -o -path '*/fuzz/media/*.*' -o -path '*/playlists/*.*' \) | while read -r file; do
        cp "$file" "$corpus/$(echo "$file" | tr / _)"
    done
    cargo fuzz run --sanitizer none "$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=65536 -print_final_stats=1
done
