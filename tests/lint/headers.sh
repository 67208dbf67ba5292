#!/bin/sh
# headers.sh [FILE...] -- each header compiles alone, without a warning: it includes what it needs.
set -u
cd "$(dirname "$0")/../.." || exit 1

flags="-std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
libs="libmicrohttpd hiredis jansson yaml-0.1 libuv libsodium zlib"
cflags=$(pkg-config --cflags $libs) || { echo "not ok headers (build packages are missing)"; exit 1; }

if [ $# -eq 0 ]; then
    set -- $(python3 tests/lint/sources.py .h)
fi
if [ $# -eq 0 ]; then
    echo "ok headers (none)"
    exit 0
fi
# Compiled as a file that includes it, so that "pragma once in the main file" and the like stay quiet.
if printf '%s\n' "$@" | xargs -P 2 -I '{}' sh -c \
    "echo '#include \"{}\"' | gcc $flags $cflags -fsyntax-only -x c -"; then
    echo "ok headers ($# files)"
else
    echo "not ok headers"
    exit 1
fi
