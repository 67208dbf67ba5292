"""Fuzz targets under libFuzzer, each for some minutes, two at a time.

    python3 tests/fuzz/campaign.py --minutes N [fuzz_NAME ...]      (after `make`; see `make fuzz`)

A target starts from its seeds, tests/fuzz/corpus and what it found in runs before, which stays in
build/fuzz/NAME/corpus, and knows the words of its language. What crashes it, hangs, or takes too
much memory is left in build/fuzz/NAME/, with the command that runs it again. Closes with
"N targets, N minutes each, N crashes"; exits 1 when there are any.
"""
import argparse
import concurrent.futures
import glob
import os
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build") + "/fuzz"
PARALLEL = 2
HANGS_AFTER_S = 10     # one input; milliseconds are usual
MEMORY_MB = 2048
MORE_S = 300           # for what libFuzzer does before and after its minutes
ARTIFACTS = ("crash-", "leak-", "timeout-", "oom-", "slow-unit-")


def corpora(target):
    """Folders of tests/fuzz/corpus for a target: of fuzz_cel_vm cel and cel_vm."""
    parts = target.removeprefix("fuzz_").split("_")
    names = ["tests/fuzz/corpus/" + "_".join(parts[:n + 1]) for n in range(len(parts))]
    return [name for name in names if os.path.isdir(name)]


def artifacts(folder):
    return {name for name in os.listdir(folder) if name.startswith(ARTIFACTS)}


def run(target, minutes):
    """What it found that is wrong: lines to show."""
    program = f"{BUILD}/san/tests/fuzz/{target}"
    folder = f"{BUILD}/{target.removeprefix('fuzz_')}"
    os.makedirs(f"{folder}/corpus", exist_ok=True)
    subprocess.run([program, "--prepare", folder], check=True)
    before = artifacts(folder)
    command = [program, f"-dict={folder}/words.dict", f"-artifact_prefix={folder}/",
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
    if code == 0 and not new:
        return []
    inputs = [f"    {program} {folder}/{name}" for name in new] or ["    it left no input"]
    return [f"{target}: {'no end' if code is None else f'exit {code}'}, see {folder}/log", *inputs]


def units_of(target):
    """How many inputs it ran, by its own count."""
    with open(f"{BUILD}/{target.removeprefix('fuzz_')}/log", encoding="utf-8",
              errors="replace") as log:
        lines = [line.split() for line in log if "number_of_executed_units" in line]
    return int(lines[-1][1]) if lines else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    targets = arguments.targets or sorted(
        os.path.basename(path)[:-len(".c")] for path in glob.glob("tests/fuzz/fuzz_*.c"))
    crashes = 0
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        started = {pool.submit(run, target, arguments.minutes): target for target in targets}
        for done in concurrent.futures.as_completed(started):
            lines, target = done.result(), started[done]
            crashes += bool(lines)
            print(f"{'FAIL' if lines else 'ok  '} {target}  {units_of(target)} inputs", flush=True)
            print("".join(line + "\n" for line in lines), end="", flush=True)
    print(f"{len(targets)} targets, {arguments.minutes:g} minutes each, {crashes} crashes")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
