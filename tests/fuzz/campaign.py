"""Fuzz targets under libFuzzer, and generated expressions beside cel-go, two at a time.

    python3 tests/fuzz/campaign.py --minutes N [fuzz_NAME ... differential]   (see `make fuzz`)

A target starts from its seeds, tests/fuzz/corpus and what it found in runs before, which stays in
build/fuzz/NAME/corpus, and knows the words of its language. What crashes it, hangs, or takes too
much memory is left in build/fuzz/NAME/, with the command that runs it again. `differential` is
tests/differential/run.py over new expressions each time; where they differ it counts as a crash,
and without Go it is skipped and says so. Closes with "N targets, N minutes each, N crashes"; exits
1 when there are any.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

SLUICE = os.environ.get("BUILD", "build") + "/sluice"
BUILD = os.environ.get("BUILD", "build") + "/fuzz"
PARALLEL = 2
HANGS_AFTER_S = 10     # one input; milliseconds are usual
MEMORY_MB = 2048
MORE_S = 300           # for what libFuzzer does before and after its minutes
DIFFERENTIAL = "differential"
SLICE = 10000          # expressions between two looks at the clock
NO_GO = 77             # its exit status
ARTIFACTS = ("crash-", "leak-", "timeout-", "oom-", "slow-unit-")


def corpora(target):
    """Folders of tests/fuzz/corpus for a target: of fuzz_cel_vm cel and cel_vm."""
    parts = target.removeprefix("fuzz_").split("_")
    names = ["tests/fuzz/corpus/" + "_".join(parts[:n + 1]) for n in range(len(parts))]
    return [name for name in names if os.path.isdir(name)]


def artifacts(folder):
    return {name for name in os.listdir(folder) if name.startswith(ARTIFACTS)}


class Result:
    """What a target came to."""

    def __init__(self, inputs=0, wrong=(), skipped=None):
        self.inputs = inputs
        self.wrong = list(wrong)   # lines to show
        self.skipped = skipped     # why


def units_in(log):
    """How many inputs libFuzzer ran, by its own count."""
    with open(log, encoding="utf-8", errors="replace") as f:
        counts = re.findall(r"number_of_executed_units: (\d+)", f.read())
    return int(counts[-1]) if counts else 0


def run_differential(minutes):
    """Slices of one seed, until the time is up or the two differ."""
    seed, first, end = int(time.time()), 0, time.monotonic() + minutes * 60
    os.makedirs(BUILD, exist_ok=True)
    while time.monotonic() < end:
        done = subprocess.run(
            [sys.executable, "tests/differential/run.py", "--seed", str(seed), "--sluice", SLUICE,
             "--first", str(first), "--count", str(SLICE)],
            capture_output=True, text=True, check=False)
        with open(f"{BUILD}/{DIFFERENTIAL}.log", "w", encoding="utf-8") as log:
            log.write(done.stdout + done.stderr)
        if done.returncode == NO_GO:
            return Result(skipped=done.stdout.strip())
        first += SLICE
        closing = re.search(r"(\d+) agree, (\d+) differ", done.stdout)
        if closing is None or closing[2] != "0":
            return Result(first, [f"{DIFFERENTIAL}: see {log.name}",
                                  *re.findall(r"DIFFER.*", done.stdout)])
    return Result(first)


def run(target, minutes):
    """One target, from its preparation to its end."""
    if target == DIFFERENTIAL:
        return run_differential(minutes)
    program = f"{BUILD}/san/tests/fuzz/{target}"
    folder = f"{BUILD}/{target.removeprefix('fuzz_')}"
    os.makedirs(f"{folder}/corpus", exist_ok=True)
    subprocess.run([program, "--prepare", folder], check=True)
    before = artifacts(folder)
    words = f"{folder}/words.dict"
    dictionary = [f"-dict={words}"] if os.path.getsize(words) > 0 else []
    command = [program, *dictionary, f"-artifact_prefix={folder}/",
               f"-max_total_time={int(minutes * 60)}", f"-timeout={HANGS_AFTER_S}",
               f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", f"{folder}/corpus",
               f"{folder}/seeds", *corpora(target)]
    with open(f"{folder}/log", "wb") as log:
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  timeout=minutes * 60 + MORE_S, check=False).returncode
        except subprocess.TimeoutExpired:
            code = None
    new = sorted(artifacts(folder) - before)
    result = Result(units_in(f"{folder}/log"))
    if code != 0 or new:
        why = "no end" if code is None else f"exit {code}"
        result.wrong = [f"{target}: {why}, see {folder}/log"]
        result.wrong += [f"    {program} {folder}/{name}" for name in new] or ["    without input"]
    return result


def show(target, result):
    word = "FAIL" if result.wrong else "skip" if result.skipped else "ok  "
    print(f"{word} {target}  {result.skipped or f'{result.inputs} inputs'}")
    print("".join(line + "\n" for line in result.wrong), end="", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    targets = arguments.targets or [DIFFERENTIAL, *sorted(
        os.path.basename(path)[:-len(".c")] for path in glob.glob("tests/fuzz/fuzz_*.c"))]
    ran = crashes = 0
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        started = {pool.submit(run, target, arguments.minutes): target for target in targets}
        for done in concurrent.futures.as_completed(started):
            result = done.result()
            ran += result.skipped is None
            crashes += bool(result.wrong)
            show(started[done], result)
    print(f"{ran} targets, {arguments.minutes:g} minutes each, {crashes} crashes")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
