"""The one test runner: runs groups of tests, counts each case, and closes with one line.

    python3 tests/run.py all|GROUP [PYTEST ARGUMENT...]

    build   build/sluice and build/san/sluice link
    lint    scripts of tests/lint; they print "ok NAME", "not ok NAME" or "skip NAME"
    unit    build/san/tests/unit/**/test_*, cmocka, two at a time
    fuzz    build/san/tests/fuzz/fuzz_*, each over its corpus and some thousand mutations
    rules   sluice test over the rule tests that ship, a file at a time
    system  pytest over tests/system, tests/parity and tests/messages, four tests at a time
    docs    generated documents are up to date; openapi.yaml is valid

Closes with "N passed, N failed, N skipped" and exits 1 when anything failed. What does not
build has failed. What this machine cannot run is skipped and says why; under CI=true that has
failed too, so that nothing is skipped there unseen. Standard library only.
"""
import concurrent.futures
import fcntl
import filecmp
import glob
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz"))
import campaign as fuzz_campaign

BUILD = os.environ.get("BUILD", "build")
SAN = f"{BUILD}/san"
PYTHON = f"{BUILD}/venv/bin/python"
BINARY_TIMEOUT_S = 240   # of a unit test or a lint: two compilers over all sources take 100 s
SYSTEM_TIMEOUT_S = 800   # all of pytest, twice what it takes; .ci/run may take 30 minutes
TEST_TIMEOUT_S = 240     # a test of it; the longest takes a minute
PARALLEL = 2             # sanitizer binaries are large; two fill the smallest machine we test on
SYSTEM_PARALLEL = 4      # system tests wait most of their time: for a broker, a deadline, a start
LINTS = (
    "sh tests/lint/format.sh",
    "python3 tests/lint/layers.py",
    "python3 tests/lint/mirror.py",
    "python3 tests/lint/lines.py",
    "sh tests/lint/headers.sh",
    "sh tests/lint/warnings.sh",
    "python3 tests/lint/test_lint.py",
)
PYTEST_FOLDERS = ("tests/system", "tests/parity", "tests/messages")


class Result:
    """What a test program came to."""

    def __init__(self, passed=0, failed=(), skipped=(), output=""):
        self.passed = passed
        self.failed = list(failed)
        self.skipped = list(skipped)
        self.output = output

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def execute(command, timeout_s, live=False):
    """Exit code (None: out of time) and output. The whole process group ends with it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                             stdout=None if live else subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = child.communicate(timeout=timeout_s)
        code = child.returncode
    except subprocess.TimeoutExpired:
        code, output = None, b""
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if code is None:
        output, _ = child.communicate()
    return code, (output or b"").decode("utf-8", "replace")


def ending(code, timeout_s):
    if code is None:
        return f"still ran after {timeout_s} s"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit {code}"


# ---- what a program prints -------------------------------------------------------------------


def read_cmocka(name, code, output):
    """[ OK ], [ FAILED ] and [ SKIPPED ] lines; tests announced and never ended have failed."""
    announced = sum(int(n) for n in re.findall(r"\[=+\].*?Running (\d+) test", output))
    passed = re.findall(r"^\[ +OK +\] (\S+)", output, re.M)
    failed = dict.fromkeys(re.findall(r"^\[ +FAILED +\] ([A-Za-z_]\w*)", output, re.M))
    skipped = dict.fromkeys(re.findall(r"^\[ +SKIPPED +\] ([A-Za-z_]\w*)", output, re.M))
    result = Result(len(passed), [f"{name}: {t}" for t in failed],
                    [f"{name}: {t}" for t in skipped], output)
    missing = announced - len(passed) - len(failed) - len(skipped)
    why = ending(code, BINARY_TIMEOUT_S)
    if missing > 0:
        result.failed += [f"{name}: {why} before test {i + 1} of {announced} ended"
                          for i in range(announced - missing, announced)]
    elif code != 0 and not failed:
        result.failed.append(f"{name}: {why} after its tests")
    elif announced == 0:
        result.failed.append(f"{name}: holds no test")
    return result


def read_lines(name, code, output):
    """"ok NAME", "not ok NAME", "skip NAME (why)"; a failure that says nothing is one too."""
    failed = re.findall(r"^not ok (.*)", output, re.M)
    result = Result(len(re.findall(r"^ok ", output, re.M)), failed,
                    re.findall(r"^skip (.*)", output, re.M), output)
    if code != 0 and not failed:
        result.failed.append(f"{name}: {ending(code, BINARY_TIMEOUT_S)}")
    return result


def read_exit(name, code, output):
    good = code == 0
    why = f"{name}: {ending(code, BINARY_TIMEOUT_S)}"
    return Result(int(good), [] if good else [why], output=output)


def read_rule_test(name, code, output):
    """Closes with "N passed, N failed"; without that line, or another exit code, that counts."""
    line = re.search(r"(\d+) passed, (\d+) failed", output)
    if line is None or (int(line[2]) == 0) != (code == 0):
        return read_exit(name, code, output)
    return Result(int(line[1]), [f"{name}: see above"] * int(line[2]), output=output)


def read_junit(path, code):
    """pytest's own report; without one it did not get so far."""
    result = Result()
    try:
        suites = xml.etree.ElementTree.parse(path).iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        return Result(failed=[f"pytest: {ending(code, SYSTEM_TIMEOUT_S)}, no report"])
    for case in suites:
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed.append(name)
        elif skip is not None:
            result.skipped.append(f"{name} ({skip.get('message')})")
        else:
            result.passed += 1
    if code not in (0, 5) and not result.failed:  # 5: no test was collected
        result.failed.append(f"pytest: {ending(code, SYSTEM_TIMEOUT_S)}")
    return result


# ---- groups ----------------------------------------------------------------------------------


def show(name, result, seconds):
    word = "FAIL" if result.failed else "ok  " if result.passed else "skip"
    print(f"{word} {name}  {result.passed} passed, {len(result.failed)} failed, "
          f"{len(result.skipped)} skipped, {seconds:.1f} s", flush=True)
    if result.failed:
        print("    " + result.output.rstrip().replace("\n", "\n    "), flush=True)


def run_one(name, command, read, timeout_s=BINARY_TIMEOUT_S):
    began = time.monotonic()
    try:
        code, output = execute(command, timeout_s)
    except OSError as error:
        return name, Result(failed=[f"{name}: {error}"], output=str(error)), 0.0
    return name, read(name, code, output), time.monotonic() - began


def run_many(jobs, parallel):
    """Run (name, command, read) jobs, showing each as it ends."""
    total = Result()
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run_one, *job) for job in jobs]):
            name, result, seconds = done.result()
            show(name, result, seconds)
            total.add(result)
    return total


def make(*arguments):
    return subprocess.run(["make", "--no-print-directory", "-s", *arguments], check=False,
                          stdin=subprocess.DEVNULL).returncode


def build(*targets):
    """Build, one build at a time in a checkout; answers (all is well, targets that did not build).

    LENIENT=1 links what compiles, so that one broken file fails the programs that need it and
    the others still run.
    """
    if not targets:
        return True, []
    os.makedirs(BUILD, exist_ok=True)
    jobs = f"-j{os.cpu_count() or 2}"
    with open(f"{BUILD}/.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if make("-k", jobs, *targets) == 0:
            return True, []
        make("-k", jobs, "LENIENT=1", *targets)
        return False, [t for t in targets if make("-q", "LENIENT=1", t) != 0]


def binaries(group, pattern):
    """Build the binary of each source; answers those that are there, and the others' failures."""
    found = sorted(p[:-2] for p in glob.glob(pattern, recursive=True))
    well, stale = build(*[f"{SAN}/{p}" for p in found])
    good = [p for p in found if f"{SAN}/{p}" not in stale]
    failed = [f"{p}: does not build" for p in found if p not in good]
    if not well and not failed:
        failed.append(f"{group}: a source does not compile (above)")
    print(f"-- {group}: {len(good)} programs, {len(found) - len(good)} do not build", flush=True)
    return good, Result(failed=failed)


def has_venv():
    """The stamp of `make venv` holds what it has installed."""
    made = f"{BUILD}/venv/.made"
    return os.path.exists(made) and filecmp.cmp(made, "tests/requirements.txt", shallow=False)


def missing(what, python=False):
    """What it comes to that this machine cannot run `what`; None when it can."""
    if not os.path.exists("/proc/self/maps"):
        why = f"{what}: the sanitizers need /proc, which is not mounted"
    elif python and not has_venv():
        why = f"{what}: no Python environment of tests/requirements.txt in {BUILD}/venv (make venv)"
    else:
        return None
    return Result(failed=[why]) if os.environ.get("CI") == "true" else Result(skipped=[why])


def group_build(_):
    print("-- build", flush=True)
    targets = [f"{BUILD}/sluice", f"{SAN}/sluice"]
    stale = build(*targets)[1]
    return Result(len(targets) - len(stale), [f"{t}: does not build" for t in stale])


def group_lint(_):
    print("-- lint", flush=True)
    return run_many([(c.split()[-1], c.split(), read_lines) for c in LINTS], PARALLEL)


def group_unit(_):
    good, total = binaries("unit", "tests/unit/**/test_*.c")
    total.add(missing("unit tests") or
              run_many([(p, [f"{SAN}/{p}"], read_cmocka) for p in good], PARALLEL))
    return total


def group_fuzz(_):
    good, total = binaries("fuzz", "tests/fuzz/fuzz_*.c")
    cannot = missing("fuzz targets")
    if good and cannot:
        total.add(cannot)
        return total
    jobs = [(p, [f"{SAN}/{p}", *fuzz_campaign.corpora(os.path.basename(p))], read_exit)
            for p in good]
    total.add(run_many(jobs, PARALLEL))
    return total


def group_rules(_):
    files = sorted(glob.glob("rules/packs/*/*_test.yaml"))
    print(f"-- rules: {len(files)} files", flush=True)
    cannot = missing("rule tests")
    if not files or cannot:
        return cannot or Result()
    if not build(f"{SAN}/sluice")[0]:
        return Result(failed=[f"{p}: {SAN}/sluice does not build" for p in files])
    return run_many([(p, [f"{SAN}/sluice", "test", p], read_rule_test) for p in files], PARALLEL)


def group_system(arguments):
    folders = arguments or [f for f in PYTEST_FOLDERS
                            if glob.glob(f"{f}/**/test_*.py", recursive=True)]
    print("-- system", *folders, flush=True)
    if not folders:
        return Result()
    cannot = missing("system tests", python=True)
    if cannot:
        return cannot
    if not build(f"{BUILD}/sluice", f"{SAN}/sluice", f"{BUILD}/tests/system/alloc_count.so")[0]:
        return Result(failed=["system tests: the program does not build"])
    report = f"{BUILD}/pytest.xml"
    if os.path.exists(report):
        os.remove(report)
    # Who hangs in C heeds no timeout, but its stack says which test it is.
    code, _ = execute([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                       "-n", str(SYSTEM_PARALLEL), "--dist", "worksteal",
                       f"--timeout={TEST_TIMEOUT_S}",
                       "-o", f"faulthandler_timeout={TEST_TIMEOUT_S + 10}",
                       f"--junitxml={report}", *folders], SYSTEM_TIMEOUT_S, live=True)
    return read_junit(report, code)


def group_docs(_):
    print("-- docs", flush=True)
    if not build(f"{BUILD}/sluice")[0]:
        return Result(failed=[f"docs: {BUILD}/sluice does not build"])
    return run_many([("docs", ["sh", "tests/lint/docs.sh"], read_lines)], 1)


GROUPS = {
    "build": group_build,
    "lint": group_lint,
    "unit": group_unit,
    "fuzz": group_fuzz,
    "rules": group_rules,
    "docs": group_docs,
    "system": group_system,
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("all", *GROUPS):
        print(__doc__, file=sys.stderr)
        return 2
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    os.environ.setdefault("CMOCKA_MESSAGE_OUTPUT", "STDOUT")
    os.environ.setdefault("SLUICE_BIN", os.path.abspath(f"{SAN}/sluice"))
    total = Result()
    for name in GROUPS if sys.argv[1] == "all" else [sys.argv[1]]:
        total.add(GROUPS[name](sys.argv[2:]))
    for name in total.skipped:
        print(f"skipped: {name}")
    for name in total.failed:
        print(f"failed:  {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed, {len(total.skipped)} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
