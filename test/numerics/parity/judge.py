"""torchvision as the judge of the parity suite: reads one request a line from stdin, writes one answer a line to stdout.

A request is JSON: {"what": ..., "architecture": ..., "dir": a folder for files, ...}; an answer is JSON, or {"error": text}.
The process keeps the network of the last "make", so that several sizes share it.
"""

import json
import operator
import os
import re
import sys

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file, save_file

torch.set_grad_enabled(False)
torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))

NUM_CLASSES = 10
model = None


def create(architecture, seed, init_weights=True):
    torch.manual_seed(seed)
    options = {"num_classes": NUM_CLASSES}
    if architecture == "inception_v3":
        # What torchvision sets for the published weights.
        options |= {"transform_input": True, "init_weights": init_weights}
    elif architecture.startswith("vgg"):
        options["init_weights"] = init_weights
    return getattr(torchvision.models, architecture)(**options)


def randomise(network, seed):
    """Seeded values that leave nothing neutral: gains, shifts, means and variances of batch norms, and all biases."""
    g = torch.Generator().manual_seed(seed)
    uniform = lambda tensor, low, high: tensor.copy_(torch.rand(tensor.shape, generator=g) * (high - low) + low)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(1)
        elif name.endswith("running_var"):
            uniform(tensor, 0.5, 1.5)
        elif name.endswith("running_mean"):
            uniform(tensor, -0.25, 0.25)
        elif tensor.dim() == 1:
            uniform(tensor, *((0.5, 1.5) if name.endswith("weight") else (-0.2, 0.2)))
        else:
            bound = (6 / tensor[0].numel()) ** 0.5
            uniform(tensor, -bound, bound)


def representation(network):
    # Since 2.10 PyTorch also prints whether a batch norm has a bias: it always has here.
    return re.sub(r"(BatchNorm2d\(.*affine=True), bias=True", r"\1", repr(network))


def make(request):
    global model
    model = None
    model = create(request["architecture"], 0, init_weights=False).eval()
    randomise(model, request["seed"])
    state = model.state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, os.path.join(request["dir"], "weights.safetensors"))
    weights = torchvision.models.get_model_weights(request["architecture"]).DEFAULT
    return {
        "tensors": [[k, list(v.shape)] for k, v in state.items()],
        "representation": representation(model),
        "smallest": weights.meta["min_size"][0],
        "imageSize": weights.transforms.keywords["crop_size"],
        # Parameters with 1000 classes, and 10^9 multiply-adds at the default size.
        "numParameters": weights.meta["num_params"],
        "gigaMultiplyAdds": weights.meta["_ops"],
    }


def load(request):
    """Reads a state dict that ftctl wrote into the last network, strictly. Says which values are not those of "make"."""
    path = request["path"]
    loaded = load_file(path) if path.endswith(".safetensors") else torch.load(path, weights_only=True)
    state = model.state_dict()
    same = lambda a, b: b is not None and a.dtype == b.dtype and torch.equal(a, b)
    different = [name for name, value in state.items() if not same(value, loaded.get(name))]
    model.load_state_dict(loaded, strict=True)
    return {"names": list(loaded), "different": different}


def read_images(request):
    size = request["size"]
    images = np.fromfile(os.path.join(request["dir"], "images.f32"), dtype="<f4")
    return torch.from_numpy(images.reshape(-1, 3, size, size))


def write(request, name, tensor):
    tensor.contiguous().numpy().astype("<f4").tofile(os.path.join(request["dir"], name))


def logits(request):
    write(request, "logits.f32", model(read_images(request)))
    return {}


def layers(request):
    """The outputs of all nodes of the traced network, one after another in layers.f32; and the names of the trace in training."""
    from torchvision.models.feature_extraction import get_graph_node_names, create_feature_extractor

    train, evaluation = get_graph_node_names(model)
    names = [name for name in evaluation if name != "x"]
    extractor = create_feature_extractor(model, names).eval()
    for node in extractor.graph.nodes:
        # What works in place would change the outputs before it, which are asked for too.
        if node.op == "call_module" and hasattr(extractor.get_submodule(node.target), "inplace"):
            extractor.get_submodule(node.target).inplace = False
        if "inplace" in node.kwargs:
            node.update_kwarg("inplace", False)
        if node.target is operator.iadd:
            node.target = operator.add
    extractor.recompile()
    outputs = extractor(read_images(request))
    write(request, "layers.f32", torch.cat([outputs[name].flatten() for name in names]))
    return {"shapes": [[name, list(outputs[name].shape)] for name in names], "training": train}


def statistics(request):
    """Standard deviation and largest magnitude of each tensor as torchvision itself draws them."""
    network = create(request["architecture"], request["seed"])
    describe = lambda v: [v.float().std(unbiased=False).item(), v.abs().max().item()]
    return {"statistics": {k: describe(v) for k, v in network.state_dict().items() if v.dtype == torch.float32}}


actions = {"make": make, "load": load, "logits": logits, "layers": layers, "statistics": statistics}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = actions[request["what"]](request)
    except Exception as error:  # said to the test, which fails with it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
