"""The lints find what they are for: each case builds a small tree and runs one over it."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = "service/base/a.h"


def run(script, files):
    """Exit code and output of a lint over a tree of {path: content}."""
    with tempfile.TemporaryDirectory() as root:
        for path, content in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(content)
        done = subprocess.run([sys.executable, os.path.join(HERE, script), root],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


def include(path):
    return f'#include "{path}"\n'


def layer_case(path, target, allowed):
    return "layers.py", {path: include(target), target: "\n"}, allowed


CASES = {
    "a rule includes the base": layer_case("rules/r.c", BASE, True),
    "a file includes its own folder": layer_case("rules/r.c", "rules/r.h", True),
    "the base knows nobody": layer_case("service/base/b.c", "service/txn/t.h", False),
    "rules never meet the state": layer_case("rules/r.c", "service/state/s.h", False),
    "the state never meets rules": layer_case("service/state/s.c", "rules/r.h", False),
    "models never meet rules": layer_case("models/m.c", "rules/r.h", False),
    "the engine includes rules": layer_case("service/engine/e.c", "rules/r.h", True),
    "the engine does not include io": layer_case("service/engine/e.c", "service/io/i.h", False),
    "io does not include api": layer_case("service/io/i.c", "api/a.h", False),
    "api does not include config": layer_case("api/a.c", "service/config.h", False),
    "cli includes config": layer_case("service/cli/c.c", "service/config.h", True),
    "main includes cli": layer_case("service/main.c", "service/cli/c.h", True),
    "a unit test stands where its source does": layer_case("tests/unit/rules/test_r.c",
                                                           "service/state/s.h", False),
    "a unit test includes its source's header": layer_case("tests/unit/rules/test_r.c",
                                                           "rules/r.h", True),
    "no file includes a .c": layer_case("rules/r.c", "rules/q.c", False),
    "no file includes a .cc": layer_case("rules/r.c", "rules/q.cc", False),
    "a file in C++ has a rank too": layer_case("rules/r.cc", "service/state/s.h", False),
    "a test may be of a source in C++": ("mirror.py", {"tests/unit/rules/test_a.c": "\n",
                                                       "rules/a.cc": "\n"}, True),
    "no source includes a test": layer_case("rules/r.c", "tests/unit/u.h", False),
    "a folder without a rank is refused": layer_case("service/new/n.c", BASE, False),
    "an include must name a file from the root": ("layers.py", {"rules/r.c": include("r.h"),
                                                                "rules/r.h": "\n"}, False),
    "a test mirrors its source": ("mirror.py", {"tests/unit/base/test_a.c": "\n",
                                                "service/base/a.c": "\n"}, True),
    "a test may name an aspect": ("mirror.py", {"tests/unit/rules/test_a_b_random.c": "\n",
                                                "rules/a_b.c": "\n"}, True),
    "a test without a source is refused": ("mirror.py", {"tests/unit/base/test_b.c": "\n",
                                                         "service/base/a.c": "\n"}, False),
    "100 columns pass": ("lines.py", {BASE: "x" * 100 + "\n"}, True),
    "101 columns are refused": ("lines.py", {BASE: "x" * 101 + "\n"}, False),
    "a tab is refused": ("lines.py", {BASE: "\tx\n"}, False),
    "a blank at the end is refused": ("lines.py", {BASE: "x \n"}, False),
    "a file without a last newline is refused": ("lines.py", {BASE: "x"}, False),
}


def main():
    failed = 0
    for name, (script, files, allowed) in CASES.items():
        code, output = run(script, files)
        verdict = output.splitlines()[-1]
        good = (code == 0) == allowed and verdict.startswith("ok" if allowed else "not ok")
        failed += not good
        print(f"{'ok' if good else 'not ok'} {script}: {name}")
        if not good:
            print(output)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
