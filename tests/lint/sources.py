"""The C files of the repository, and the one of C++, one list for every lint.

`python3 tests/lint/sources.py [.h|.c|.cc]` prints them, one a line.
"""
import os
import sys

ROOTS = ("service", "rules", "models", "api", "tests")


def root():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find(suffixes, roots=ROOTS, base="."):
    """Paths below `base` with one of the suffixes, relative to it, sorted."""
    found = []
    for top in roots:
        for folder, _, names in os.walk(os.path.join(base, top)):
            found += [
                os.path.relpath(os.path.join(folder, name), base)
                for name in names
                if name.endswith(tuple(suffixes))
            ]
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(find(sys.argv[1:] or [".c", ".cc", ".h"], base=root())))
