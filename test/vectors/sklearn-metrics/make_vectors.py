"""Writes vectors.json: probabilities, labels, and what scikit-learn and scipy make of them.

Run with scikit-learn >= 1.7 installed: python make_vectors.py
"""
import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.dummy import DummyClassifier

warnings.filterwarnings("ignore")


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).astype("float32")


def calibration_error(y, p, bins=15):
    """Guo et al. 2017, equally wide bins (low, high]."""
    confidence, predicted = p.max(axis=1), p.argmax(axis=1)
    error = 0.0
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins)
        if inside.any():
            error += inside.mean() * abs((predicted[inside] == y[inside]).mean() - confidence[inside].mean())
    return error


def case(name, p, y, train, k):
    classes = list(range(p.shape[1]))
    wide = p.astype("float64")
    predicted = wide.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, predicted, labels=classes, zero_division=0)
    right = int((predicted == y).sum())
    interval = binomtest(right, len(y)).proportion_ci(confidence_level=0.95, method="wilson")
    frequent = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(train), 1)), train)
    prior = np.bincount(train, minlength=len(classes)) / len(train)
    return {
        "name": name,
        "classes": len(classes),
        "probabilities": [float(x) for x in p.ravel()],
        "labels": [int(x) for x in y],
        "train": [int(x) for x in train],
        "k": k,
        "expected": {
            "logLoss": float(metrics.log_loss(y, wide, labels=classes)),
            "accuracy": float(metrics.accuracy_score(y, predicted)),
            "interval": [float(interval.low), float(interval.high)],
            "topK": float(metrics.top_k_accuracy_score(y, wide[:, 1] if len(classes) == 2 else wide, k=k, labels=classes)),
            "confusion": metrics.confusion_matrix(y, predicted, labels=classes).tolist(),
            "precision": precision.tolist(),
            "recall": recall.tolist(),
            "f1": f1.tolist(),
            "support": support.tolist(),
            "macroF1": float(metrics.f1_score(y, predicted, labels=classes, average="macro", zero_division=0)),
            "brier": float(metrics.brier_score_loss(y, wide, labels=classes)),
            "calibrationError": float(calibration_error(y, wide)),
            "baselineAccuracy": float(frequent.score(np.zeros((len(y), 1)), y)),
            "baselineLogLoss": float(metrics.log_loss(y, np.tile(prior, (len(y), 1)), labels=classes)),
        },
    }


def main():
    rng = np.random.default_rng(20240607)
    extremes = np.zeros((8, 3), "float32")
    extremes[np.arange(8), [0, 1, 2, 0, 1, 2, 0, 1]] = 1
    missing = softmax(rng.normal(size=(24, 5)) * 2)
    tied = np.array([[0.4, 0.4, 0.2, 0], [0.25] * 4, [0, 0.5, 0, 0.5], [0.1, 0.3, 0.3, 0.3], [1, 0, 0, 0]], "float32")
    cases = [
        case("three classes", softmax(rng.normal(size=(40, 3)) * 2), rng.integers(0, 3, 40), rng.integers(0, 3, 60), 2),
        case("two classes", softmax(rng.normal(size=(30, 2)) * 3), rng.integers(0, 2, 30), rng.integers(0, 2, 41), 1),
        case("probabilities of exactly 0 and 1, right and wrong", extremes, np.array([0, 1, 2, 0, 2, 1, 1, 1]), np.array([0, 0, 1, 2]), 2),
        case("classes missing from the labels", missing, rng.choice([0, 3], 24), rng.choice([0, 1, 3], 31), 3),
        case("tied probabilities", tied, np.array([1, 2, 3, 1, 0]), np.array([1, 2, 1, 3, 0]), 2),
        case("confident and wrong", softmax(rng.normal(size=(20, 4)) * 40), rng.integers(0, 4, 20), rng.integers(0, 4, 20), 2),
    ]
    made_by = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    path = pathlib.Path(__file__).with_name("vectors.json")
    path.write_text(json.dumps({"madeBy": made_by, "cases": cases}) + "\n")


main()
