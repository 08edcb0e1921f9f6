"""One small network, saved in every layout that Keras writes; files that must be refused; and what Keras computes with it.

pip install tensorflow-cpu tf_keras keras h5py; python make_files.py
"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import h5py
import keras
import numpy as np
import tf_keras

rng = np.random.default_rng(7)


def layers_of(k):
    layers = k.layers
    return [
        layers.Conv2D(4, 3, padding="same", use_bias=False, name="first", input_shape=(12, 10, 3)) if k is tf_keras
        else layers.Conv2D(4, 3, padding="same", use_bias=False, name="first"),
        layers.BatchNormalization(epsilon=0.01, name="first_norm"),
        layers.ReLU(6.0, name="first_relu"),
        layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad"),
        layers.DepthwiseConv2D(3, strides=2, padding="valid", activation="tanh", name="depth"),
        layers.SeparableConv2D(6, (3, 2), padding="same", activation="elu", name="separable"),
        layers.AveragePooling2D(2, name="average"),
        layers.Conv2D(5, (2, 3), strides=(1, 2), padding="same", activation="relu", name="second"),
        layers.MaxPooling2D((2, 1), strides=1, name="largest"),
        layers.Flatten(name="flat"),
        layers.Dropout(0.25, name="drop"),
        layers.Dense(7, activation="swish", name="hidden"),
        layers.Dense(3, name="logits"),
        layers.Activation("softmax", name="probabilities"),
    ]


def build(k):
    if k is keras:
        return keras.Sequential([keras.Input((12, 10, 3))] + layers_of(k), name="small")
    return k.Sequential(layers_of(k), name="small")


three, two = build(keras), build(tf_keras)
values = [rng.normal(0, 0.5, w.shape).astype("f4") if "variance" not in w.path else rng.uniform(0.5, 2, w.shape).astype("f4")
          for w in three.weights]
weights = []
for layer in three.layers:
    count = len([w for w in layer.weights if "seed" not in w.path])
    weights.append((layer.name, [values.pop(0) for _ in range(count)] if count else []))
for model in (three, two):
    for name, arrays in weights:
        if arrays:
            model.get_layer(name).set_weights(arrays)

x = rng.normal(0, 1, (2, 12, 10, 3)).astype("f4")
np.testing.assert_allclose(three.predict(x, verbose=0), two.predict(x, verbose=0), atol=1e-6)

two.save_weights("keras2.weights-only.h5")
two.save("keras2.model.h5")
three.save_weights("keras3.weights.h5")
three.save("keras3.keras")
three.save("keras3.model.h5")
functional = keras.Model(three.inputs, three.outputs, name="small_functional")
functional.save("keras3.functional.keras")

# The oldest names, W_1:0 and b_1:0, not nested; layer_names spread over two attributes; float64 and compressed numbers.
with h5py.File("keras1.weights.h5", "w") as f:
    names = [name.encode() for name, _ in weights]
    f.attrs["layer_names0"], f.attrs["layer_names1"] = names[:5], names[5:]
    for name, arrays in weights:
        group = f.create_group(name)
        suffixes = ["W_1:0", "b_1:0", "c_1:0", "d_1:0"]
        group.attrs["weight_names"] = [f"{name}_{suffixes[i]}".encode() for i in range(len(arrays))]
        for i, array in enumerate(arrays):
            group.create_dataset(f"{name}_{suffixes[i]}", data=array.astype("f8") if i == 0 else array,
                                 **({"compression": "gzip"} if array.size > 9 else {}))

# To be refused. Keras stores the code of a lambda with the name of its source.
double = eval(compile("lambda v: v * 2", "double.py", "eval"))
branched_in = keras.Input((4, 4, 1))
branched = keras.layers.Conv2D(1, 1, name="a")(branched_in)
keras.Model(branched_in, keras.layers.Add(name="sum")([branched, branched_in])).save("refused-branch.keras")
keras.Sequential([keras.Input((4,)), keras.layers.Lambda(double, name="double")]).save("refused-lambda.keras")
tf_keras.Sequential([tf_keras.layers.Lambda(double, name="double", input_shape=(4,))]).save("refused-lambda.h5")


def hostile(file, put):
    with h5py.File(file, "w") as f:
        f.attrs["layer_names"] = [b"first"]
        group = f.create_group("first")
        group.attrs["weight_names"] = [b"first/kernel:0"]
        put(group.create_group("first"), group, f)


def virtual(group, *_):
    layout = h5py.VirtualLayout(shape=(3, 3, 3, 4), dtype="f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", shape=(3, 3, 3, 4))
    group.create_virtual_dataset("kernel:0", layout)


def bomb(group, *_):
    group.create_dataset("kernel:0", shape=(1 << 20, 1 << 14), dtype="f4", chunks=(1024, 1024), compression="gzip")


hostile("refused-external-link.h5", lambda g, *_: g.__setitem__("kernel:0", h5py.ExternalLink("/etc/passwd", "x")))
hostile("refused-external-group.h5", lambda g, top, f: f.__setitem__("first/other", h5py.ExternalLink("other.h5", "/")))
hostile("refused-soft-link.h5", lambda g, top, f: (f.create_dataset("x", data=np.zeros((3, 3, 3, 4), "f4")),
                                                   g.__setitem__("kernel:0", h5py.SoftLink("/x"))))
hostile("refused-virtual.h5", virtual)
hostile("refused-external-storage.h5", lambda g, *_: g.create_dataset(
    "kernel:0", shape=(3, 3, 3, 4), dtype="f4", external=[("/etc/passwd", 0, 432)]))
hostile("refused-shape-bomb.h5", bomb)
hostile("refused-integers.h5", lambda g, *_: g.create_dataset("kernel:0", data=np.zeros((3, 3, 3, 4), "i4")))
hostile("refused-nan.h5", lambda g, *_: g.create_dataset("kernel:0", data=np.full((3, 3, 3, 4), np.nan, "f4")))

numbers = lambda a: [float(np.float32(v)) for v in np.asarray(a).ravel()]
slots = {
    "Conv2D": ["kernel", "bias"], "Dense": ["kernel", "bias"], "DepthwiseConv2D": ["depthwise", "bias"],
    "SeparableConv2D": ["depthwise", "pointwise", "bias"], "BatchNormalization": ["gamma", "beta", "mean", "variance"],
}
outputs = {}
for layer in three.layers:
    outputs[layer.name] = numbers(keras.Model(three.inputs, layer.output).predict(x, verbose=0)) if layer.name in (
        "first_relu", "depth", "separable", "largest", "hidden", "probabilities") else None
json.dump({
    "weights": {f"{name}/{slots[three.get_layer(name).__class__.__name__][i]}": {"shape": list(a.shape), "numbers": numbers(a)}
                for name, arrays in weights for i, a in enumerate(arrays)},
    "shapes": {layer.name: list(layer.output.shape[1:]) for layer in three.layers},
    "input": numbers(x),
    "outputs": {name: values for name, values in outputs.items() if values},
}, open("expected.json", "w"), separators=(",", ":"))
