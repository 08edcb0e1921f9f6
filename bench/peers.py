"""The same work in Python, for `npm run bench -- --peers`: one line on stdin runs it once and prints seconds.

`python peers.py vgg16-keras|vgg16-openvino FOLDER` reads the PNG files of a folder, prepares them as VGG16 wants and runs its base in
float32 (random weights); `python peers.py head-keras` takes 20 steps of the head 25088-1000-500-150-10 (Adam, batch 128, tf.function).
"""
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np

what, *rest = sys.argv[1:]


def images(folder, batch):
    from PIL import Image

    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    mean = np.array([103.939, 116.779, 123.68], "float32")
    for at in range(0, len(paths), batch):
        some = [np.asarray(Image.open(p).convert("RGB").resize((224, 224), Image.BILINEAR), "float32")[..., ::-1] - mean for p in paths[at : at + batch]]
        yield np.stack(some)


def training_step(model, optimizer):
    """One step of cross-entropy on logits as a compiled function."""
    import keras
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        optimizer.apply_gradients(zip(tape.gradient(value, model.trainable_variables), model.trainable_variables))
        return value

    return step


if what == "vgg16-keras":
    import tensorflow as tf

    model = tf.keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    forward = tf.function(lambda x: model(x, training=False))
    forward(tf.zeros((8, 224, 224, 3)))

    def run():
        for x in images(rest[0], 8):
            forward(tf.constant(x)).numpy()

elif what == "vgg16-openvino":
    import openvino
    import tensorflow as tf

    model = tf.keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    converted = openvino.convert_model(tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((None, 224, 224, 3))))
    compiled = openvino.compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled(np.zeros((8, 224, 224, 3), "float32"))

    def run():
        for x in images(rest[0], 8):
            compiled(x)

elif what == "head-keras":
    import keras
    import tensorflow as tf

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((25088,)), layers.Dense(1000, activation="relu"), layers.Dense(500, activation="sigmoid"), layers.Dense(150, activation="sigmoid"), layers.Dense(10)]
    )
    optimizer = keras.optimizers.Adam()
    step = training_step(model, optimizer)

    x = tf.constant(np.random.default_rng(1).random((128, 25088), "float32"))
    y = tf.constant(np.arange(128) % 10)
    step(x, y)

    def run():
        for _ in range(20):
            step(x, y).numpy()


elif what == "fine-tune-keras":
    import keras
    import tensorflow as tf

    base = keras.applications.VGG16(weights=None)
    out = keras.layers.Dense(10)(base.get_layer("fc2").output)
    model = keras.Model(base.input, out)
    for layer in model.layers[:8]:
        layer.trainable = False
    optimizer = keras.optimizers.SGD(0.001, momentum=0.9, nesterov=True)
    step = training_step(model, optimizer)

    x = tf.random.stateless_normal((16, 224, 224, 3), (1, 2))
    y = tf.constant(np.arange(16) % 10)
    step(x, y)

    def run():
        for _ in range(2):
            step(x, y).numpy()


elif what == "cnn-keras":
    import keras
    import tensorflow as tf

    layers = keras.layers
    blocks = [layer for _ in range(3) for layer in (layers.Conv2D(32, 5, activation="relu"), layers.MaxPooling2D(4))]
    model = keras.Sequential([keras.Input((224, 224, 3)), *blocks, layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dropout(0.5), layers.Dense(10)])
    optimizer = keras.optimizers.Adam()
    step = training_step(model, optimizer)

    x = np.random.default_rng(1).random((256, 224, 224, 3), "float32")
    y = np.arange(256) % 10

    def run():
        for at in range(0, 256, 32):
            step(tf.constant(x[at : at + 32]), tf.constant(y[at : at + 32])).numpy()

    run()

elif what == "cnn-torch":
    import torch

    torch.set_num_threads(os.cpu_count())
    nn = torch.nn
    channels = [3, 32, 32, 32]
    blocks = [layer for i in range(3) for layer in (nn.Conv2d(channels[i], 32, 5), nn.ReLU(), nn.MaxPool2d(4))]
    model = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss = nn.CrossEntropyLoss()
    x = torch.rand((256, 3, 224, 224)).contiguous(memory_format=torch.channels_last)
    y = torch.arange(256) % 10

    def run():
        for at in range(0, 256, 32):
            optimizer.zero_grad()
            value = loss(model(x[at : at + 32]), y[at : at + 32])
            value.backward()
            optimizer.step()
            value.item()

    run()

print("ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    run()
    print(time.perf_counter() - started, flush=True)
