"""Lines: at most 100 columns, no tabs, no blanks at the end, UTF-8, a newline at the end.

    python3 tests/lint/lines.py [ROOT]
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources

COLUMNS_MAX = 100  # two files beside each other on a laptop; .clang-format has it too


def faults_of_line(line):
    if len(line) > COLUMNS_MAX:
        yield f"{len(line)} columns, {COLUMNS_MAX} are allowed"
    if "\t" in line:
        yield "a tab"
    if line != line.rstrip():
        yield "blanks at the end of the line"


def faults_in(base, path):
    with open(os.path.join(base, path), "rb") as f:
        content = f.read()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        yield f"{path}:1: not UTF-8"
        return
    if text and not text.endswith("\n"):
        yield f"{path}:{text.count(chr(10)) + 1}: no newline at the end of the file"
    for number, line in enumerate(text.split("\n"), 1):
        for fault in faults_of_line(line):
            yield f"{path}:{number}: {fault}"


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else sources.root()
    files = sources.find([".c", ".cc", ".h", ".py", ".sh"], base=base)
    faults = [fault for path in files for fault in faults_in(base, path)]
    print("\n".join(faults), end="\n" if faults else "")
    print("not ok lines" if faults else f"ok lines ({len(files)} files)")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
