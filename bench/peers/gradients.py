"""Peer: the gradient of a part or all of resnet18 in PyTorch, for `bench/gradients.bench.ts`.

Reads one request a line from stdin, writes one answer a line to stdout, both JSON: "open" makes the network, "run" computes loss and
gradients of all rows once, and says how long it took. Batch norms are in evaluation mode (`frozen`), or normalise by all rows.
"""

import json
import sys
import time

import torch
import torchvision
from torch import nn

network = inputs = labels = None


def open_network(request):
    global network, inputs, labels
    torch.set_num_threads(request["threads"])
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None, num_classes=request["numClasses"])
    children = dict(model.named_children())
    names = list(children)
    split = 0 if request["train"] == "all" else names.index(request["train"])
    suffix = [children[name] for name in names[split:]]
    network = nn.Sequential(*suffix[:-1], nn.Flatten(), suffix[-1]).train(request["batchNorm"] == "shard")
    images = torch.randn(request["rows"], 3, request["imageSize"], request["imageSize"])
    with torch.no_grad():
        inputs = nn.Sequential(*[children[name] for name in names[:split]]).eval()(images)
    labels = torch.arange(request["rows"]) % request["numClasses"]
    return {"torch": torch.__version__, "parameters": sum(p.numel() for p in network.parameters())}


def run(_):
    begin = time.perf_counter()
    network.zero_grad()
    nn.functional.cross_entropy(network(inputs), labels, reduction="sum").backward()
    return {"milliseconds": (time.perf_counter() - begin) * 1000}


actions = {"open": open_network, "run": run}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = actions[request["what"]](request)
    except Exception as error:  # said to the bench, which ends with it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
