"""Scores of a model file by `sluice score-file` beside those of the library that wrote it."""
import dataclasses
import os
import subprocess

import numpy
import pandas

BIN = os.environ.get("SLUICE_BIN", "build/san/sluice")
SCORE_BOUND, CONTRIBUTION_BOUND = 1e-6, 1e-5
EXPLAINED = 500  # rows whose contributions are compared


@dataclasses.dataclass
class Stream:
    rows: pandas.DataFrame  # numbers, and `category`, a text
    fraud: numpy.ndarray
    path: object  # the rows as CSV

    @property
    def numbers(self):
        return self.rows.drop(columns="category")

    @property
    def categorised(self):
        return self.rows.assign(category=self.rows["category"].astype("category"))

    @property
    def classes(self):
        """Three of them, none rare."""
        return numpy.digitize(self.rows["account_tx_count_1d"], [1.5, 3.5])


def score_file(model, rows, *options):
    out = f"{model}.out.csv"
    done = subprocess.run([BIN, "score-file", "--model", model, "--rows", rows, "--output", out,
                           *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return pandas.read_csv(out)


def difference(ours, wanted):
    """The largest, relative to what is wanted."""
    wanted = numpy.asarray(wanted, dtype=float)
    assert ours.shape == wanted.shape and not numpy.isnan(ours).any()
    return float((numpy.abs(ours - wanted) / numpy.maximum(numpy.abs(wanted), 1e-12)).max())


def assert_scores(model, stream, wanted):
    """`wanted`: a row's outputs."""
    wanted = numpy.asarray(wanted).reshape(len(stream.rows), -1)
    ours = score_file(model, stream.path, "--all")
    ours = ours[[f"score_{i}" for i in range(wanted.shape[1])]].to_numpy()
    largest = difference(ours, wanted)
    print(f"{len(ours)} rows, the largest relative difference is {largest:.1e}")
    assert largest < SCORE_BOUND


def assert_contributions(model, stream, wanted, names):
    """`wanted`: of each of the first rows, of each class, one for each name and the base."""
    first = f"{model}.first.csv"
    stream.rows.head(EXPLAINED).to_csv(first)
    wanted = numpy.asarray(wanted).reshape(EXPLAINED, -1, len(names) + 1)
    for output in range(wanted.shape[1]):
        ours = score_file(model, first, "--contributions", "--class", str(output))
        ours = ours[[f"contribution_{name}" for name in names] + ["base"]].to_numpy()
        scale = numpy.abs(wanted[:, output]).max()
        largest = float(numpy.abs(ours - wanted[:, output]).max() / max(scale, 1))
        print(f"class {output}: contributions differ by {largest:.1e} at most")
        assert largest < CONTRIBUTION_BOUND
