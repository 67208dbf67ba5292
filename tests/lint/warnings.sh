#!/bin/sh
# warnings.sh -- every source compiles without a warning, with clang as with gcc.
#
# The build itself shows gcc's at -O2; here no code is generated, so it is quick.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lint/flags.sh

# $1 compiles C, $2 C++.
compiles() {
    python3 tests/lint/sources.py .c | xargs -r -P 2 -n 8 "$1" $flags $warn -fsyntax-only &&
        python3 tests/lint/sources.py .cc | xargs -r "$2" $cxxflags $warn -fsyntax-only
}

failed=0
for cc in gcc clang; do
    if ! command -v $cc >/dev/null 2>&1; then
        echo "skip warnings of $cc ($cc is not installed)"
    elif compiles $cc "$([ $cc = gcc ] && echo g++ || echo clang++)"; then
        echo "ok warnings of $cc"
    else
        echo "not ok warnings of $cc"
        failed=1
    fi
done
exit $failed
