"""Makes ../fixtures/train-pytorch.json: what PyTorch computes where test/numerics/train/*.test.ts compute the same.

    python test/numerics/train/make_fixture.py

Needs PyTorch (the version used is in the fixture) and NumPy. Inputs are formulas of integers and one division, so
that this script and formulas.ts make the same float32 values; only PyTorch's results are stored, float32 arrays as
base64 of their little-endian bytes.
"""

import base64
import json
import pathlib

import numpy as np
import torch

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

NUM_TRAIN, NUM_VAL, NUM_FEATURES, NUM_CLASSES = 150, 40, 24, 5
BATCH, EPOCHS = 32, 20


def noise(index):
    """A number in [-0.5, 0.5) for each integer, as formulas.ts has it."""
    return ((index * 7919 + (index % 97) * 3571 + 12345) % 10007) / 10007 - 0.5


def label_of(sample):
    return (sample * 3 + sample // 7) % NUM_CLASSES


def features_of(sample):
    label = label_of(sample)
    return [
        noise(sample * NUM_FEATURES + f) * 4 + (0.5 if f % NUM_CLASSES == label else 0)
        for f in range(NUM_FEATURES)
    ]


def batches_of(epoch):
    """Sample numbers of each batch; 150 = 4 * 32 + 22, so the last one is incomplete."""
    stride = [7, 11, 13, 17, 19][epoch % 5]
    order = [(place * stride + epoch * 31) % NUM_TRAIN for place in range(NUM_TRAIN)]
    return [order[start : start + BATCH] for start in range(0, NUM_TRAIN, BATCH)]


def packed(tensor):
    array = tensor.detach().numpy().astype("<f4").ravel()
    return base64.b64encode(array.tobytes()).decode()


def train(gamma, epochs, class_weights=None):
    features = torch.tensor([features_of(s) for s in range(NUM_TRAIN + NUM_VAL)], dtype=torch.float32)
    labels = torch.tensor([label_of(s) for s in range(NUM_TRAIN + NUM_VAL)])
    head = torch.nn.Linear(NUM_FEATURES, NUM_CLASSES)
    with torch.no_grad():
        head.weight.copy_(
            torch.tensor([noise(100000 + i) for i in range(NUM_CLASSES * NUM_FEATURES)]).view(NUM_CLASSES, -1)
        )
        head.bias.copy_(torch.tensor([noise(200000 + k) for k in range(NUM_CLASSES)]))
    weight = None if class_weights is None else torch.tensor(class_weights)
    criterion = torch.nn.CrossEntropyLoss(weight=weight)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=gamma)
    result = {"gamma": gamma, "classWeights": class_weights, "epochs": []}
    for epoch in range(epochs):
        losses = []
        for batch in batches_of(epoch):
            loss = criterion(head(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if "afterStep1" not in result:
                result["afterStep1"] = {"weight": packed(head.weight), "bias": packed(head.bias)}
        with torch.no_grad():
            logits = head(features[NUM_TRAIN:])
            result["epochs"].append(
                {
                    "learningRate": scheduler.get_last_lr()[0],
                    "stepLosses": losses,
                    "valLoss": torch.nn.functional.cross_entropy(logits, labels[NUM_TRAIN:]).item(),
                    "valCorrect": int((logits.argmax(1) == labels[NUM_TRAIN:]).sum()),
                }
            )
        scheduler.step()
    result["atEnd"] = {"weight": packed(head.weight), "bias": packed(head.bias)}
    return result


def adam(lr, betas, eps):
    size, steps = 64, 200
    parameter = torch.nn.Parameter(torch.tensor([noise(i) for i in range(size)], dtype=torch.float32))
    optimizer = torch.optim.Adam([parameter], lr=lr, betas=betas, eps=eps)
    result = {"learningRate": lr, "beta1": betas[0], "beta2": betas[1], "epsilon": eps, "after": {}}
    for step in range(1, steps + 1):
        # Magnitudes from 1 to 1e-6, some of them exactly zero.
        gradient = [
            0.0 if i % 16 == 15 else noise(step * size + i) / 10 ** ((i + step) % 7) for i in range(size)
        ]
        parameter.grad = torch.tensor(gradient, dtype=torch.float32)
        optimizer.step()
        if step in (1, 2, 10, 200):
            state = optimizer.state[parameter]
            result["after"][step] = {
                "parameters": packed(parameter),
                "firstMoments": packed(state["exp_avg"]),
                "secondMoments": packed(state["exp_avg_sq"]),
            }
    return result


def step_lr(lr, step_size, gamma):
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=step_size, gamma=gamma)
    rates = []
    for _ in range(35):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"learningRate": lr, "stepSize": step_size, "gamma": gamma, "rates": rates}


fixture = {
    "madeWith": {"torch": torch.__version__, "cpuCapability": torch.backends.cpu.get_cpu_capability()},
    "runs": [train(0.1, EPOCHS), train(0.01, EPOCHS), train(0.1, 3, [0.25, 1.0, 2.0, 0.5, 3.0])],
    "adam": [adam(1e-2, (0.9, 0.999), 1e-8), adam(3e-3, (0.45, 0.95), 1e-6)],
    "stepLr": [step_lr(1e-2, 10, 0.1), step_lr(1e-2, 10, 0.01), step_lr(3e-3, 7, 0.3), step_lr(0.1, 1, 0.9)],
}
path = pathlib.Path(__file__).parents[1] / "fixtures" / "train-pytorch.json"
path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes;", [run["epochs"][-1] for run in fixture["runs"]])
