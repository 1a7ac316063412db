"""Reads a trained model.onnx as others do: onnx.checker, and onnxruntime in Python.

usage: judge_backbone.py MODEL IMAGES IMAGE_SIZE NUM_IMAGES

Prints JSON: the logits and the metadata.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

path, images, size, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
onnx.checker.check_model(path, full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
pixels = np.fromfile(images, np.float32).reshape(count, 3, size, size)
(logits,) = session.run(["logits"], {"images": pixels})
print(
    json.dumps(
        {
            "logits": logits.flatten().tolist(),
            "metadata": session.get_modelmeta().custom_metadata_map,
        }
    )
)
