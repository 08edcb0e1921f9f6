"""Writes vectors.json: small data sets, and the classifiers and components that scikit-learn makes of them.

Run with scikit-learn >= 1.7 installed: python make_vectors.py
"""
import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

warnings.filterwarnings("ignore")
FOLDS = 5


def rounded(array):
    return np.asarray(array, dtype="float64").tolist()


def svm(c, weights=None):
    return LinearSVC(C=c, dual=False, tol=1e-13, max_iter=1_000_000, class_weight=weights)


def logistic(c, weights=None):
    return LogisticRegression(C=c, solver="newton-cg", tol=1e-12, max_iter=1_000_000, class_weight=weights)


def case(name, n, m, d, classes, scale, seed):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((classes, d))
    y = np.arange(n) % classes
    y_new = np.arange(m) % classes
    noise = 1.2 if d < n else 2.5
    spread = scale ** (np.arange(d) / max(1, d - 1))
    draw = lambda labels: ((centres[labels] + noise * rng.standard_normal((len(labels), d)) + 0.5) * spread).astype("float32")
    x, x_new = draw(y), draw(y_new)
    wide, wide_new = x.astype("float64"), x_new.astype("float64")
    folds = (np.arange(n) // classes) % FOLDS
    cv = [(np.flatnonzero(folds != f), np.flatnonzero(folds == f)) for f in range(FOLDS)]
    answers = {}
    for c in (0.01, 1, 100):
        fitted = logistic(c).fit(wide, y)
        answers[f"logistic {c}"] = rounded(fitted.predict_proba(wide_new))
        machine = svm(c).fit(wide, y)
        answers[f"svm {c}"] = {
            "weights": rounded(machine.coef_),
            "intercepts": rounded(machine.intercept_),
            "probabilities": rounded(
                CalibratedClassifierCV(svm(c), method="sigmoid", ensemble=False, cv=cv).fit(wide, y).predict_proba(wide_new)
            ),
        }
    answers["logistic standardized"] = rounded(make_pipeline(StandardScaler(), logistic(1)).fit(wide, y).predict_proba(wide_new))
    answers["logistic balanced"] = rounded(logistic(1, "balanced").fit(wide[n // 3 :], y[n // 3 :]).predict_proba(wide_new))
    answers["logistic of 3 components"] = rounded(
        make_pipeline(PCA(3, svd_solver="full"), logistic(1)).fit(wide, y).predict_proba(wide_new)
    )
    answers["logistic of 80 %"] = rounded(
        make_pipeline(PCA(0.8, svd_solver="full"), logistic(1)).fit(wide, y).predict_proba(wide_new)
    )
    answers["components"] = PCA(0.8, svd_solver="full").fit(wide).n_components_.item()
    for metric in ("euclidean", "cosine"):
        for weights in ("uniform", "distance"):
            near = KNeighborsClassifier(3, metric=metric, weights=weights, algorithm="brute").fit(wide, y)
            # One row is known already: nothing lies nearer to it than itself.
            answers[f"knn {metric} {weights}"] = rounded(near.predict_proba(np.concatenate([wide[:1], wide_new[1:]])))
    answers["centroid"] = NearestCentroid().fit(wide, y).predict(wide_new).tolist()
    return {
        "name": name,
        "classes": classes,
        "width": d,
        "train": {"x": [float(v) for v in x.ravel()], "y": y.tolist(), "folds": folds.tolist()},
        "new": {"x": [float(v) for v in x_new.ravel()]},
        "answers": answers,
    }


cases = [
    case("more rows than features", 60, 12, 6, 3, 1, 1),
    case("fewer rows than features", 30, 12, 40, 3, 1, 2),
    case("two classes, fewer rows", 20, 10, 32, 2, 1, 3),
    case("two classes, features of other scales", 50, 10, 5, 2, 20, 4),
]
text = json.dumps({"sklearn": sklearn.__version__, "cases": cases})
pathlib.Path(__file__).with_name("vectors.json").write_text(text + "\n")
