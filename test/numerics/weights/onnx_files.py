"""Writes an ONNX file whose initializers are stored in every way that ONNX has, and prints their values.

python onnx_files.py FOLDER: model.onnx, external.onnx with external.onnx.data; JSON of float32 or int64 values, base64.
"""

import base64
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(5)
floats = rng.standard_normal((2, 3)).astype(np.float32)
arrays = {
    "raw.float32": floats,
    "raw.float16": floats.astype(np.float16),
    "raw.float64": floats.astype(np.float64) * 1.0000001,
    "raw.int64": np.array([-(2**62), 2**53 + 1]),
    "raw.int32": np.array([-5, 6], dtype=np.int32),
    "raw.int8": np.array([-128, 127], dtype=np.int8),
    "raw.uint8": np.array([0, 255], dtype=np.uint8),
    "raw.bool": np.array([True, False]),
    "scalar": np.array(2.5, dtype=np.float32),
    "empty": np.zeros((0, 2), dtype=np.float32),
}
initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
lists = {"list.float32": floats, "list.int64": np.array([[1, -2], [3, 2**60]])}
for name, array in lists.items():
    kind = TensorProto.FLOAT if array.dtype == np.float32 else TensorProto.INT64
    initializers.append(helper.make_tensor(name, kind, array.shape, array.flatten().tolist()))
arrays |= lists
nodes = [helper.make_node("Identity", ["x"], ["y"])]
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
graph = helper.make_graph(nodes, "g", [value("x")], [value("y")], initializers)
model = helper.make_model(graph, doc_string="d" * 100)
onnx.save(model, folder / "model.onnx")
large = {"w": rng.standard_normal((64, 64)).astype(np.float32), "b": floats}
graph = helper.make_graph(
    nodes, "g", [value("x")], [value("y")], [numpy_helper.from_array(a, n) for n, a in large.items()]
)
onnx.save(
    helper.make_model(graph),
    folder / "external.onnx",
    save_as_external_data=True,
    location="external.onnx.data",
    size_threshold=1024,
)


def described(arrays):
    return {
        name: {
            "shape": list(array.shape),
            "bits": base64.b64encode(
                array.astype(np.float32 if array.dtype.kind == "f" else np.int64).tobytes()
            ).decode(),
        }
        for name, array in arrays.items()
    }


print(json.dumps({"model": described(arrays), "external": described(large)}))
