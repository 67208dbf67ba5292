"""The rows of a generated stream. No conftest.py: tests/system has the one that tests import."""
import os
import subprocess

import numpy
import pandas
import pytest

import parity

ROWS = int(os.environ.get("PARITY_ROWS", "20000"))  # `make parity`: 100,000


@pytest.fixture(scope="session")
def stream(tmp_path_factory):
    """What each transaction saw, by `sluice replay`; some of it made missing, or zero."""
    folder = tmp_path_factory.mktemp("stream")
    with open(folder / "events.ndjson", "wb") as f:
        subprocess.run([parity.BIN, "generate", "--transactions", str(ROWS), "--seed", "11",
                        "--accounts", "1000", "--terminals", "500"], stdout=f, check=True)
    subprocess.run([parity.BIN, "replay", "-c", "sluice.yaml", "--state", "memory", "--events",
                    folder / "events.ndjson", "--features", folder / "features.csv", "--columns",
                    "transaction_id,amount,@features,merchant.category,outcome"],
                   stderr=subprocess.DEVNULL, check=True)
    rows = pandas.read_csv(folder / "features.csv", index_col="transaction_id",
                           dtype={"merchant.category": str})
    frauds = rows.pop("outcome") == "fraud"
    rows = rows.rename(columns={"merchant.category": "category"})
    numbers = rows.columns.drop("category")
    rows[numbers] = rows[numbers].astype(float)
    holes = numpy.random.default_rng(1).random(rows.shape[0] * 4).reshape(-1, 4)
    rows.loc[holes[:, 0] < 0.1, "amount"] = numpy.nan
    rows.loc[holes[:, 1] < 0.1, "account_avg_amount_30d"] = numpy.nan
    rows.loc[holes[:, 2] < 0.1, "terminal_tx_count_30d"] = 0
    rows.loc[holes[:, 3] < 0.1, "category"] = None
    risk = rows["terminal_risk_7d"].fillna(0) + (rows["amount"].fillna(50) > 100)
    fraud = frauds.to_numpy() | (risk > 1) | (holes[:, 1] > 0.97)
    rows.to_csv(folder / "rows.csv")
    return parity.Stream(rows, fraud, folder / "rows.csv")
