"""Loads what `ftctl export` wrote: python judge_export.py ARCHITECTURE NUM_CLASSES IMAGES.bin STEM, where STEM.safetensors, STEM.pth and
STEM.onnx are the files and IMAGES.bin float32 images [N, 3, S, S]. Prints JSON."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file

architecture, num_classes, images_path, stem = sys.argv[1:]
model = onnx.load(f"{stem}.onnx")
onnx.checker.check_model(model, full_check=True)
metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
size = metadata["ftctl.preprocessing"]["imageSize"]
images = np.fromfile(images_path, np.float32).reshape(-1, 3, size, size)

session = onnxruntime.InferenceSession(f"{stem}.onnx", providers=["CPUExecutionProvider"])
together = session.run(["logits"], {"images": images})[0]
one_by_one = np.concatenate([session.run(["logits"], {"images": image[None]})[0] for image in images])

state_dicts = {
    "safetensors": load_file(f"{stem}.safetensors"),
    "pth": torch.load(f"{stem}.pth", weights_only=True),
}
logits, keys_in_order = {}, {}
for name, state in state_dicts.items():
    network = torchvision.models.get_model(architecture, weights=None, num_classes=int(num_classes)).eval()
    keys_in_order[name] = list(state) == list(network.state_dict())
    network.load_state_dict(state, strict=True)
    with torch.no_grad():
        logits[name] = network(torch.from_numpy(images)).flatten().tolist()

with safe_open(f"{stem}.safetensors", "pt") as file:
    saved = file.metadata()

print(
    json.dumps(
        {
            "metadata": metadata,
            "safetensorsMetadata": saved,
            "batch": session.get_inputs()[0].shape[0],
            "together": together.flatten().tolist(),
            "oneByOne": one_by_one.flatten().tolist(),
            "pthKeysInOrder": keys_in_order["pth"],
            **logits,
        }
    )
)
