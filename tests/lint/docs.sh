#!/bin/sh
# docs.sh [--write] -- are the generated documents those of this program; is openapi.yaml valid?
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${BUILD:-build}
python=$build/venv/bin/python
failed=0
write=${1:-}

# generated FILE VERB...: FILE is what `sluice VERB...` prints
generated() {
    file=$1
    shift
    wanted=$build/$(basename "$file")
    if [ ! -x "$build/sluice" ]; then
        echo "skip $file is up to date ($build/sluice is not built)"
    elif ! "$build/sluice" "$@" >"$wanted"; then
        echo "not ok $file is up to date (sluice $* fails)"
        failed=1
    elif [ "$write" = --write ]; then
        mkdir -p "$(dirname "$file")"
        cp "$wanted" "$file"
        echo "ok $file written"
    elif diff -u "$file" "$wanted"; then
        echo "ok $file is up to date"
    else
        echo "not ok $file is up to date (make docs)"
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

generated CONFIGURATION.md config --reference
for kind in ruleset rules tests model; do
    generated "rules/schemas/$kind.schema.json" schema "$kind"
done
contract
exit $failed
