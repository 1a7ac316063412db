"""A network that is described by ftctl's JSON (src/models/network.ts), in PyTorch's own modules."""

import torch
from torch import nn
from torch.nn import functional as F


def same_padding(size, kernel, stride, dilation):
    """TensorFlow's SAME along one axis: before and after."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def padded(x, layer, value=0.0):
    """Pads as the layer says, on all four sides by themselves."""
    padding = layer["padding"]
    if padding == "same":
        dilation = layer.get("dilation", [1, 1])
        axis = lambda i: same_padding(x.shape[2 + i], layer["kernel"][i], layer["stride"][i], dilation[i])
        (top, bottom), (left, right) = axis(0), axis(1)
    else:
        top, left, bottom, right = (padding[side] for side in ("top", "left", "bottom", "right"))
    return F.pad(x, (left, right, top, bottom), value=value)


class Described(nn.Module):
    """Layers have names without dots; each is computed from the outputs before it."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        for layer in network["layers"]:
            module = self.module(layer)
            if module is not None:
                setattr(self, layer["name"], module)

    @staticmethod
    def module(layer):
        kind = layer["kind"]
        if kind == "conv2d":
            return nn.Conv2d(
                layer["inChannels"],
                layer["outChannels"],
                layer["kernel"],
                stride=layer["stride"],
                dilation=layer["dilation"],
                groups=layer["groups"],
                bias=layer["bias"],
            )
        if kind == "batchNorm":
            return nn.BatchNorm2d(layer["channels"], eps=layer["epsilon"], momentum=layer["momentum"])
        if kind == "linear":
            return nn.Linear(layer["inFeatures"], layer["outFeatures"], bias=layer["bias"])
        return nn.Dropout(layer["probability"]) if kind == "dropout" else None

    def compute(self, layer, inputs):
        kind, x = layer["kind"], inputs[0]
        if kind == "conv2d":
            return getattr(self, layer["name"])(padded(x, layer))
        if kind in ("batchNorm", "linear", "dropout"):
            return getattr(self, layer["name"])(x)
        if kind == "relu":
            return F.relu(x)
        if kind == "relu6":
            return F.relu6(x)
        if kind == "maxPool":
            options = dict(dilation=layer["dilation"], ceil_mode=layer["ceilMode"])
            if layer["ceilMode"]:
                # PyTorch's rule for a last window needs its own padding: the same before and after.
                before = (layer["padding"]["top"], layer["padding"]["left"])
                return F.max_pool2d(x, layer["kernel"], layer["stride"], padding=before, **options)
            return F.max_pool2d(padded(x, layer, -torch.inf), layer["kernel"], layer["stride"], **options)
        if kind == "avgPool":
            # Averages of what is there: sums over padding by the number of values that count.
            window = (layer["kernel"], layer["stride"])
            mean = F.avg_pool2d(padded(x, layer), *window)
            if layer["countIncludePad"]:
                return mean
            return mean / F.avg_pool2d(padded(torch.ones_like(x), layer), *window)
        if kind == "adaptiveAvgPool":
            return F.adaptive_avg_pool2d(x, layer["outputSize"])
        if kind == "affine":
            column = lambda values: torch.tensor(values, dtype=x.dtype).reshape(1, -1, 1, 1)
            return x * column(layer["scale"]) + column(layer["shift"])
        if kind == "add":
            return torch.stack(inputs).sum(0)
        if kind == "concat":
            return torch.cat(inputs, 1)
        assert kind == "flatten", kind
        return torch.flatten(x, 1)

    def forward(self, images, given=None, wanted=None):
        """The output; or the outputs of the layers `wanted`. What is `given`, a dict of outputs, is not computed."""
        values = {"images": images, **(given or {})}
        for layer in self.network["layers"]:
            inputs = [values.get(name) for name in layer["inputs"]]
            if layer["name"] not in values and all(x is not None for x in inputs):
                values[layer["name"]] = self.compute(layer, inputs)
        return values[self.network["output"]] if wanted is None else [values[name] for name in wanted]
