"""What is compared with is what `make train` trains with."""
import pathlib


def pins(path):
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if "==" in line}


def test_training_and_tests_have_the_same_versions():
    assert pins("models/train/requirements.txt") <= pins("tests/requirements.txt")
