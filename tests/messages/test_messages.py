"""Each case of tests/messages/*.txt is a test; messages.py tells their form and how to update."""
import os

import pytest

import messages

CASES = [(f"{os.path.basename(path)[:-4]}: {name}", case)
         for path in messages.all_files() for name, case in messages.read(path)[1]]


@pytest.mark.parametrize("case", [c for _, c in CASES], ids=[name for name, _ in CASES])
def test_message(case):
    assert messages.said(case) == case["says"]


def test_there_are_as_many_as_there_should_be():
    assert len(CASES) >= 60
    assert len({name for name, _ in CASES}) == len(CASES)
