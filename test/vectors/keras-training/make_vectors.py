"""Training by Keras 3, as vectors: `python make_vectors.py` (pip install keras tensorflow-cpu) writes vectors.json.

The same initial weights and batches, no dropout, 20 steps an optimizer, with a schedule of learning rates. One column of the inputs is tiny,
so that gradients near epsilon take part, and one hidden unit never fires (a dead relu).
"""
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np

STEPS, ROWS, INPUTS, HIDDEN, CLASSES = 20, 8, 5, 6, 3
rng = np.random.default_rng(1)
kernel1 = rng.normal(0, 0.5, (INPUTS, HIDDEN)).astype("float32")
bias1 = rng.normal(0, 0.1, HIDDEN).astype("float32")
bias1[2] = -50.0
kernel2 = rng.normal(0, 0.5, (HIDDEN, CLASSES)).astype("float32")
bias2 = np.zeros(CLASSES, "float32")
x = rng.normal(0, 1, (STEPS, ROWS, INPUTS)).astype("float32")
x[:, :, 1] *= 1e-6
y = rng.integers(0, CLASSES, (STEPS, ROWS)).astype("int32")
factors = [0.95**step for step in range(STEPS)]

OPTIMIZERS = {
    "sgd": (keras.optimizers.SGD, {"learning_rate": 0.1}),
    "momentum": (keras.optimizers.SGD, {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": (keras.optimizers.SGD, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "rmsprop": (keras.optimizers.RMSprop, {"learning_rate": 0.01}),
    "adam": (keras.optimizers.Adam, {"learning_rate": 0.01}),
    "adamax": (keras.optimizers.Adamax, {"learning_rate": 0.01}),
    "adagrad": (keras.optimizers.Adagrad, {"learning_rate": 0.05}),
    "adadelta": (keras.optimizers.Adadelta, {"learning_rate": 1.0}),
}


def train(make, settings):
    model = keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(HIDDEN, activation="relu"), keras.layers.Dense(CLASSES)])
    model.set_weights([kernel1, bias1, kernel2, bias2])
    optimizer = make(**settings)
    model.compile(optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = []
    for step in range(STEPS):
        optimizer.learning_rate = settings["learning_rate"] * factors[step]
        losses.append(float(model.train_on_batch(x[step], y[step])))
    return {"settings": settings, "losses": losses, "weights": [w.reshape(-1).tolist() for w in model.get_weights()]}


vectors = {
    "made_with": f"keras {keras.__version__} on {keras.backend.backend()}",
    "steps": STEPS, "rows": ROWS, "inputs": INPUTS, "hidden": HIDDEN, "classes": CLASSES, "factors": factors,
    "kernel1": kernel1.reshape(-1).tolist(), "bias1": bias1.tolist(), "kernel2": kernel2.reshape(-1).tolist(), "bias2": bias2.tolist(),
    "x": x.reshape(-1).tolist(), "y": y.reshape(-1).tolist(),
    "optimizers": {name: train(*choice) for name, choice in OPTIMIZERS.items()},
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w") as file:
    json.dump(vectors, file)
    file.write("\n")
