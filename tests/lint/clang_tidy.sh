#!/bin/sh
# clang_tidy.sh [FILE...] -- clang-tidy over the sources; .clang-tidy has the checks.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lint/flags.sh

if ! command -v clang-tidy >/dev/null 2>&1; then
    echo "skip clang-tidy (it is not installed)"
    exit 0
fi
[ $# -gt 0 ] || set -- $(python3 tests/lint/sources.py .c .cc | grep -v '^tests/')
# Its stderr only counts the warnings it suppressed in system headers.
if printf '%s\n' "$@" | FLAGS="$flags" CXXFLAGS="$cxxflags" xargs -P 2 -I '{}' sh -c \
    'case $1 in *.cc) FLAGS=$CXXFLAGS ;; esac
    clang-tidy --quiet "$1" -- $FLAGS 2>/dev/null' sh '{}'; then
    echo "ok clang-tidy ($# files)"
else
    echo "not ok clang-tidy"
    exit 1
fi
