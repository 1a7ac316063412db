"""PyTorch as the judge of gradients: reads one request a line from stdin, writes one answer a line to stdout.

A request is JSON: {"what": ..., "dir": a folder for files, ...}; an answer is JSON, or {"error": text}. The process keeps the network
of the last "make" and the gradients of the last "gradients", so that "compare" can be asked more than once.

Legend: S shards, B rows of a shard, K classes.
"""

import copy
import json
import os
import sys

import numpy as np
import torch
import torchvision
from described import Described
from torch import nn
from torch.nn import functional as F
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))

model = None
judged = {}


class Given(nn.Module):
    """Stands for a module of the frozen prefix: its output is what the test gives."""

    output = None

    def forward(self, _):
        return self.output.clone()  # What follows may work in place.


class Masked(nn.Module):
    """Dropout whose draws are what the test gives."""

    mask = None

    def forward(self, x):
        return x * self.mask


def create(request):
    """The network without values."""
    with torch.device("meta"):
        if "network" in request:
            network = Described(request["network"])
        else:
            options = {"num_classes": request["numClasses"]}
            if request["architecture"] == "inception_v3":
                options |= {"transform_input": True, "init_weights": False, "aux_logits": True}
            network = getattr(torchvision.models, request["architecture"])(**options)
    return network.to_empty(device="cpu")


@torch.no_grad()
def randomise(network, seed, num_classes):
    """Seeded values that leave nothing neutral, and keep signals at about their size."""
    g = torch.Generator().manual_seed(seed)
    uniform = lambda tensor, low, high: tensor.copy_(torch.rand(tensor.shape, generator=g) * (high - low) + low)
    for tensor in network.parameters():
        bound = 0.2 if tensor.dim() == 1 else ((1 if len(tensor) == num_classes else 6) / tensor[0].numel()) ** 0.5
        uniform(tensor, -bound, bound)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Deviations above zero: few values lie so near to a rectifier's kink that rounding takes them across.
            uniform(module.weight, 0.5, 1)
            uniform(module.bias, 2, 3.5).mul_(module.weight)


def set_modes(network, trains):
    """Training mode as `trains(name, module)` says for the leaves; modules that hold modules are in training (auxiliary logits)."""
    network.train()
    for name, module in network.named_modules():
        if not any(True for _ in module.children()):
            module.train(trains(name, module))


@torch.no_grad()
def calibrate(network, images):
    """Running statistics of what the network computes of these images: else it would drown in its own scale."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [module.momentum for module in norms]
    set_modes(network, lambda _, module: isinstance(module, nn.BatchNorm2d))
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    network(images)
    for module, momentum in zip(norms, momenta):
        module.momentum = momentum
        # Of few values some are almost equal: such a channel would blow up rounding errors.
        module.running_var.clamp_(min=module.running_var.mean().item() / 2)


def read(request, name, *shape):
    values = np.fromfile(os.path.join(request["dir"], name), dtype="<f4")
    return torch.from_numpy(values.reshape(shape))


def read_images(request):
    return read(request, "images.f32", -1, 3, request["imageSize"], request["imageSize"])


def make(request):
    from safetensors.torch import save_file

    global model
    model = None
    judged.clear()
    model = create(request)
    randomise(model, request["seed"], request["numClasses"])
    calibrate(model, read_images(request))
    model.eval()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, os.path.join(request["dir"], "weights.safetensors"))
    return {}


@torch.no_grad()
def features(request):
    """The outputs of some layers for images.f32, each flattened, side by side in a file."""
    images, names = read_images(request), request["layers"]
    if isinstance(model, Described):
        outputs = model(images, wanted=names)
    else:
        # Auxiliary classifiers are part of the trace in training.
        last = get_graph_node_names(model)[1][-1:]
        extractor = create_feature_extractor(model, train_return_nodes=names, eval_return_nodes=last, suppress_diff_warning=True)
        set_modes(extractor, lambda *_: False)
        outputs = extractor(images)
        outputs = [outputs[name] for name in names]
    rows = torch.cat([output.flatten(1) for output in outputs], 1)
    rows.contiguous().numpy().astype("<f4").tofile(os.path.join(request["dir"], request["file"]))
    return {}


class Suffix:
    """The trained part of a copy of the network: a function of features."""

    def __init__(self, request, dtype):
        self.request, self.dtype = request, dtype
        self.network = copy.deepcopy(model).to(dtype)
        self.described = isinstance(self.network, Described)
        if hasattr(self.network, "transform_input"):
            # It works on images alone.
            self.network.transform_input = self.network.transform_input and self.reads_images()
        for name in [] if self.described else request["frozenModules"]:
            self.replace(name, nn.Identity())
        self.given = [(given["module"], given["shape"]) for given in request["given"]]
        for name, _ in self.given:
            if name != "images" and not self.described:
                self.replace(name, Given())
        for name in request["dropout"]:
            self.replace(name, Masked())
        self.parameters = {name: p for name, p in self.network.named_parameters() if name in request["trained"]}
        assert len(self.parameters) == len(request["trained"]), "a trained parameter that the network has not"
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        self.norms = [self.network.get_submodule(name) for name in request["statistics"]]
        set_modes(self.network, lambda name, _: name in request["statistics"])

    def reads_images(self):
        return any(given["module"] == "images" for given in self.request["given"])

    def replace(self, name, module):
        parent, _, child = name.rpartition(".")
        setattr(self.network.get_submodule(parent), child, module)

    def set_momentum(self, momentum):
        for norm in self.norms:
            norm.momentum = momentum

    def logits(self, rows, masks):
        """The logits of rows of features, and the auxiliary classifier's."""
        given, offset = {}, 0
        for name, shape in self.given:
            length = int(np.prod(shape))
            given[name] = rows[:, offset : offset + length].reshape(-1, *shape).to(self.dtype)
            offset += length
        for name, mask in masks.items():
            self.network.get_submodule(name).mask = mask.to(self.dtype)
        if self.described:
            return [self.network(given.pop("images", None), given)]
        for name, values in given.items():
            if name != "images":
                self.network.get_submodule(name).output = values
        # Modules of the prefix are gone; some networks look at the shape of what they are given.
        outputs = self.network(given.get("images", torch.zeros((len(rows), 3, 8, 8), dtype=self.dtype)))
        return list(outputs[: 1 + self.request["numAuxiliary"]]) if isinstance(outputs, tuple) else [outputs]

    def loss(self, logits, targets):
        """Summed over the rows. Auxiliary logits have the same targets."""
        sums = [cross_entropy(self.request, values, targets) for values in logits]
        return sums[0] + sum(self.request["auxiliaryWeight"] * value for value in sums[1:])


def cross_entropy(request, logits, targets):
    criterion = request.get("criterion")
    if criterion is None:
        return F.cross_entropy(logits, targets.to(logits.dtype), reduction="sum")
    labels, partners, lambdas = targets
    losses = criterion_of(criterion, logits.dtype, "none")
    lambdas = lambdas.to(logits.dtype)
    return (lambdas * losses(logits, labels) + (1 - lambdas) * losses(logits, labels[partners])).sum()


def criterion_of(criterion, dtype, reduction):
    weight = None if criterion["classWeights"] is None else torch.tensor(criterion["classWeights"], dtype=dtype)
    return nn.CrossEntropyLoss(weight, label_smoothing=criterion["labelSmoothing"], reduction=reduction)


class Batch:
    """A step's rows: those of shard s are rows s * B to s * B + counts[s]; the others are padding."""

    def __init__(self, request, step=0):
        s, b = request["numShards"], request["rowsPerShard"]
        self.counts = request["counts"]
        width = sum(int(np.prod(given["shape"])) for given in request["given"])
        self.features = read(request, "given.f32", -1, s, b, width)[step]
        self.criterion = request.get("criterion")
        self.targets = read(request, "targets.f32", -1, s, b, request["numClasses"])[step]
        self.masks = {
            name: read(request, f"dropout.{name}.f32", -1, s, b, *shape)[step] for name, shape in request["dropout"].items()
        }

    def shard(self, s):
        rows = slice(0, self.counts[s])
        masks = {name: mask[s][rows] for name, mask in self.masks.items()}
        if self.criterion is None:
            return self.features[s][rows], self.targets[s][rows], masks
        pick = lambda name: torch.tensor(self.criterion[name][s][rows])
        return self.features[s][rows], (pick("labels"), pick("partners"), pick("lambdas")), masks


def shard_results(suffix, batch, s):
    """A shard's loss and gradients; and mean and unbiased variance of its microbatch in trained batch norms."""
    suffix.set_momentum(1)
    rows, targets, masks = batch.shard(s)
    loss = suffix.loss(suffix.logits(rows, masks), targets)
    gradients = torch.autograd.grad(loss, list(suffix.parameters.values()))
    results = {f"gradient/{name}": g for name, g in zip(suffix.parameters, gradients)}
    for name, norm in zip(suffix.request["statistics"], suffix.norms):
        results |= {f"batch_mean/{name}": norm.running_mean.clone(), f"batch_var/{name}": norm.running_var.clone()}
    results["losses"] = loss.detach().reshape(1)
    return results


def distance(values, expected):
    """The largest; in pieces, for the memory."""
    pieces = zip(values.flatten().split(1 << 20), expected.flatten().split(1 << 20))
    return max((a.double() - b).abs().max().item() for a, b in pieces)


def largest(values):
    return max(-values.min().item(), values.max().item())


def magnitude(results, name):
    """What distances are relative to: the largest magnitude. Means matter in units of the deviation."""
    if not name.startswith("batch_mean/"):
        return largest(results[name])
    deviation = results[name.replace("mean", "var", 1)].max().sqrt().item()
    return max(largest(results[name]), deviation)


def gradients(request):
    """In float64, kept for "compare"; and how far PyTorch's own float32 is from it: [distance, largest magnitude] by name and shard."""
    judged.clear()
    batch = Batch(request)
    shards = [s for s, count in enumerate(request["counts"]) if count > 0]
    suffix = Suffix(request, torch.float64)
    for s in shards:
        judged[s] = shard_results(suffix, batch, s)
    mean = mean_loss(suffix, batch, shards) if batch.criterion else None
    del suffix
    suffix = Suffix(request, torch.float32)
    own = {}
    for s in shards:
        for name, values in shard_results(suffix, batch, s).items():
            expected = judged[s][name]
            own.setdefault(name, {})[s] = [distance(values, expected), magnitude(judged[s], name)]
    losses = [judged[s]["losses"].item() if s in judged else 0 for s in range(len(request["counts"]))]
    return {"own": own, "losses": losses, "mean": mean}


@torch.no_grad()
def mean_loss(suffix, batch, shards):
    """PyTorch's mean of a criterion over all rows of all shards."""
    results = [batch.shard(s) for s in shards]
    logits = torch.cat([suffix.logits(rows, masks)[0] for rows, _, masks in results])
    labels = torch.cat([targets[0] for _, targets, _ in results])
    return criterion_of(batch.criterion, logits.dtype, "mean")(logits, labels).item()


def compare(request):
    """How far ours.f32 is, which holds [S, length] of each of `names`, one after the other."""
    values = np.fromfile(os.path.join(request["dir"], "ours.f32"), dtype="<f4")
    num_shards, offset, distances = request["numShards"], 0, {}
    for name in request["names"]:
        length = next(iter(judged.values()))[name].numel()
        ours = torch.from_numpy(values[offset : offset + num_shards * length].reshape(num_shards, length))
        offset += num_shards * length
        empty = [s for s in range(num_shards) if s not in judged and ours[s].any()]
        assert not empty, f"{name} is not 0 for a shard without rows"
        distances[name] = {s: distance(ours[s], judged[s][name]) for s in judged}
    assert offset == len(values), "ours.f32 has another length"
    return {"distances": distances}


def evaluate(request):
    """Losses and correct rows of each shard in evaluation mode, in float64."""
    request = {**request, "statistics": [], "dropout": {}}
    suffix, batch = Suffix(request, torch.float64), Batch(request)
    suffix.network.eval()
    losses, correct = [], []
    for s, labels in enumerate(request["labels"]):
        rows, targets, _ = batch.shard(s)
        logits = suffix.logits(rows, {})[0]
        losses.append(F.cross_entropy(logits, targets.to(logits.dtype), reduction="sum").item())
        correct.append(int((logits.argmax(1) == torch.tensor(labels[: len(rows)], dtype=torch.long)).sum()))
    return {"losses": losses, "correct": correct}


def train(request):
    """The mean loss of each of some steps of training; a shard is what a rank is under DistributedDataParallel."""
    suffix = Suffix(request, torch.float64)
    parameters = list(suffix.parameters.values())
    kind, options = request["optimizer"]["type"], request["optimizer"]["options"]
    optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[kind](parameters, **options)
    losses = []
    for step in range(request["numSteps"]):
        batch = Batch(request, step)
        optimizer.zero_grad()
        before = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in suffix.norms]
        after = [(torch.zeros_like(mean), torch.zeros_like(variance)) for mean, variance in before]
        total = 0
        for s in range(request["numShards"]):
            for norm, (mean, variance) in zip(suffix.norms, before):
                norm.running_mean.copy_(mean), norm.running_var.copy_(variance)
            rows, targets, masks = batch.shard(s)
            loss = suffix.loss(suffix.logits(rows, masks), targets) / sum(batch.counts)
            loss.backward()
            total += loss.item()
            for norm, (mean, variance) in zip(suffix.norms, after):
                mean += norm.running_mean / request["numShards"]
                variance += norm.running_var / request["numShards"]
        for norm, (mean, variance) in zip(suffix.norms, after):
            norm.running_mean.copy_(mean), norm.running_var.copy_(variance)
        optimizer.step()
        losses.append(total)
    return {"losses": losses}


actions = {
    "make": make,
    "features": features,
    "gradients": gradients,
    "compare": compare,
    "evaluate": evaluate,
    "train": train,
}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = actions[request["what"]](request)
    except Exception as error:  # said to the test, which fails with it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
