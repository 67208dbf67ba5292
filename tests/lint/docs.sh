#!/bin/sh
# docs.sh [--write] -- are the generated documents those of this program; is openapi.yaml valid?
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${BUILD:-build}
python=$build/venv/bin/python
failed=0

reference() {
    wanted=$build/CONFIGURATION.md
    if [ ! -x "$build/sluice" ]; then
        echo "skip CONFIGURATION.md is up to date ($build/sluice is not built)"
    elif ! "$build/sluice" config --reference >"$wanted"; then
        echo "not ok CONFIGURATION.md is up to date (sluice config --reference fails)"
        failed=1
    elif [ "${1:-}" = --write ]; then
        cp "$wanted" CONFIGURATION.md
        echo "ok CONFIGURATION.md written"
    elif diff -u CONFIGURATION.md "$wanted"; then
        echo "ok CONFIGURATION.md is up to date"
    else
        echo "not ok CONFIGURATION.md is up to date (make docs)"
        failed=1
    fi
}

contract() {
    if [ ! -f openapi.yaml ]; then
        echo "not ok openapi.yaml is valid (there is none)"
        failed=1
    elif [ ! -x "$python" ]; then
        echo "skip openapi.yaml is valid (no $python; make venv)"
    elif "$python" -m openapi_spec_validator openapi.yaml; then
        echo "ok openapi.yaml is valid"
    else
        echo "not ok openapi.yaml is valid"
        failed=1
    fi
}

reference "$@"
contract
exit $failed
