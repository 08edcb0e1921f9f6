"""Preparing images with tf.data and OpenCV, file to [224, 224, 3] in −1 … 1; linear classifiers with scikit-learn."""
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from images import files

def input_tfdata(folder):
    import tensorflow as tf

    def read(path):
        pixels = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        pixels.set_shape((None, None, 3))
        return tf.image.resize(pixels, (224, 224)) / 127.5 - 1.0

    data = tf.data.Dataset.from_tensor_slices(files(folder)).map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(32).prefetch(tf.data.AUTOTUNE)

    def run():
        for _ in data:
            pass

    run()
    return f"tf.data {tf.__version__}", run


def input_opencv(folder):
    import cv2

    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(os.cpu_count())

    def read(path):
        pixels = cv2.resize(cv2.imread(path, cv2.IMREAD_COLOR), (224, 224), interpolation=cv2.INTER_LINEAR)
        return pixels[..., ::-1].astype("float32") / 127.5 - 1.0

    def run():
        paths = files(folder)
        for at in range(0, len(paths), 32):
            np.stack(list(pool.map(read, paths[at : at + 32])))

    run()
    return f"OpenCV {cv2.__version__}", run


def linear_sklearn(npy, kind):
    import sklearn
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    x = np.load(npy)
    y = np.arange(len(x)) % 10

    def run():
        # At its default tolerance of 1e-4 LogisticRegression ends at eight times the least objective, at 1e-6 within 1 % of it.
        model = LogisticRegression(tol=1e-6, max_iter=10000) if kind == "logistic" else CalibratedClassifierCV(LinearSVC(), ensemble=False, cv=5)
        model.fit(x, y)

    return f"scikit-learn {sklearn.__version__}", run
