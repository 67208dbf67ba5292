#!/bin/sh
# warnings.sh -- every source compiles without a warning, with clang as with gcc.
#
# The build itself shows gcc's at -O2; this one needs no code generated, so it is quick.
set -u
cd "$(dirname "$0")/../.." || exit 1

flags="-std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
flags="$flags -DSLUICE_VERSION=\"\\\"0\\\"\""
libs="libmicrohttpd hiredis jansson yaml-0.1 libuv libsodium zlib"
cflags=$(pkg-config --cflags $libs) || { echo "not ok warnings (build packages are missing)"; exit 1; }

for cc in gcc clang; do
    if ! command -v $cc >/dev/null 2>&1; then
        echo "skip warnings of $cc ($cc is not installed)"
    elif python3 tests/lint/sources.py .c | xargs -r -P 2 -n 8 $cc $flags $cflags -fsyntax-only; then
        echo "ok warnings of $cc"
    else
        echo "not ok warnings of $cc"
    fi
done
