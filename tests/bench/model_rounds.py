"""Models: nanoseconds to score one row, beside the libraries that trained them, in the same run.

models.c does the rounds; then a file of rows goes through `sluice score-file`, and through pandas
and XGBoost. What it needs is made once, into build/bench/models: model_train.py trains
with XGBoost and LightGBM, and treelite's C is compiled. The libraries are those in their wheels on
PyPI, pinned in requirements.txt, in an environment of the bench's own (build/bench/venv); where
that cannot be made this part is skipped, loudly.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import time

HERE = "tests/bench"
OUT = "build/bench/models"
VENV = "build/bench/venv"
PROGRAM = "build/tests/bench/models"
OURS_NS_MAX = 2000
XGBOOST_TIMES_MIN = 8

# (in what models.c prints, in the table)
ROWS = [("ours", "ours, of XGBoost's file"), ("ours_rows", "the same, rows at once"),
        ("xgboost", "XGBoost's C API"), ("compiled", "treelite's C, -O3"),
        ("ours_of_lightgbm", "ours, of LightGBM's file"), ("lightgbm", "LightGBM's C API, fast"),
        ("ours_categories", "ours, 4 of the 24 categories"),
        ("xgboost_categories", "XGBoost's C API"),
        ("ours_of_lightgbm_categories", "ours, of LightGBM's"),
        ("lightgbm_categories", "LightGBM's C API, fast"),
        ("ours_of_isolation", "ours, isolation forest of 100")]

# Of the same file, by one thread as ours: what is read, and what is said of it.
BY_XGBOOST = """
import sys, time, pandas, xgboost
booster = xgboost.Booster({"nthread": 1}, model_file=sys.argv[1])
start = time.perf_counter()
rows = pandas.read_csv(sys.argv[2])
read = time.perf_counter()
booster.predict(xgboost.DMatrix(rows, nthread=1)).tofile(sys.argv[3], sep="\\n")
print(time.perf_counter() - start, time.perf_counter() - read)
"""
FILE_ROUNDS = 3


def say(text):
    print(text, file=sys.stderr, flush=True)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def is_made(folder, text):
    """Was it made of this text? The stamp is the last to be written."""
    stamp = f"{folder}/.made"
    return os.path.exists(stamp) and read(stamp) == text


def mark_made(folder, text):
    with open(f"{folder}/.made", "w", encoding="utf-8") as f:
        f.write(text)


def run(*command):
    subprocess.run(command, check=True, timeout=900, capture_output=True, text=True)


def make_venv(wanted):
    if is_made(VENV, wanted):
        return
    say(f"  making {VENV} from {HERE}/requirements.txt")
    run("python3", "-m", "venv", "--clear", VENV)
    run(f"{VENV}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "-r", f"{HERE}/requirements.txt")
    mark_made(VENV, wanted)


def make_models(made_of):
    if is_made(OUT, made_of):
        return
    say("  training, and compiling treelite's C")
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    run(f"{VENV}/bin/python", f"{HERE}/model_train.py", OUT)
    run("gcc", "-O3", "-fPIC", "-shared", "-o", f"{OUT}/compiled.so",
        *sorted(glob.glob(f"{OUT}/compiled/*.c")), "-lm")
    mark_made(OUT, made_of)


def rows_of_file():
    """Rows a second, the best of some: ours, XGBoost's, and its own without reading the file."""
    model, rows, out = (f"{OUT}/{name}" for name in ("xgboost.json", "rows.csv", "scores"))
    with open(rows, encoding="utf-8") as f:
        count = sum(1 for _ in f) - 1
    took = {"ours": [], "xgboost": [], "xgboost_predict": []}
    for _ in range(FILE_ROUNDS):
        start = time.perf_counter()
        run("build/sluice", "score-file", "--model", model, "--rows", rows, "--output", out)
        took["ours"].append(time.perf_counter() - start)
        done = subprocess.run([f"{VENV}/bin/python", "-c", BY_XGBOOST, model, rows, out],
                              check=True, timeout=900, capture_output=True, text=True)
        whole, predict = map(float, done.stdout.split())
        took["xgboost"].append(whole)
        took["xgboost_predict"].append(predict)
    return {name: round(count / min(times)) for name, times in took.items()}


def rounds(count):
    requirements = read(f"{HERE}/requirements.txt")
    try:
        make_venv(requirements)
        make_models(requirements + read(f"{HERE}/model_train.py"))
    except subprocess.SubprocessError as e:
        reason = (getattr(e, "stderr", None) or str(e)).strip()[-300:]
        say(f"bench: SKIPPED: models beside their libraries: {reason}")
        return {"skipped": reason}
    pinned = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
    libraries = read(f"{OUT}/libraries").split()
    done = subprocess.run(pinned + [PROGRAM, str(count), OUT, *libraries], check=True, timeout=900,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout) | {"file": rows_of_file()}


def print_table(result):
    if "skipped" in result:
        return
    print(f"{'a row, 200 trees of depth 6':34}{'ns':>10}{'times ours':>12}")
    for key, name in ROWS:
        print(f"{name:34}{result[key]['ns']:10,.0f}{result[key]['times_ours']:12.2f}")
    ours = result["file"]["ours"]
    print(f"{'a CSV file through the first':34}{'rows/s':>10}{'ours times':>12}")
    for key, name in (("ours", "score-file"), ("xgboost", "pandas and XGBoost, one thread"),
                      ("xgboost_predict", "without reading the file")):
        print(f"{name:34}{result['file'][key]:10,.0f}{ours / result['file'][key]:12.2f}")


def faults(result):
    """What should not be, in words."""
    if "skipped" in result:
        return []
    times = result["xgboost"]["times_ours"]
    checks = [
        (result["ours"]["ns"] > OURS_NS_MAX, f"a row takes a model over {OURS_NS_MAX} ns"),
        (times < XGBOOST_TIMES_MIN, f"a model is only {times} times as quick as XGBoost's"),
    ]
    return [words for is_so, words in checks if is_so]
