"""Makes ../fixtures/update-pytorch.json: PyTorch's optimizers, clipping, schedules, and losses with soft targets.

    python test/numerics/train/make_update_fixture.py

Needs PyTorch (the version used is in the fixture) and NumPy. Inputs are formulas of integers, as formulas.ts has them; only
PyTorch's results are stored, float32 arrays as base64 of their little-endian bytes.
"""

import base64
import json
import math
import pathlib
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")  # schedulers without optimizer steps, on purpose
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

SIZE, STEPS, STORED = 64, 100, (1, 2, 10, 100)


def noise(index):
    """A number in [-0.5, 0.5) for each integer, as formulas.ts has it."""
    return ((index * 7919 + (index % 97) * 3571 + 12345) % 10007) / 10007 - 0.5


def packed(tensor):
    array = tensor.detach().numpy().astype("<f4").ravel()
    return base64.b64encode(array.tobytes()).decode()


def gradient_of(step):
    """Magnitudes from 1 to 1e-6, some of them exactly zero."""
    return torch.tensor(
        [0.0 if i % 16 == 15 else noise(step * SIZE + i) / 10 ** ((i + step) % 7) for i in range(SIZE)],
        dtype=torch.float32,
    )


def optimizer(make, moments, spec):
    """Two groups, the second of them with a learning rate and weight decay of its own."""
    start = torch.tensor([noise(i) for i in range(SIZE)], dtype=torch.float32)
    first, second = torch.nn.Parameter(start[:32].clone()), torch.nn.Parameter(start[32:].clone())
    base = {"lr": spec["learningRate"], "weight_decay": spec["weightDecay"]}
    group = {"params": [second], "lr": spec["groups"][0]["learningRate"], "weight_decay": spec["groups"][0]["weightDecay"]}
    moving = make([{"params": [first], **base}, group])
    after = {}
    for step in range(1, STEPS + 1):
        gradient = gradient_of(step)
        first.grad, second.grad = gradient[:32].clone(), gradient[32:].clone()
        moving.step()
        if step in STORED:
            after[step] = {"parameters": packed(torch.cat([first, second]))}
            for name, key in moments.items():
                after[step][name] = packed(torch.cat([moving.state[p][key] for p in (first, second)]))
    return {"spec": spec, "after": after}


def adam(kind, lr, betas, eps, decay):
    spec = {
        "type": kind, "learningRate": lr, "beta1": betas[0], "beta2": betas[1], "epsilon": eps, "weightDecay": decay,
        "groups": [{"match": ["second"], "learningRate": lr / 8, "weightDecay": decay / 2}],
    }
    made = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    moments = {"firstMoments": "exp_avg", "secondMoments": "exp_avg_sq"}
    return optimizer(lambda groups: made(groups, betas=betas, eps=eps), moments, spec)


def sgd(lr, momentum, dampening, nesterov, decay):
    spec = {
        "type": "sgd", "learningRate": lr, "momentum": momentum, "dampening": dampening, "nesterov": nesterov,
        "weightDecay": decay, "groups": [{"match": ["second"], "learningRate": lr / 8, "weightDecay": decay / 2}],
    }
    moments = {} if momentum == 0 else {"firstMoments": "momentum_buffer"}
    return optimizer(
        lambda groups: torch.optim.SGD(groups, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov),
        moments, spec,
    )


OPTIMIZERS = [
    adam("adam", 1e-2, (0.9, 0.999), 1e-8, 0.1),
    adam("adamw", 1e-2, (0.9, 0.999), 1e-8, 0.05),
    adam("adamw", 3e-3, (0.45, 0.95), 1e-6, 0.0),
    sgd(0.1, 0.0, 0.0, False, 0.0),
    sgd(0.1, 0.0, 0.0, False, 0.01),
    sgd(0.05, 0.9, 0.0, False, 0.0),
    sgd(0.05, 0.9, 0.3, False, 0.02),
    sgd(0.03, 0.8, 0.0, True, 0.005),
]


def clip(max_norm, max_value):
    gradient = [noise(5000 + i) for i in range(200)]
    parts = [torch.nn.Parameter(torch.zeros(n)) for n in (150, 50)]
    parts[0].grad = torch.tensor(gradient[:150], dtype=torch.float32)
    parts[1].grad = torch.tensor(gradient[150:], dtype=torch.float32)
    norm = None
    if max_norm is not None:
        norm = torch.nn.utils.clip_grad_norm_(parts, max_norm).item()
    if max_value is not None:
        torch.nn.utils.clip_grad_value_(parts, max_value)
    return {"norm": max_norm, "value": max_value, "totalNorm": norm, "clipped": packed(torch.cat([p.grad for p in parts]))}


def rates_of(scheduler_of, lr, count):
    """The rate of each of `count` steps of a scheduler."""
    moving = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = scheduler_of(moving)
    rates = []
    for _ in range(count):
        rates.append(moving.param_groups[0]["lr"])
        moving.step()
        scheduler.step()
    return rates


S = torch.optim.lr_scheduler
WARMUP = {"epochs": 5, "factor": 0.1}


def warmed(make):
    """SequentialLR of a linear warm-up and a schedule, one step an epoch."""
    return lambda moving: S.SequentialLR(
        moving, [S.LinearLR(moving, start_factor=WARMUP["factor"], total_iters=WARMUP["epochs"]), make(moving)], [WARMUP["epochs"]]
    )


def schedule(spec, lr, make, count=60):
    return [
        {"learningRate": lr, "schedule": {"warmup": None, **spec}, "rates": rates_of(make, lr, count)},
        {"learningRate": lr, "schedule": {"warmup": WARMUP, **spec}, "rates": rates_of(warmed(make), lr, count)},
    ]


def cosine(lr, epochs, minimum):
    spec = {"type": "cosine", "epochs": epochs, "minRate": minimum}
    return schedule(spec, lr, lambda m: S.CosineAnnealingLR(m, T_max=epochs, eta_min=minimum))


def multistep(lr, milestones, gamma):
    spec = {"type": "multistep", "milestones": milestones, "gamma": gamma}
    return schedule(spec, lr, lambda m: S.MultiStepLR(m, milestones=milestones, gamma=gamma))


SCHEDULES = [
    *schedule({"type": "step", "stepSize": 7, "gamma": 0.3}, 3e-3, lambda m: S.StepLR(m, step_size=7, gamma=0.3)),
    *schedule({"type": "exponential", "gamma": 0.93}, 0.1, lambda m: S.ExponentialLR(m, gamma=0.93)),
    *multistep(0.1, [30, 4, 11, 11], 0.1),
    *multistep(0.02, [0, 3], 0.5),
    *cosine(0.1, 50, 0.0),
    *cosine(0.3, 20, 1e-4),
    *cosine(0.01, 1, 1e-5),
    *cosine(0.01, 33, 0.02),
]


def linear(lr, factor, epochs, updates):
    """The rates of a warm-up's updates and of the one after it."""
    total = epochs * updates
    return {
        "learningRate": lr, "warmup": {"epochs": epochs, "factor": factor}, "updatesPerEpoch": updates,
        "rates": rates_of(lambda m: S.LinearLR(m, start_factor=factor, total_iters=total), lr, total + 1),
    }


def plateau(metric, lr, values, **options):
    """The rate of each epoch and of the one after the last evaluation."""
    moving = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    spec = {"factor": 0.1, "patience": 3, "threshold": 1e-4, "cooldown": 0, "minRate": 0.0, **options}
    scheduler = S.ReduceLROnPlateau(
        moving, mode={"accuracy": "max", "loss": "min"}[metric], factor=spec["factor"], patience=spec["patience"],
        threshold=spec["threshold"], cooldown=spec["cooldown"], min_lr=spec["minRate"],
    )
    rates = [lr]
    for value in values:
        scheduler.step(value)
        rates.append(moving.param_groups[0]["lr"])
    return {
        "learningRate": lr, "schedule": {"warmup": None, "type": "plateau", "metric": metric, **spec},
        "values": values, "rates": rates,
    }


ACCURACIES = [max(0, math.floor(20 * (0.5 + noise(700 + i)) + i / 3)) / 40 for i in range(50)]
LOSSES = [1.5 * math.exp(-i / 9) + 0.2 * (noise(900 + i) + 0.5) for i in range(50)]
PLATEAUS = [
    plateau("accuracy", 0.1, ACCURACIES),
    plateau("accuracy", 0.1, [0.0] * 6 + ACCURACIES, patience=1, factor=0.5, cooldown=2),
    plateau("loss", 0.05, LOSSES, patience=0, factor=0.3, minRate=1e-4),
    plateau("loss", 0.05, LOSSES, patience=2, factor=0.5, threshold=0.1, cooldown=3),
    plateau("loss", 1e-7, [1.0] * 20, patience=0, factor=0.5),
]


def loss(smoothing, weights, mix):
    """Mean loss and gradient of the logits; with mix, the two losses are mixed row by row and divided by the mixed weights."""
    rows, classes = 12, 5
    logits = torch.tensor([noise(300 + i) * 6 for i in range(rows * classes)], dtype=torch.float64)
    logits = logits.view(rows, classes).requires_grad_()
    labels = torch.tensor([(3 * i + i // 4) % classes for i in range(rows)])
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    of_labels = torch.ones(rows, dtype=torch.float64) if weight is None else weight[labels]
    summed = lambda targets: torch.nn.functional.cross_entropy(
        logits, targets, weight=weight, label_smoothing=smoothing, reduction="none"
    )
    if mix:
        lambdas = torch.tensor([noise(40 + i) + 0.5 for i in range(rows)], dtype=torch.float64)
        partners = torch.tensor([(i * 5 + 1) % rows for i in range(rows)])
        # Row by row, reduction none is what the mean sums up before it divides by the sum of the weights.
        total = lambdas * summed(labels) + (1 - lambdas) * summed(labels[partners])
        divisor = (lambdas * of_labels + (1 - lambdas) * of_labels[partners]).sum()
        value = total.sum() / divisor
    else:
        value = torch.nn.functional.cross_entropy(logits, labels, weight=weight, label_smoothing=smoothing)
    value.backward()
    return {
        "labelSmoothing": smoothing, "classWeights": weights, "mix": mix, "loss": value.item(),
        "gradient": logits.grad.flatten().tolist(),
    }


WEIGHTS = [0.25, 1.0, 2.0, 0.5, 3.0]
fixture = {
    "madeWith": {"torch": torch.__version__, "cpuCapability": torch.backends.cpu.get_cpu_capability()},
    "optimizers": OPTIMIZERS,
    "clips": [clip(1.0, None), clip(100.0, None), clip(None, 0.25), clip(2.0, 0.05)],
    "schedules": SCHEDULES,
    "warmups": [linear(0.1, 0.01, 3, 40), linear(0.3, 1 / 3, 1, 7), linear(1e-3, 1.0, 2, 5)],
    "plateaus": PLATEAUS,
    "losses": [loss(s, w, m) for s in (0.0, 0.1) for w in (None, WEIGHTS) for m in (False, True)],
}
path = pathlib.Path(__file__).parents[1] / "fixtures" / "update-pytorch.json"
path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes")
