"""Maximal log evidence of Bayesian linear regression by direct optimisation (NumPy, SciPy), as vectors: writes vectors.json.

p(y | F, alpha, beta) = N(y; 0, I / beta + F Fᵀ / alpha), maximised over alpha and beta by Nelder-Mead from several starts; features and targets
are centred, targets are "is of this class". Nothing of LogME's fixed-point iteration takes part.
"""
import json
import os

import numpy as np
from scipy.linalg import helmert
from scipy.optimize import minimize

rng = np.random.default_rng(5)


def evidence(features, y):
    # Centring takes one direction away: the evidence is that of the other n - 1.
    basis = helmert(len(y))
    features, y = basis @ features, basis @ y
    n = len(y)
    gram = features @ features.T

    def negative(logs):
        alpha, beta = np.exp(logs)
        covariance = np.eye(n) / beta + gram / alpha
        sign, logdet = np.linalg.slogdet(covariance)
        return 0.5 * (logdet + y @ np.linalg.solve(covariance, y) + n * np.log(2 * np.pi)) / n

    starts = [(a, b) for a in (-2.0, 1.0, 4.0) for b in (-1.0, 2.0)]
    return -min(minimize(negative, s, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}).fun for s in starts)


def case(rows, width, classes, signal):
    labels = np.arange(rows) % classes
    features = (rng.normal(0, 1, (rows, width)) + signal * rng.normal(0, 1, (classes, width))[labels]).astype("float32")
    centred = features.astype("float64") - features.astype("float64").mean(0)
    scores = [evidence(centred, (labels == c) - np.mean(labels == c)) for c in range(classes)]
    return {"rows": rows, "width": width, "classes": classes, "features": features.reshape(-1).tolist(), "labels": labels.tolist(), "evidence": float(np.mean(scores))}


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w") as file:
    json.dump([case(40, 6, 2, 1.0), case(30, 12, 3, 0.6), case(20, 50, 2, 1.5)], file)
    file.write("\n")
