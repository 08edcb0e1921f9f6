"""The first points of an unscrambled Sobol sequence by SciPy, as vectors: `python make_vectors.py` (pip install scipy) writes vectors.json."""
import json
import os

from scipy.stats import qmc

points = qmc.Sobol(16, scramble=False, bits=30).random(64)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w") as file:
    json.dump(points.tolist(), file)
    file.write("\n")
