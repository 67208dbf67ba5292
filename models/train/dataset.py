"""The rows that `sluice replay --features` wrote, as one DataFrame, and the weeks of them.

Each column is as it stands there: nothing is computed that a model reads, for it would have to be
computed again where the model scores. Besides, of each row, its `day` (a whole number) and whether
it was a `fraud`, by the labels of the whole stream.
"""
import pandas

DAY = pandas.Timedelta(days=1)


def load(path, categories=()):
    """`categories` are the columns of texts, or of digits that are no numbers. An empty cell alone
    is missing: NA is a country."""
    texts = dict.fromkeys(["transaction_id", "account_id", "outcome"], str)
    rows = pandas.read_csv(path, dtype={**texts, **dict.fromkeys(categories, "category")},
                           keep_default_na=False, na_values=[""])
    rows["timestamp"] = pandas.to_datetime(rows["timestamp"], utc=True, format="ISO8601")
    rows["day"] = (rows["timestamp"] - rows["timestamp"].iloc[0].floor("D")) // DAY
    rows["fraud"] = rows["outcome"] == "fraud"
    return rows


def split(rows, train_days, delay_days, test_days):
    """The last days are the test; before them those whose frauds were not known yet; before those
    the days of training."""
    last = int(rows["day"].max()) + 1
    test_from = last - test_days
    train_to = test_from - delay_days
    train = rows[(rows["day"] >= train_to - train_days) & (rows["day"] < train_to)]
    return train, rows[rows["day"] >= test_from].copy()
