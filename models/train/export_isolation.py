"""Write scikit-learn's IsolationForest as a file that Sluice reads (models/model_isolation.h).

    python3 models/train/export_isolation.py FOREST.joblib MODEL.forest.json [--features a,b,c]

    from export_isolation import export_isolation
    export_isolation(forest, "model.forest.json", features=["amount", "hour"])

The names are the columns of the data frame it was fitted to, unless they are given. The score in
Sluice is -forest.score_samples(X): near 1 is odd. Offset and contamination, by which scikit-learn
tells outliers from inliers, are not written: a rule has its own threshold. A .joblib runs what is
in it when it is opened: take it from no one but yourself.
"""
import argparse
import json

FORMAT = "sluice.isolation_forest/1"


def tree_of(tree, features):
    """A fitted tree; `features` are the columns it was given, where max_features is below 1."""
    nodes = tree.__getstate__()["nodes"]
    leaf = tree.children_left == -1
    missing_left = (nodes["missing_go_to_left"] if "missing_go_to_left" in nodes.dtype.names
                    else leaf & False)
    feature = tree.feature.copy()
    feature[~leaf] = features[feature[~leaf]]
    return {
        "left": tree.children_left.tolist(),
        "right": tree.children_right.tolist(),
        "feature": feature.tolist(),
        "threshold": tree.threshold.tolist(),
        "missing_left": missing_left.astype(int).tolist(),
        "samples": tree.n_node_samples.tolist(),
    }


def isolation_model(forest, features=None):
    """The model, as what is to be written."""
    if features is None:
        features = getattr(forest, "feature_names_in_", None)
    if features is None:
        raise ValueError("the forest was fitted without names of columns: give `features`")
    if len(features) != forest.n_features_in_:
        raise ValueError(f"{len(features)} names, and the forest has {forest.n_features_in_}")
    return {
        "format": FORMAT,
        "max_samples": int(forest.max_samples_),
        "features": [str(name) for name in features],
        "trees": [tree_of(estimator.tree_, columns) for estimator, columns
                  in zip(forest.estimators_, forest.estimators_features_)],
    }


def export_isolation(forest, path, features=None):
    model = isolation_model(forest, features)
    with open(path, "w", encoding="utf-8") as out:
        json.dump(model, out, separators=(",", ":"), allow_nan=False)
        out.write("\n")


def main():
    import joblib

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("forest")
    parser.add_argument("model")
    parser.add_argument("--features", help="names of the columns, with commas between")
    options = parser.parse_args()
    features = options.features.split(",") if options.features else None
    export_isolation(joblib.load(options.forest), options.model, features)


if __name__ == "__main__":
    main()
