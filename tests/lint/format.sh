#!/bin/sh
# format.sh -- is every C file as clang-format would write it? `make format` does so.
set -u
cd "$(dirname "$0")/../.." || exit 1

if ! command -v clang-format >/dev/null 2>&1; then
    echo "skip format (clang-format is not installed)"
elif python3 tests/lint/sources.py | xargs -r -P 2 -n 16 clang-format --dry-run -Werror; then
    echo "ok format"
else
    echo "not ok format (make format)"
    exit 1
fi
