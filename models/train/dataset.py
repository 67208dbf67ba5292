"""Transactions, their features and whether they were fraud, as one DataFrame.

    events     what `sluice replay` read: transactions and labels, a JSON object a line
    features   what it wrote: --features, a column a feature, as each transaction saw it

A column a feature, and `transaction_id account amount time day fraud`. A transaction is a fraud
when its label with the latest timestamp says so. Nothing is computed here that a model reads: it
would have to be computed again where the model scores.
"""
import json

import pandas

DAY = pandas.Timedelta(days=1)


def read_events(path):
    """(transactions, latest label of each)."""
    rows, labels = [], {}
    with open(path, encoding="utf-8") as f:
        for event in map(json.loads, f):
            if event.get("kind", "transaction") == "transaction":
                rows.append((event["transaction_id"], event["account_id"], float(event["amount"]),
                             event["timestamp"]))
            elif event["outcome"] in ("fraud", "legitimate"):
                known = (event["timestamp"], event["outcome"] == "fraud")
                labels[event["transaction_id"]] = max(known, labels.get(event["transaction_id"],
                                                                        known))
    columns = ["transaction_id", "account", "amount", "time"]
    return pandas.DataFrame(rows, columns=columns), labels


def load(events_path, features_path):
    rows, labels = read_events(events_path)
    rows["time"] = pandas.to_datetime(rows["time"], utc=True, format="ISO8601")
    rows["day"] = (rows["time"] - rows["time"].iloc[0].floor("D")) // DAY
    rows["fraud"] = [labels.get(i, ("", False))[1] for i in rows["transaction_id"]]
    features = pandas.read_csv(features_path, dtype={"transaction_id": str})
    return rows.merge(features, on="transaction_id", validate="one_to_one"), \
        list(features.columns[1:])


def split(rows, train_days, delay_days, test_days):
    """The last days are the test; before them those whose frauds were not known yet; before those
    the days of training."""
    last = int(rows["day"].max()) + 1
    test_from = last - test_days
    train_to = test_from - delay_days
    train = rows[(rows["day"] >= train_to - train_days) & (rows["day"] < train_to)]
    return train, rows[rows["day"] >= test_from].copy()
