"""A head of 512-64-10: ten epochs of Adam, batch 64, on the first four fifths of the rows."""
import sys

import numpy as np

rate, out = float(sys.argv[1]), sys.argv[2]
x, y = np.load("features.npy"), np.load("labels.npy")
x, y = x[: len(x) * 4 // 5], y[: len(y) * 4 // 5]
draws = np.random.default_rng(42)
weights = [draws.uniform(-0.1, 0.1, shape).astype("float32") for shape in ((512, 64), (64,), (64, 10), (10,))]
first = [np.zeros_like(w) for w in weights]
second = [np.zeros_like(w) for w in weights]
step = 0
for epoch in range(10):
    order = draws.permutation(len(x))
    for at in range(0, len(x), 64):
        rows = order[at : at + 64]
        a, b, c, d = weights
        hidden = np.maximum(x[rows] @ a + b, 0)
        logits = hidden @ c + d
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(rows)), y[rows]] -= 1
        p /= len(rows)
        back = (p @ c.T) * (hidden > 0)
        step += 1
        for w, m, v, g in zip(weights, first, second, (x[rows].T @ back, back.sum(0), hidden.T @ p, p.sum(0))):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-7)
np.savez(out, *weights)
