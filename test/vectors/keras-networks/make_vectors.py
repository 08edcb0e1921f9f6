"""Layer names, output shapes and parameter counts of Keras' own networks, and the spread of its initialisers.

pip install tensorflow-cpu keras; python make_vectors.py > vectors.json
"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras

apps = keras.applications
models = {
    "vgg16 224x224 top": apps.VGG16(weights=None),
    "vgg16 96x64": apps.VGG16(weights=None, include_top=False, input_shape=(96, 64, 3)),
    "vgg19 224x224 top": apps.VGG19(weights=None),
    "mobilenet-v1 1 224x224 top": apps.MobileNet(weights=None, dropout=0.001),
    "mobilenet-v1 0.25 161x97": apps.MobileNet(weights=None, alpha=0.25, include_top=False, input_shape=(161, 97, 3)),
    "mobilenet-v1 0.75 128x128": apps.MobileNet(weights=None, alpha=0.75, include_top=False, input_shape=(128, 128, 3)),
}
shapes = {"dense": (300, 400), "conv": (3, 3, 16, 32), "depthwise": (3, 3, 700, 1)}
names = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "random_uniform", "random_normal"]
spreads = {}
for name in names:
    for kind, shape in shapes.items():
        values = keras.ops.convert_to_numpy(keras.initializers.get(name)(shape))
        spreads[f"{name.replace('_', '-')} {kind}"] = {
            "shape": shape, "deviation": round(float(values.std()), 5), "largest": round(float(abs(values).max()), 5)}
layers = {
    key: [[layer.name, list(layer.output.shape[1:]), layer.count_params()] for layer in model.layers[1:]]
    for key, model in models.items()
}
print(json.dumps({"layers": layers, "spreads": spreads}, separators=(",", ":")))
