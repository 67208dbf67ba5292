"""Unit tests mirror the tree: tests/unit/rules/test_cel_vm.c is for rules/cel_vm.c.

tests/unit/base stands for service/base, and so on. One source may have several test files:
test_fold_random.c is for fold.c too. The other .c files below tests/unit are support.

    python3 tests/lint/mirror.py [ROOT]
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources


def sources_named(base, folder, stem):
    """Does the folder have stem.c or stem.h, or one for a front part of stem_at_underscores?"""
    parts = stem.split("_")
    return any(
        os.path.exists(os.path.join(base, top, folder, "_".join(parts[:n]) + suffix))
        for n in range(len(parts), 0, -1)
        for top in ("", "service")
        for suffix in (".c", ".cc", ".h")
    )


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else sources.root()
    faults, count = [], 0
    for path in sources.find([".c"], roots=["tests/unit"], base=base):
        folder, name = os.path.split(path)
        if not name.startswith("test_"):
            continue
        count += 1
        below = os.path.relpath(folder, "tests/unit")
        if not sources_named(base, below, name[len("test_"):-len(".c")]):
            faults.append(f"{path}:1: there is no source that this is the test of")
    print("\n".join(faults), end="\n" if faults else "")
    print("not ok mirror" if faults else f"ok mirror ({count} tests)")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
