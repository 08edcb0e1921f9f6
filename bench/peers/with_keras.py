"""Keras and OpenVINO. A peer prepares, and gives its title and what runs it once."""
import numpy as np
from images import ahead, batches, vgg16_reader

def keras_title():
    import keras
    import tensorflow as tf

    return f"Keras {keras.__version__} (TensorFlow {tf.__version__})"


def keras_vgg16():
    import tensorflow as tf

    model = tf.keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    return tf.function(lambda x: model(x, training=False))


def vgg16_keras(folder):
    import tensorflow as tf

    read = vgg16_reader()
    forward = keras_vgg16()
    forward(tf.zeros((8, 224, 224, 3)))

    def run():
        for x in batches(read, folder, 8):
            forward(tf.constant(x)).numpy()

    return keras_title(), run


def openvino_vgg16():
    import openvino
    import tensorflow as tf

    return openvino.convert_model(keras_vgg16().get_concrete_function(tf.TensorSpec((None, 224, 224, 3))))


def vgg16_openvino(folder):
    import openvino

    read = vgg16_reader()
    converted = openvino_vgg16()
    compiled = openvino.compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled(np.zeros((8, 224, 224, 3), "float32"))

    def run():
        for x in batches(read, folder, 8):
            compiled(x)

    return f"OpenVINO {openvino.__version__.split('-')[0]}", run


def vgg16_openvino_int8(folder):
    """Quantised by NNCF as it does by itself, with 64 of the images; the next batch is read while one is computed."""
    import nncf
    import openvino

    read = vgg16_reader()
    sample = list(batches(read, folder, 8))[:8]
    quantised = nncf.quantize(openvino_vgg16(), nncf.Dataset(sample), subset_size=len(sample))
    compiled = openvino.compile_model(quantised, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled(sample[0])

    def run():
        for x in ahead(batches(read, folder, 8)):
            compiled(x)

    return f"OpenVINO {openvino.__version__.split('-')[0]} with NNCF {nncf.__version__} in int8", run


def keras_step(model, optimizer):
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


def head_keras():
    """20 steps of the head 25088-1000-500-150-10, Adam, batch 128."""
    import keras
    import tensorflow as tf

    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((25088,)), dense(1000, activation="relu"), dense(500, activation="sigmoid"), dense(150, activation="sigmoid"), dense(10)]
    )
    step = keras_step(model, keras.optimizers.Adam())
    x = tf.constant(np.random.default_rng(1).random((128, 25088), "float32"))
    y = tf.constant(np.arange(128) % 10)
    step(x, y)

    def run():
        for _ in range(20):
            step(x, y).numpy()

    return keras_title(), run


def fine_tune_keras():
    """2 steps of VGG16 with its top, eight layers frozen, batch 16."""
    import keras
    import tensorflow as tf

    base = keras.applications.VGG16(weights=None)
    model = keras.Model(base.input, keras.layers.Dense(10)(base.get_layer("fc2").output))
    for layer in model.layers[:8]:
        layer.trainable = False
    step = keras_step(model, keras.optimizers.SGD(0.001, momentum=0.9, nesterov=True))
    x = tf.random.stateless_normal((16, 224, 224, 3), (1, 2))
    y = tf.constant(np.arange(16) % 10)
    step(x, y)

    def run():
        for _ in range(2):
            step(x, y).numpy()

    return keras_title(), run


def cnn_keras():
    """An epoch of the tutorial's CNN over 256 images in memory."""
    import keras
    import tensorflow as tf

    layers = keras.layers
    blocks = [layer for _ in range(3) for layer in (layers.Conv2D(32, 5, activation="relu"), layers.MaxPooling2D(4))]
    model = keras.Sequential([keras.Input((224, 224, 3)), *blocks, layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dropout(0.5), layers.Dense(10)])
    step = keras_step(model, keras.optimizers.Adam())
    x = np.random.default_rng(1).random((256, 224, 224, 3), "float32")
    y = np.arange(256) % 10

    def run():
        for at in range(0, 256, 32):
            step(tf.constant(x[at : at + 32]), tf.constant(y[at : at + 32])).numpy()

    run()
    return keras_title(), run
