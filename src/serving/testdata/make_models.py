"""Writes the tiny ONNX models of the serving tests beside itself. Needs the `onnx` package; the results are in the repository."""

import pathlib

import onnx
from onnx import TensorProto as T
from onnx import helper as h

HERE = pathlib.Path(__file__).parent


def save(name, nodes, inputs, outputs, initializers=(), opset=15, extra_opsets=()):
    graph = h.make_graph(nodes, name, inputs, outputs, list(initializers))
    opsets = [h.make_opsetid("", opset)] + [h.make_opsetid(d, v) for d, v in extra_opsets]
    model = h.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="fettle-tests")
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def value(name, kind, shape):
    return h.make_tensor_value_info(name, kind, shape)


# y = 2 x: batches, one row of two
save("double", [h.make_node("Mul", ["x", "two"], ["y"])], [value("x", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, ["n", 2])],
     [h.make_tensor("two", T.FLOAT, [], [2.0])])

# y = 3 x: a second version of the same model
save("triple", [h.make_node("Mul", ["x", "three"], ["y"])], [value("x", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, ["n", 2])],
     [h.make_tensor("three", T.FLOAT, [], [3.0])])

# two inputs, two outputs, as Triton's "simple" example
save("simple", [h.make_node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]), h.make_node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"])],
     [value("INPUT0", T.INT32, ["b", 16]), value("INPUT1", T.INT32, ["b", 16])],
     [value("OUTPUT0", T.INT32, ["b", 16]), value("OUTPUT1", T.INT32, ["b", 16])])

# the same value through, one model a type
for onnx_type, word in [(T.FLOAT, "fp32"), (T.DOUBLE, "fp64"), (T.FLOAT16, "fp16"), (T.BFLOAT16, "bf16"), (T.INT8, "int8"), (T.INT16, "int16"),
                        (T.INT32, "int32"), (T.INT64, "int64"), (T.UINT8, "uint8"), (T.UINT16, "uint16"), (T.UINT32, "uint32"),
                        (T.UINT64, "uint64"), (T.BOOL, "bool"), (T.STRING, "bytes")]:
    save(f"identity_{word}", [h.make_node("Identity", ["x"], ["y"])], [value("x", onnx_type, ["n", "m"])], [value("y", onnx_type, ["n", "m"])])

# fails inside a kernel when an index is outside 0..3
save("lookup", [h.make_node("Gather", ["table", "i"], ["y"], axis=0)], [value("i", T.INT64, ["n"])], [value("y", T.FLOAT, ["n"])],
     [h.make_tensor("table", T.FLOAT, [4], [0.0, 10.0, 20.0, 30.0])])

# rows are not kept apart: the answer has one row whatever comes in
save("total", [h.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)], [value("x", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, ["one", 2])],
     [h.make_tensor("axes", T.INT64, [1], [0])])

# a classifier's answer as scikit-learn exports it: sequence<map<int64, float>>
save("zipmap", [h.make_node("ZipMap", ["x"], ["p"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2])], [value("x", T.FLOAT, ["n", 3])],
     [h.make_value_info("p", h.make_sequence_type_proto(h.make_map_type_proto(T.INT64, h.make_tensor_type_proto(T.FLOAT, []))))],
     extra_opsets=[("ai.onnx.ml", 1)])

# slow enough to see queues: a chain of matrix products
slow = [h.make_node("MatMul", ["x" if i == 0 else f"h{i}", "w"], [f"h{i + 1}"]) for i in range(40)]
slow.append(h.make_node("ReduceMean", ["h40"], ["y"], axes=[1], keepdims=1))
save("slow", [h.make_node("ConstantOfShape", ["side"], ["w"], value=h.make_tensor("v", T.FLOAT, [1], [0.001]))] + slow,
     [value("x", T.FLOAT, ["n", 256])], [value("y", T.FLOAT, ["n", 1])], [h.make_tensor("side", T.INT64, [2], [256, 256])])

# refused at load
save("unknown_op", [h.make_node("Nope", ["x"], ["y"], domain="com.nowhere")], [value("x", T.FLOAT, [1])], [value("y", T.FLOAT, [1])],
     extra_opsets=[("com.nowhere", 1)])
save("future_opset", [h.make_node("Identity", ["x"], ["y"])], [value("x", T.FLOAT, [1])], [value("y", T.FLOAT, [1])], opset=999)

weights = h.make_tensor("w", T.FLOAT, [2], [1.0, 1.0])
weights.ClearField("float_data")
weights.data_location = T.EXTERNAL
entry = weights.external_data.add()
entry.key, entry.value = "location", "../outside.bin"
save("external", [h.make_node("Add", ["x", "w"], ["y"])], [value("x", T.FLOAT, ["n", 2])], [value("y", T.FLOAT, ["n", 2])], [weights])
