"""Makes the fixtures in ../fixtures/models with PyTorch and torchvision, in float64: python make_fixtures.py

Weights and images are not stored: both sides compute them by the integer hash below (see formula.ts), so that
only the expected results are files. Made with torch 2.15 and torchvision 0.29.
"""

import hashlib
import json
import pathlib
import re

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "models"


ARCHITECTURES = [
    *(f"resnet{n}" for n in (18, 34, 50, 101, 152)),
    "alexnet",
    *(f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")),
    *(f"squeezenet{n}" for n in ("1_0", "1_1")),
    *(f"densenet{n}" for n in (121, 161, 169, 201)),
    "inception_v3",
    "mobilenet_v2",
]


def uniform(count, salt):
    """count numbers in [0, 1): a 32-bit mixer (lowbias32) of index and salt."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) + np.uint32((salt * 1000003) & 0xFFFFFFFF)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2.0**32


def values(shape, salt, low, high):
    """float32 values, as they are in a file of weights."""
    u = uniform(int(np.prod(shape)), salt)
    return torch.tensor((low + (high - low) * u).astype(np.float32).reshape(shape))


def tensor_value(name, shape, salt):
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if name.endswith("running_var"):
        return values(shape, salt, 0.5, 1.5)
    if name.endswith("running_mean"):
        return values(shape, salt, -0.25, 0.25)
    if len(shape) == 1:
        # Weight of a batch norm around 1, biases around 0.
        return values(shape, salt, 0.5, 1.5) if name.endswith("weight") else values(shape, salt, -0.2, 0.2)
    bound = (6 / int(np.prod(shape[1:]))) ** 0.5
    return values(shape, salt, -bound, bound)


def make(architecture, width, classes):
    if architecture == "mobilenet_v2":
        return torchvision.models.mobilenet_v2(num_classes=classes, width_mult=width)
    if architecture == "inception_v3":
        # What torchvision sets for the published weights.
        return torchvision.models.inception_v3(num_classes=classes, transform_input=True, init_weights=False)
    return getattr(torchvision.models, architecture)(num_classes=classes)


def networks():
    logits, state_dicts = [], {}
    for architecture, width, sizes in [
        ("resnet18", 1, [64, 97, 224]),
        ("resnet34", 1, [64, 97, 224]),
        ("mobilenet_v2", 1, [64, 97, 224]),
        ("mobilenet_v2", 1.4, [64]),
        ("mobilenet_v2", 0.35, [64]),
        ("alexnet", 1, [64, 97]),
        ("densenet121", 1, [64, 97]),
        ("inception_v3", 1, [75, 139]),
        ("resnet50", 1, [64, 97]),
        ("squeezenet1_0", 1, [64, 97, 224]),
        ("squeezenet1_1", 1, [64, 97]),
    ]:
        classes = 10
        model = make(architecture, width, classes)
        state = model.state_dict()
        if architecture in ("resnet18", "mobilenet_v2", "squeezenet1_1"):
            state_dicts[f"{architecture} {width}"] = [[k, list(v.shape)] for k, v in state.items()]
        model.load_state_dict({k: tensor_value(k, v.shape, i) for i, (k, v) in enumerate(state.items())})
        model.double().eval()
        for size in sizes:
            images = values((2, 3, size, size), 9000 + size, -2, 2).double()
            with torch.no_grad():
                expected = model(images)
            logits.append(
                {
                    "architecture": architecture,
                    "width": width,
                    "imageSize": size,
                    "numClasses": classes,
                    "logits_NK": expected.flatten().tolist(),
                }
            )
    (OUT / "torchvision-logits.json").write_text(json.dumps(logits, indent=1))
    (OUT / "torchvision-state-dicts.json").write_text(json.dumps(state_dicts))


def layers():
    """The small network of layers.test.ts: every kind of layer and window that the families above leave out."""
    size = 14
    x = values((2, 3, size, size), 1, -2, 2).double()
    p = lambda shape, salt: values(shape, salt, -0.5, 0.5).double()
    positive = lambda shape, salt: values(shape, salt, 0.5, 1.5).double()

    x = x * torch.tensor([1.5, 0.5, 2.0]).double().view(3, 1, 1) + torch.tensor([0.25, -1.0, 0.5]).double().view(3, 1, 1)
    # F.pad: left, right, top, bottom
    a = F.conv2d(F.pad(x, (1, 2, 0, 1)), p((6, 3, 3, 2), 2), p((6,), 3), stride=(2, 1), dilation=(1, 2))
    a = F.batch_norm(a, p((6,), 6), positive((6,), 7), positive((6,), 4), p((6,), 5), eps=1e-3)
    b = F.conv2d(F.relu(a), p((4, 3, 1, 1), 8), groups=2)
    c = F.batch_norm(F.relu6(a * 1.0), p((6,), 11), positive((6,), 12), positive((6,), 9), p((6,), 10), eps=1e-5)
    x = torch.cat([b, c], 1)
    m = F.max_pool2d(x, (2, 2), (3, 2), padding=(1, 0), ceil_mode=True)
    q = F.avg_pool2d(x, 3, 2, padding=1, count_include_pad=True)
    r = F.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False)
    n = F.adaptive_avg_pool2d(q + r, (2, 1))
    flat = torch.cat([torch.flatten(m, 1), torch.flatten(n, 1)], 1)
    out = F.linear(flat, p((5, flat.shape[1]), 13))
    result = {"shapes": {"m": list(m.shape[1:]), "q": list(q.shape[1:])}, "flat": flat.shape[1], "out": out.flatten().tolist()}
    (OUT / "layers.json").write_text(json.dumps(result, indent=1))


def linear_head(x, w, b):
    return F.linear(x, w, b)


def conv_pool_head(x, w, b):
    """squeezenet's classifier without its dropout."""
    return F.adaptive_avg_pool2d(F.relu(F.conv2d(x, w, b)), 1).flatten(1)


def head_gradients(name, head, features, weight):
    """Shapes: `features` of a row, `weight` of a class."""
    cases = []
    for spread in [1.0, 400.0]:
        shards, rows, classes = 3, 4, 5
        x = values((shards, rows, *features), 1, -2, 2).double()
        labels = torch.tensor((uniform(shards * rows, 2) * classes).astype(np.int64)).view(shards, rows)
        weights = values((shards, rows), 3, 0, 2).double()
        weights[1, 2:] = 0
        w = (values((classes, *weight), 4, -0.5, 0.5) * spread).double().requires_grad_()
        b = (values((classes,), 5, -0.5, 0.5) * spread).double().requires_grad_()
        losses, gradients, correct = [], [], []
        for s in range(shards):
            logits = head(x[s], w, b)
            loss = (F.cross_entropy(logits, labels[s], reduction="none") * weights[s]).sum()
            dw, db = torch.autograd.grad(loss, (w, b))
            losses.append(loss.item())
            # Sorted by name: the bias, then the weight.
            gradients.append(torch.cat([db, dw.flatten()]).tolist())
            correct.append(int(((logits.argmax(1) == labels[s]) & (weights[s] > 0)).sum()))
        cases.append({"spread": spread, "losses_S": losses, "correct_S": correct, "gradients_SP": gradients})
    (OUT / f"{name}.json").write_text(json.dumps(cases))


def digests():
    """SHA-256 of each architecture's state dict's names and shapes in order, and of its text: whole, they would take a megabyte."""
    sha256 = lambda text: hashlib.sha256(text.encode()).hexdigest()
    found = {}
    for name in ARCHITECTURES:
        with torch.device("meta"):
            model = make(name, 1, 10)
        entries = [f"{k} {list(v.shape)}" for k, v in model.state_dict().items()]
        # Since 2.10 PyTorch also prints whether a batch norm has a bias: it always has here.
        text = re.sub(r"(BatchNorm2d\(.*affine=True), bias=True", r"\1", repr(model))
        found[name] = {"stateDict": sha256("\n".join(entries)), "text": sha256(text)}
    (OUT / "torchvision-digests.json").write_text(json.dumps(found, indent=1) + "\n")


networks()
digests()
layers()
head_gradients("head-gradients", linear_head, (20,), (20,))
head_gradients("conv-head-gradients", conv_pool_head, (6, 4, 3), (6, 1, 1))
