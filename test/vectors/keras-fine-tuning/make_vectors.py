"""Fine-tuning by Keras 3, as vectors: `python make_vectors.py` (pip install keras tensorflow-cpu) writes vectors.json and narrow-vgg.keras.

A narrow VGG with batch norms, its first layers frozen, a new softmax that starts at zero; ten steps of SGD with nesterov momentum and the
old Keras decay (here as a schedule) on all images at once. Batch norms of trained layers once frozen, once trained.
"""
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np

STEPS, ROWS, SIDE, CLASSES, FROZEN = 10, 12, 8, 3, 4
RATE, DECAY, MOMENTUM = 0.02, 1e-3, 0.9
folder = os.path.dirname(os.path.abspath(__file__))
keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)


def narrow_vgg():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv1"),
            layers.BatchNormalization(name="block1_bn"),
            layers.MaxPooling2D(2, name="block1_pool"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="block2_conv1"),
            layers.BatchNormalization(name="block2_bn"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="block2_conv2"),
            layers.MaxPooling2D(2, name="block2_pool"),
        ],
        name="narrow_vgg",
    )


base = narrow_vgg()
for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        gamma, beta, mean, variance = layer.get_weights()
        layer.set_weights([gamma + 0.1, beta - 0.1, mean + 0.05, variance * 0.8])
base.save(os.path.join(folder, "narrow-vgg.keras"))
pixels = rng.integers(0, 256, (ROWS, SIDE, SIDE, 3)).astype("uint8")
labels = (np.arange(ROWS) % CLASSES).astype("int32")
x = pixels.astype("float32") / np.float32(255)


def fine_tune(batch_norm):
    model = keras.models.load_model(os.path.join(folder, "narrow-vgg.keras"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(CLASSES, kernel_initializer="zeros", name="logits"))
    # Counted with the input: three of Keras' `layers` here, since a Sequential leaves the input out of them.
    for layer in model.layers[: FROZEN - 1]:
        layer.trainable = False
    if batch_norm == "frozen":
        model.get_layer("block2_bn").trainable = False
    rate = keras.optimizers.schedules.InverseTimeDecay(RATE, decay_steps=1, decay_rate=DECAY)
    optimizer = keras.optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True)
    model.compile(optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = [float(model.train_on_batch(x, labels)) for _ in range(STEPS)]
    names = [f"{layer.name}/{weight.name}" for layer in model.layers for weight in layer.weights]
    return {"losses": losses, "weights": {n: w.reshape(-1).tolist() for n, w in zip(names, model.get_weights())}}


vectors = {
    "made_with": f"keras {keras.__version__} on {keras.backend.backend()}",
    "steps": STEPS, "rows": ROWS, "side": SIDE, "classes": CLASSES, "frozen": FROZEN, "rate": RATE, "decay": DECAY, "momentum": MOMENTUM,
    "pixels": pixels.reshape(-1).tolist(), "labels": labels.tolist(),
    "batch_norm": {mode: fine_tune(mode) for mode in ("frozen", "trained")},
}
with open(os.path.join(folder, "vectors.json"), "w") as file:
    json.dump(vectors, file)
    file.write("\n")
