"""Who may include whom: a file includes its own folder and lower ranks only.

    9  service/cli      service/main.c stands above all; service/config* is included
    7  api              by cli and main alone
    6  service/io
    5  service/release
    4  service/lists   service/trial
    3  service/engine
    2  rules   models   service/state        (siblings never meet)
    1  service/txn
    0  service/base

A unit test stands where its source does. An include names its file from the root of the
repository, and no file includes a .c or .cc.

    python3 tests/lint/layers.py [ROOT]
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources

RANKS = {
    "service/base": 0,
    "service/txn": 1,
    "rules": 2,
    "models": 2,
    "service/state": 2,
    "service/engine": 3,
    "service/lists": 4,
    "service/trial": 4,
    "service/release": 5,
    "service/io": 6,
    "api": 7,
    "service/config": 8,
    "service/cli": 9,
    "service/main": 10,
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"')


def module_of(path):
    """The row of RANKS a file belongs to, or None."""
    folder, name = os.path.split(path)
    if folder == "service":
        stem = name.split(".")[0]
        if stem == "main":
            return "service/main"
        return "service/config" if stem.startswith("config") else None
    if folder.startswith("tests/unit"):
        below = folder[len("tests/unit/"):]
        if not below:
            return module_of("service/" + name.removeprefix("test_"))
        return next((m for m in (below, "service/" + below) if m in RANKS), None)
    while folder and folder not in RANKS:
        folder = os.path.dirname(folder)
    return folder or None


def may_include(module, other):
    return module == other or RANKS[other] < RANKS[module]


def fault_of(base, path, module, target):
    """What is wrong with `path` including `target`, or None."""
    if target.endswith((".c", ".cc")):
        return f"includes a source file, {target}"
    if not os.path.exists(os.path.join(base, target)):
        return f'"{target}" is no file; name it from the root of the repository'
    other = module_of(target)
    if path.startswith("tests/") and target.startswith("tests/"):
        return None
    if target.startswith("tests/"):
        return f"includes {target}: no source may depend on a test"
    if other is None:
        return f"{target} belongs to no layer"
    if module is not None and not may_include(module, other):
        return f"{module} may not include {other} ({target})"
    return None


def faults_in(base, path):
    module = module_of(path)
    if module is None and not path.startswith("tests/"):
        yield f"{path}:1: belongs to no layer (RANKS in tests/lint/layers.py)"
        return
    # errors="replace": whether a file is UTF-8 is the line lint's business.
    with open(os.path.join(base, path), encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            match = INCLUDE.match(line)
            fault = match and fault_of(base, path, module, match.group(1))
            if fault:
                yield f"{path}:{number}: {fault}"


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else sources.root()
    files = sources.find([".c", ".cc", ".h"], base=base)
    faults = [fault for path in files for fault in faults_in(base, path)]
    print("\n".join(faults), end="\n" if faults else "")
    print("not ok layers" if faults else f"ok layers ({len(files)} files)")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
