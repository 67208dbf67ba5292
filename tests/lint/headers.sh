#!/bin/sh
# headers.sh [FILE...] -- each header compiles alone, without a warning: it includes what it needs.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lint/flags.sh

[ $# -gt 0 ] || set -- $(python3 tests/lint/sources.py .h)
# Through a file that includes it, for a header is never the main file.
if printf '%s\n' "$@" | FLAGS="$flags $warn" xargs -r -P 2 -I '{}' sh -c \
    'echo "#include \"$1\"" | gcc $FLAGS -fsyntax-only -x c -' sh '{}'; then
    echo "ok headers ($# files)"
else
    echo "not ok headers"
    exit 1
fi
