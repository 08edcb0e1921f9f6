"""Writes vectors.json: a small network whose every value NumPy rounds to its float16, the sums being made in float64.

    python make_vectors.py        (NumPy 1.26 or 2)
"""
import json
import pathlib

import numpy as np

rng = np.random.default_rng(11)


def half(values):
    return np.asarray(values, np.float64).astype(np.float16).astype(np.float64)


def drawn(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def conv(x, w, b):
    """Windows of 3×3, one zero around."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w) + b[None, :, None, None]


x = drawn(2, 3, 5, 4) * 100
w1, b1 = drawn(4, 3, 3, 3), drawn(4)
w2, b2 = drawn(4, 4, 3, 3), drawn(4)
w3, b3 = drawn(80, 6) / 10, drawn(6)


def network(kept):
    """What each node gives goes through `kept`, as do weights and input."""
    first = kept(np.maximum(kept(conv(kept(x), kept(w1), kept(b1))), 0))
    second = kept(conv(first, kept(w2), kept(b2)))
    both = kept(first + second)
    return kept(both.reshape(2, 80) @ kept(w3) + kept(b3))


numbers = lambda values: [float(v) for v in np.asarray(values).ravel()]
vectors = {
    "x": numbers(x),
    "weights": [numbers(w) for w in (w1, w2, w3)],
    "biases": [numbers(b) for b in (b1, b2, b3)],
    "float16": numbers(network(half)),
    "exact": numbers(network(lambda v: np.asarray(v, np.float64))),
}
pathlib.Path(__file__).with_name("vectors.json").write_text(json.dumps(vectors))
