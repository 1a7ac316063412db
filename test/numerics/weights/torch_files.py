"""Writes files as torch.save makes them, and what they hold, into a folder; or reads one of ours: see pth.test.ts.

python torch_files.py make FOLDER: for each NAME.pth a NAME.json { tensor: { shape, type, bits } }, bits being the
    base64 of float32 or int64 values.
python torch_files.py read FILE: prints the same JSON of a file, loaded with weights_only=True.
"""

import argparse
import base64
import collections
import json
import os
import pathlib
import sys
import zipfile

import torch
import torchvision


def values(tensor):
    """As ftctl reads it: floats as float32, all else as int64."""
    tensor = tensor.detach()
    wide = tensor.to(torch.float32 if tensor.is_floating_point() else torch.int64)
    return {
        "shape": list(tensor.shape),
        "type": str(tensor.dtype).removeprefix("torch."),
        "bits": base64.b64encode(wide.contiguous().numpy().tobytes()).decode(),
    }


def described(state):
    return {name: values(tensor) for name, tensor in state.items()}


def write(folder, name, saved, state, **options):
    torch.save(saved, folder / f"{name}.pth", **options)
    (folder / f"{name}.json").write_text(json.dumps(described(state)))


def all_types():
    floats = torch.tensor([0.0, -0.0, 1.5, -3.25, 1e-3, 65504.0, 6e-8, float("inf"), -float("inf")])
    return collections.OrderedDict(
        float32=floats.clone(),
        float16=floats.half(),
        bfloat16=floats.bfloat16(),
        float64=floats.double() * 1.0000001,
        int64=torch.tensor([-(2**62), 2**53 + 1, -1, 0]),
        int32=torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        int16=torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16),
        int8=torch.tensor([-128, 127], dtype=torch.int8),
        uint8=torch.tensor([0, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
    )


def views():
    base = torch.arange(60.0).reshape(3, 4, 5)
    return collections.OrderedDict(
        whole=base,
        transposed=base.transpose(0, 2),
        row=base[1],
        column=base[:, 2, :],
        stepped=base[:, ::2, 1::3],
        expanded=base[0, 0, :1].expand(2, 3, 1),
        channels_last=torch.arange(48.0).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last),
        half_view=torch.arange(30).half().reshape(5, 6).t()[2:, ::2],
        double_view=torch.arange(12.0, dtype=torch.float64).reshape(3, 4).t(),
        byte_view=torch.arange(12, dtype=torch.uint8).reshape(3, 4).t(),
        scalar_of=base[2, 3, 4],
    )


def checkpoint(state):
    """As training scripts write them, with things that are no weights."""
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    return {
        "epoch": 12,
        "arch": "resnet18",
        "state_dict": state,
        "best_acc1": torch.tensor(71.5),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "rng": torch.get_rng_state(),
        "device": torch.device("cpu"),
        "shape": torch.Size([1, 2]),
        "seen": {1, 2},
        "bytes": b"abc",
        "big": 2**70,
        "rate": 0.1,
        "nothing": None,
        "flags": [True, (False, "x")],
    }


def make(folder):
    torch.manual_seed(7)
    simple = collections.OrderedDict(
        [("a.weight", torch.randn(3, 4)), ("a.bias", torch.randn(3)), ("n", torch.tensor(9))]
    )
    legacy = {"_use_new_zipfile_serialization": False}
    for name, state in [("types", all_types()), ("views", views()), ("simple", simple)]:
        write(folder, f"{name}-zip", state, state)
        write(folder, f"{name}-legacy", state, state, **legacy)
    write(folder, "plain-dict", dict(simple), simple)
    write(folder, "protocol-4", simple, simple, pickle_protocol=4)
    write(folder, "protocol-5-legacy", simple, simple, pickle_protocol=5, **legacy)
    write(folder, "checkpoint", checkpoint(simple), simple)
    write(folder, "checkpoint-legacy", checkpoint(simple), simple, **legacy)
    write(folder, "under-model", {"model": simple, "epoch": 1}, simple)
    write(folder, "nested", {"model": {"state_dict": simple}}, simple)
    parallel = collections.OrderedDict(("module." + k, v) for k, v in simple.items())
    write(folder, "data-parallel", {"state_dict": parallel}, simple)
    parameters = {k: torch.nn.Parameter(v) for k, v in simple.items() if v.is_floating_point()}
    write(folder, "parameters", parameters, parameters)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    averaged = torch.optim.swa_utils.AveragedModel(module)
    write(folder, "averaged", averaged.state_dict(), module.state_dict())
    write(folder, "module-state", module.state_dict(), module.state_dict())
    write(folder, "module-state-half", module.half().state_dict(), module.state_dict())
    shared = torch.randn(8)
    tied = {"one": shared, "two": shared, "three": shared[2:6]}
    write(folder, "tied", tied, tied)
    network = torchvision.models.squeezenet1_1(num_classes=3)
    write(folder, "squeezenet", network.state_dict(), network.state_dict())
    write(folder, "squeezenet-legacy", network.state_dict(), network.state_dict(), **legacy)

    from torch.utils.serialization import config

    config.save.compute_crc32 = False
    write(folder, "no-checksums", simple, simple)
    config.save.compute_crc32 = True
    source = zipfile.ZipFile(folder / "views-zip.pth")
    with zipfile.ZipFile(folder / "deflated.pth", "w", zipfile.ZIP_DEFLATED) as deflated:
        for entry in source.namelist():
            deflated.writestr(entry, source.read(entry))
    (folder / "deflated.json").write_text((folder / "views-zip.json").read_text())

    refused = folder / "refused"
    refused.mkdir()
    torch.save(module, refused / "module.pth")
    torch.save(module, refused / "module-legacy.pth", **legacy)
    torch.save({"args": argparse.Namespace(lr=1), "state_dict": simple}, refused / "namespace.pth")
    torch.jit.script(module.float()).save(refused / "script.pth")

    class Attack:
        def __init__(self, function, *arguments):
            self.call = (function, arguments)

        def __reduce__(self):
            return self.call

    torch.save({"w": simple["n"], "x": Attack(os.system, "touch /x")}, refused / "system.pth")
    torch.save({"x": Attack(eval, "1 + 1")}, refused / "eval-legacy.pth", **legacy)
    torch.save([Attack(getattr, Attack(__import__, "os"), "system")], refused / "nested.pth")
    torch.save({"w": torch.ones(2, dtype=torch.complex64)}, refused / "complex.pth")
    torch.save(torch.ones(2), refused / "tensor.pth")
    torch.save({"epoch": 3}, refused / "no-tensors.pth")


def read(path):
    state = torch.load(path, weights_only=True)
    assert type(state) is collections.OrderedDict, type(state)
    mapped = torch.load(path, weights_only=True, mmap=True)
    assert all(torch.equal(state[name], mapped[name]) for name in state)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    print(json.dumps(described(state)))


if __name__ == "__main__":
    what, path = sys.argv[1], pathlib.Path(sys.argv[2])
    make(path) if what == "make" else read(path)
