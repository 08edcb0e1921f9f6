"""Writes vectors.json: a convolution and a dense layer quantised by ONNX Runtime's own quantiser.

pip install onnx onnxruntime numpy; python make_vectors.py
Per-channel symmetric int8 weights, asymmetric uint8 activations, min-max calibration, QLinearConv form.
"""
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

rng = np.random.default_rng(7)
f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
x = f32(2, 3, 6, 5)
filters = f32(4, 3, 3, 3) * np.array([0.1, 1, 3, 0.5], np.float32).reshape(4, 1, 1, 1)
bias = f32(4)

nodes = [
    helper.make_node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 1]),
    helper.make_node("Relu", ["c"], ["y"]),
]
graph = helper.make_graph(
    nodes,
    "network",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 6, 5])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4, 3, 5])],
    [numpy_helper.from_array(filters, "w"), numpy_helper.from_array(bias, "b")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Images(CalibrationDataReader):
    def __init__(self):
        self.rest = iter([{"x": x}])

    def get_next(self):
        return next(self.rest, None)


with tempfile.TemporaryDirectory() as folder:
    plain, eight = Path(folder) / "plain.onnx", Path(folder) / "eight.onnx"
    onnx.save(model, plain)
    quantize_static(
        plain,
        eight,
        Images(),
        quant_format=QuantFormat.QOperator,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"WeightSymmetric": True, "ActivationSymmetric": False},
    )
    found = onnx.load(eight)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    conv = next(node for node in found.graph.node if node.op_type == "QLinearConv")
    names = dict(zip(["x", "xScale", "xZero", "w", "wScale", "wZero", "yScale", "yZero", "bias"], conv.input))
    numbers = {key: tensors[name].ravel().tolist() for key, name in names.items() if name in tensors}
    output = onnxruntime.InferenceSession(eight).run(None, {"x": x})[0]
    whole = onnxruntime.InferenceSession(plain).run(None, {"x": x})[0]

vectors = {
    "madeBy": {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "numpy": np.__version__},
    "x": x.ravel().tolist(),
    "filters": filters.ravel().tolist(),
    "bias": bias.tolist(),
    "range": {"x": [float(x.min()), float(x.max())], "y": [float(whole.min()), float(whole.max())]},
    "quantized": numbers,
    "output": output.ravel().tolist(),
}
Path(__file__).with_name("vectors.json").write_text(json.dumps(vectors))
print(numbers.keys(), np.abs(output - whole).max(), vectors["range"])
