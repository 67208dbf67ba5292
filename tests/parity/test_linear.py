"""scikit-learn's logistic regression behind a StandardScaler, written as a linear model."""
import numpy
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import parity
from generated import stream  # noqa: F401


def test_it_scores_as_the_library(stream, tmp_path):
    means = stream.numbers.mean().fillna(0)  # where nothing is known, as of speeds here
    data = stream.numbers.fillna(means)
    scaler = StandardScaler().fit(data)
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(data), stream.fraud)
    inputs = {name: {"weight": float(w), "mean": float(m), "scale": float(s),
                     "missing": float(means[name])}
              for name, w, m, s in zip(data, model.coef_[0], scaler.mean_, scaler.scale_)}
    path = tmp_path / "fraud.yaml"
    path.write_text(yaml.safe_dump({"model": "linear", "link": "logit", "inputs": inputs,
                                    "intercept": float(model.intercept_[0])}))
    parity.assert_scores(path, stream, model.predict_proba(scaler.transform(data))[:, 1])
    first = scaler.transform(data.head(parity.EXPLAINED)) * model.coef_[0]
    base = numpy.full((len(first), 1), model.intercept_[0])
    parity.assert_contributions(path, stream, numpy.hstack([first, base]), list(data.columns))
