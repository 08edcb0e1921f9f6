"""A small ONNX network with what it computes, and files that must be refused.

pip install onnx onnxruntime numpy; python make_files.py
"""
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(3)
F = TensorProto.FLOAT


def weight(name, *shape):
    return numpy_helper.from_array(rng.normal(0, 0.5, shape).astype("f4"), name)


def model(nodes, weights, inputs=None, outputs=None, opset=17, domains=(), **extra):
    graph = helper.make_graph(
        nodes, "small",
        inputs or [helper.make_tensor_value_info("image", F, ["N", 3, 8, 6])],
        outputs or [helper.make_tensor_value_info("scores", F, ["N", 4])], weights, **extra)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *domains], producer_name="test")
    made.ir_version = 8
    return made


def body():
    return [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c1", "g", "b1", "b1", "v"], ["n1"], "norm1"),
        helper.make_node("Relu", ["n1"], ["r1"], "relu1"),
        helper.make_node("MaxPool", ["r1"], ["p1"], "pool1", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], "", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        helper.make_node("Add", ["c2", "c2"], ["a2"], "add"),
        helper.make_node("Concat", ["a2", "c2"], ["j2"], "join", axis=1),
        helper.make_node("GlobalAveragePool", ["j2"], ["g2"], "global"),
        helper.make_node("Reshape", ["g2", "flat"], ["f2"], "flatten"),
        helper.make_node("Gemm", ["f2", "w3"], ["scores"], "classify", transB=1),
    ]


def weights():
    return [weight("w1", 5, 3, 3, 3), weight("b1", 5), weight("g", 5), numpy_helper.from_array(np.ones(5, "f4"), "v"),
            weight("w2", 6, 5, 3, 3), numpy_helper.from_array(np.array([0, -1], "i8"), "flat"), weight("w3", 4, 12)]


def save(name, made):
    with open(name, "wb") as f:
        f.write(made.SerializeToString())


good = model(body(), weights())
onnx.checker.check_model(good)
save("small.onnx", good)

# As exporters write it that were not told of batches: one image, and a Reshape that says so.
one = model(body(), [*weights()[:-2], numpy_helper.from_array(np.array([1, -1], "i8"), "flat"), good.graph.initializer[6]],
            inputs=[helper.make_tensor_value_info("image", F, [1, 3, 8, 6])], outputs=[helper.make_tensor_value_info("scores", F, [1, 4])])
for i in range(5):
    one.graph.initializer[i].CopyFrom(good.graph.initializer[i])
save("single.onnx", one)

import onnxruntime

x = rng.normal(0, 1, (2, 3, 8, 6)).astype("f4")
expected = {}
for output in ["c1", "p1", "c2", "j2", "f2", "scores"]:
    probe = onnx.ModelProto()
    probe.CopyFrom(good)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(output, F, None))
    value, = onnxruntime.InferenceSession(probe.SerializeToString()).run([output], {"image": x})
    expected[output] = {"shape": list(value.shape[1:]), "numbers": [float(v) for v in value.ravel()[:20]]}
with open("expected.json", "w") as f:
    json.dump({"input": [float(v) for v in x.ravel()], "outputs": expected}, f, separators=(",", ":"))


def with_weight(change):
    made = model(body(), weights())
    change(made.graph.initializer[0])
    return made


def external(location, **entries):
    def change(tensor):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=str(value))
    return change


def dims(*extents):
    def change(tensor):
        del tensor.dims[:]
        tensor.dims.extend(extents)
    return change


def without_data(tensor):
    tensor.ClearField("raw_data")


def number(value):
    def change(tensor):
        array = numpy_helper.to_array(tensor).copy()
        array[0, 0, 0, 0] = value
        tensor.raw_data = array.tobytes()
    return change


for name, location in {"parent": "../secret.bin", "absolute": "/etc/passwd", "backslash": "..\\secret.bin",
                       "url": "http://localhost/x", "empty": "", "beside": "weights.bin"}.items():
    save(f"refused-external-{name}.onnx", with_weight(external(location, offset=-5, length=1 << 62)))
save("refused-shape-bomb.onnx", with_weight(dims(1 << 31, 1 << 31)))
save("refused-negative.onnx", with_weight(dims(-5, 3, 3, 3)))
save("refused-without-data.onnx", with_weight(without_data))
save("refused-nan.onnx", with_weight(number(np.nan)))
save("refused-infinity.onnx", with_weight(number(np.inf)))
save("refused-opset.onnx", model(body(), weights(), opset=99))
save("refused-operator.onnx", model([*body()[:2], helper.make_node("Frobnicate", ["n1"], ["scores"], "odd")], weights()))
save("refused-domain.onnx", model([*body()[:2], helper.make_node("Relu", ["n1"], ["scores"], "odd", domain="my.own")], weights(),
                                  domains=[helper.make_opsetid("my.own", 1)]))
save("refused-two-inputs.onnx", model(body(), weights(), inputs=[
    helper.make_tensor_value_info("image", F, ["N", 3, 8, 6]), helper.make_tensor_value_info("mask", F, ["N", 8])]))
save("refused-flat-input.onnx", model(body(), weights(), inputs=[helper.make_tensor_value_info("image", F, ["N", 144])]))
inner = helper.make_graph([helper.make_node("Constant", [], ["k"], "k", value=with_weight(external("x.bin")).graph.initializer[0])],
                          "inner", [], [helper.make_tensor_value_info("k", F, None)])
save("refused-external-nested.onnx", model([*body(), helper.make_node("If", ["cond"], ["z"], "if", then_branch=inner, else_branch=inner)], weights()))
