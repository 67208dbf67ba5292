"""How good scores are: areas under curves, and what an analyst finds among a day's first cards.

Rows are a DataFrame with `score`, `fraud` (bool), `account_id` and `day` (a whole number).
"""
import numpy
from sklearn.metrics import average_precision_score, roc_auc_score

BINS = 10  # of a baseline: deciles
NEAR = 1e-6  # how far the service's score may be from the library's, relative (tests/parity)


def card_precision(rows, first=100):
    """Of each day's `first` accounts by their highest score, the share with a fraud that day; the
    mean over days. An account that was found is out of the days after it, as in the Fraud
    Detection Handbook (chapter 4, card precision top-k)."""
    found, shares = set(), []
    for _, day in rows.groupby("day"):
        fresh = day[~day["account_id"].isin(found)]
        open_accounts = fresh.groupby("account_id")[["score", "fraud"]]
        shown = open_accounts.max().sort_values("score", ascending=False, kind="stable").head(first)
        hits = shown.index[shown["fraud"]]
        shares.append(len(hits) / first)
        found.update(hits)
    return float(numpy.mean(shares))


def measures(rows):
    return {"auc_roc": float(roc_auc_score(rows["fraud"], rows["score"])),
            "average_precision": float(average_precision_score(rows["fraud"], rows["score"])),
            "card_precision_100": card_precision(rows)}


def distribution(values):
    """Deciles of what is not missing: `edges` between the bins, each bin's share of all values, and
    the share that is missing. A bin has its upper edge; equal deciles are one edge. Edges stand
    just above their deciles: where many rows have one score, all of the service's, which are off by
    a rounding, have to be in one bin with the library's."""
    values = numpy.asarray(values, dtype=float)
    there = values[~numpy.isnan(values)]
    deciles = numpy.quantile(there, numpy.arange(1, BINS) / BINS) if len(there) else numpy.empty(0)
    edges = numpy.unique(deciles + NEAR * numpy.abs(deciles))
    counts = numpy.bincount(numpy.searchsorted(edges, there), minlength=len(edges) + 1)
    n = max(len(values), 1)
    return {"edges": [float(e) for e in edges], "shares": [float(c / n) for c in counts],
            "missing": float((len(values) - len(there)) / n)}
