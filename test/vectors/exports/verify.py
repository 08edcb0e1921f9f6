"""What other programs make of exported models: `verify.py FOLDER` prints the probabilities of each as JSON.

FOLDER holds `inputs.npy` and `model.onnx`, `model.h5`, `model.keras` of one network. Needs onnxruntime, keras >= 3 with
tensorflow, and tf_keras (Keras 2).
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import onnx
import onnxruntime
import tf_keras


def main(folder):
    x = np.load(f"{folder}/inputs.npy")
    onnx.checker.check_model(f"{folder}/model.onnx", full_check=True)
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
    (wanted,) = session.get_inputs()
    keras3 = keras.saving.load_model(f"{folder}/model.keras")
    given = {
        "onnxruntime": session.run(["probabilities"], {wanted.name: x})[0],
        "onnxruntime, one row": session.run(None, {wanted.name: x[:1]})[0],
        "keras 3, .keras": keras3.predict(x, verbose=0),
        "keras 3, .h5": keras.saving.load_model(f"{folder}/model.h5", compile=False).predict(x, verbose=0),
        "keras 2, .h5": tf_keras.models.load_model(f"{folder}/model.h5", compile=False).predict(x, verbose=0),
    }
    print(
        json.dumps(
            {
                "probabilities": {name: np.float64(rows).round(9).tolist() for name, rows in given.items()},
                "metadata": dict(session.get_modelmeta().custom_metadata_map),
                "layers": [layer.name for layer in keras3.layers],
            }
        )
    )


main(sys.argv[1])
