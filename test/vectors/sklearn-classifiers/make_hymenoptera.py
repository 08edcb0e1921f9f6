"""Writes hymenoptera.json: log-loss and accuracy of scikit-learn's classifiers on real features.

python make_hymenoptera.py FOLDER, which holds mobile.npy, squeeze.npy and their .csv files, as export-features writes them for
the pipeline of test/cli/classifiers.test.ts. hymenoptera-parts.json says which part of the cross-validation each training image
is in: the probabilities of a support vector machine hang on it.
"""
import csv
import json
import pathlib
import sys

import numpy as np
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

here = pathlib.Path(__file__).parent
folder = pathlib.Path(sys.argv[1])
parts = json.loads((here / "hymenoptera-parts.json").read_text())
answers = {}
for network in ("mobile", "squeeze"):
    rows = list(csv.DictReader((folder / f"{network}.csv").open()))
    x = np.load(folder / f"{network}.npy").astype("float64").reshape(len(rows), -1)
    y = np.array([row["label"] for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    part = np.array([parts[row["name"]] for row in rows if row["split"] == "train"])
    cv = [(np.flatnonzero(part != f), np.flatnonzero(part == f)) for f in range(5)]
    machine = LinearSVC(dual=False, tol=1e-10, max_iter=1_000_000)
    logistic = LogisticRegression(tol=1e-10, max_iter=100_000)
    models = {
        "linear-svm": CalibratedClassifierCV(machine, cv=cv, ensemble=False),
        "logistic-regression": logistic,
        "knn": KNeighborsClassifier(5),
        "nearest-centroid": NearestCentroid(),
        "pca": make_pipeline(PCA(0.95, svd_solver="full"), logistic),
    }
    for name, model in models.items():
        fitted = make_pipeline(StandardScaler(), model).fit(x[train], y[train])
        answers[f"{network}@{name}"] = {
            "accuracy": accuracy_score(y[~train], fitted.predict(x[~train])),
            # The probabilities of NearestCentroid are of another model, with a variance of its own for each feature.
            **({} if name == "nearest-centroid" else {"log-loss": log_loss(y[~train], fitted.predict_proba(x[~train]))}),
        }
text = json.dumps({"sklearn": sklearn.__version__, "answers": answers}, indent=2)
(here / "hymenoptera.json").write_text(text + "\n")
