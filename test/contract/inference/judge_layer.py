"""What torchvision's resnet18 gives at a layer: python judge_layer.py WEIGHTS.safetensors LAYER FEATURES.npy FEATURES.safetensors IMAGE...
Prints the shapes of the two files and how far they are from PyTorch's, relative to the largest value."""

import json
import sys

import numpy as np
import torch
import torchvision
import torchvision.transforms.functional as TF
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

weights, layer, npy, safetensors, *paths = sys.argv[1:]
network = torchvision.models.resnet18().eval()
network.load_state_dict(load_file(weights))
images = torch.stack([TF.to_tensor(Image.open(path).convert("RGB")) for path in paths])
images = TF.normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
seen = []
dict(network.named_modules())[layer].register_forward_hook(lambda _module, _input, output: seen.append(output))
with torch.no_grad():
    network(images)
expected = seen[0].numpy()
a = np.load(npy)
with safe_open(safetensors, "np") as file:
    b, metadata = file.get_tensor("features"), file.metadata()
far = lambda x: float(np.abs(x - expected).max() / np.abs(expected).max())
print(json.dumps({"shapes": [a.shape, b.shape], "type": str(a.dtype), "far": [far(a), far(b)], "metadata": metadata}))
