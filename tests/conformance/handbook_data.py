"""The Fraud Detection Handbook's published data, read in place from $SHARED/data/handbook."""
import collections
import csv
import datetime
import lzma
import os

DAY_S = 86400
WEEK_S = 7 * DAY_S
WINDOWS = ("1d", "7d", "30d")
WINDOW_S = {"1d": DAY_S, "7d": WEEK_S, "30d": 30 * DAY_S}
FOLDER = os.path.join(os.environ.get("SHARED", "../shared"), "data", "handbook")
TRANSACTIONS = os.path.join(FOLDER, "transactions.csv.xz")
FEATURES = os.path.join(FOLDER, "features-apr-jun.csv.xz")
START = datetime.datetime(2018, 4, 1, tzinfo=datetime.timezone.utc)

# Our column for each of the published ones, in their order.
COLUMNS = [name for w in WINDOWS for name in (f"account_tx_count_{w}", f"account_avg_amount_{w}")]
COLUMNS += [name for w in WINDOWS for name in (f"terminal_tx_count_{w}", f"terminal_risk_{w}")]

Transaction = collections.namedtuple(
    "Transaction", "id seconds account terminal cents fraud")


def seconds_of(text):
    when = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return int((when - START).total_seconds())


def transactions(count=None):
    """In the file's order, which is that of time. `seconds` counts from START. Some amounts of
    the file are products that were not rounded (85.64999999999999): they are read to the cent."""
    with lzma.open(TRANSACTIONS, "rt", encoding="ascii", newline="") as f:
        rows = csv.reader(f)
        next(rows)
        for number, row in enumerate(rows):
            if number == count:
                return
            cents = round(float(row[4]) * 100)
            yield Transaction(row[0], int(row[5]), row[2], row[3], cents, row[7] == "1")


def published():
    """(transaction id, the twelve numbers in the order of COLUMNS)."""
    with lzma.open(FEATURES, "rt", encoding="ascii", newline="") as f:
        rows = csv.reader(f)
        next(rows)
        for row in rows:
            yield row[0], [float(v) for v in row[1:]]


class Ties:
    """Transactions of one account in one second, and what their account's windows hold.

    The published features put ten such pairs in the other order than the published
    transactions: of two, the first in the file there sees the second.
    """

    def __init__(self, count):
        self.accounts = collections.defaultdict(list)
        groups = collections.defaultdict(list)
        for t in transactions(count):
            self.accounts[t.account].append((t.seconds, t.cents))
            groups[t.account, t.seconds].append(t)
        self.groups = {}
        for group in groups.values():
            if len(group) > 1:
                self.groups.update((t.id, group) for t in group)

    def account_values(self, txn_id, swapped):
        """The six account columns; of one second, the file's order or the other one."""
        group = self.groups[txn_id]
        own = [t.id for t in group].index(txn_id)
        now = group[own].seconds
        seen = group[own:] if swapped else group[:own + 1]
        values = []
        for window in WINDOWS:
            cents = [c for s, c in self.accounts[group[own].account]
                     if now - WINDOW_S[window] < s < now]
            cents += [t.cents for t in seen]
            values += [len(cents), sum(cents) / 100 / len(cents)]
        return values
