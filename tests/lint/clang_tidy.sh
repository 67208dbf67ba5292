#!/bin/sh
# clang_tidy.sh [FILE...] -- clang-tidy over the sources; .clang-tidy has the checks.
set -u
cd "$(dirname "$0")/../.." || exit 1

if ! command -v clang-tidy >/dev/null 2>&1; then
    echo "skip clang-tidy (it is not installed)"
    exit 0
fi
libs="libmicrohttpd hiredis jansson yaml-0.1 libuv libsodium zlib"
if [ $# -eq 0 ]; then
    set -- $(python3 tests/lint/sources.py .c | grep -v '^tests/')
fi
if printf '%s\n' "$@" | xargs -P 2 -I '{}' clang-tidy --quiet '{}' -- -std=gnu11 -D_GNU_SOURCE -I. \
    '-DSLUICE_VERSION="0"' $(pkg-config --cflags $libs) 2>/dev/null; then
    echo "ok clang-tidy ($# files)"
else
    echo "not ok clang-tidy"
    exit 1
fi
