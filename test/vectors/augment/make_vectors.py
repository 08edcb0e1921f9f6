"""Changed images by SciPy, as vectors: `python make_vectors.py` (pip install numpy scipy) writes vectors.json.

Each change is a product of 3×3 matrices that say where a pixel goes; `scipy.ndimage.affine_transform` resamples with its inverse, order 1.
Contrast and brightness are Keras' RandomContrast (distances from the mean of a channel) and RandomBrightness.
"""
import json

import numpy as np
from scipy import ndimage

HEIGHT, WIDTH, CHANNELS = 5, 7, 3
MODES = {"nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap", "black": "grid-constant"}
rng = np.random.default_rng(1)
pixels = rng.integers(0, 256, (HEIGHT, WIDTH, CHANNELS), dtype=np.uint8)

SAME = dict(flipHorizontal=False, flipVertical=False, down=0, right=0, rotate=0, zoom=1, shear=0, contrast=1, brightness=0, fill="nearest")
CASES = [
    dict(),
    dict(flipHorizontal=True),
    dict(flipVertical=True),
    dict(down=1, right=-2, fill="black"),
    dict(down=-1.25, right=0.5, fill="reflect"),
    dict(rotate=0.3),
    dict(rotate=-1.2, fill="black"),
    dict(zoom=0.4, fill="wrap"),
    dict(zoom=1.7),
    dict(shear=0.5, fill="reflect"),
    dict(contrast=1.4),
    dict(brightness=-60),
    dict(flipHorizontal=True, down=0.7, right=-1.1, rotate=0.4, zoom=0.6, shear=-0.3, contrast=0.7, brightness=40, fill="reflect"),
    dict(flipVertical=True, down=9.3, right=-12.1, rotate=2.9, zoom=0.8, shear=0.2, contrast=1.3, brightness=-20, fill="wrap"),
    dict(flipHorizontal=True, flipVertical=True, down=-0.4, right=0.9, rotate=-0.2, zoom=1.2, shear=0.1, fill="nearest"),
]


def changed(change):
    """Rows before columns in every matrix; y points down."""
    cos, sin = np.cos(change["rotate"]), np.sin(change["rotate"])
    flip = np.diag([-1.0 if change["flipVertical"] else 1.0, -1.0 if change["flipHorizontal"] else 1.0, 1.0])
    zoom = np.diag([change["zoom"], change["zoom"], 1.0])
    shear = np.array([[1, 0, 0], [np.tan(change["shear"]), 1, 0], [0, 0, 1.0]])
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1.0]])
    shift = np.array([[1, 0, change["down"]], [0, 1, change["right"]], [0, 0, 1.0]])
    centre = np.array([[1, 0, (HEIGHT - 1) / 2], [0, 1, (WIDTH - 1) / 2], [0, 0, 1.0]])
    where = centre @ shift @ turn @ shear @ zoom @ flip @ np.linalg.inv(centre)
    back = np.linalg.inv(where)
    moved = np.stack(
        [
            ndimage.affine_transform(pixels[..., c].astype("float64"), back[:2, :2], back[:2, 2], order=1, mode=MODES[change["fill"]], cval=0)
            for c in range(CHANNELS)
        ],
        axis=-1,
    )
    mean = moved.mean(axis=(0, 1), keepdims=True)
    return np.clip((moved - mean) * change["contrast"] + mean + change["brightness"], 0, 255)


cases = []
for case in CASES:
    change = {**SAME, **case}
    cases.append({"change": change, "expected": np.round(changed(change), 4).ravel().tolist()})
with open("vectors.json", "w") as file:
    json.dump({"height": HEIGHT, "width": WIDTH, "channels": CHANNELS, "pixels": pixels.ravel().tolist(), "cases": cases}, file)
    file.write("\n")
