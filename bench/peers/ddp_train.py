"""Peer: training a part or all of resnet18 under PyTorch DistributedDataParallel (gloo), for `bench/train-step.bench.ts`.

resnet18 (random weights: the speed does not depend on them) with a new classifier, on an image folder that is decoded once and kept as
tensors, Adam, cross-entropy. Batch norms are in evaluation mode (`--batch-norm frozen`) or use each rank's rows (`shard`). With
`--train layer4` what comes before is computed without gradients in each step, or once (`--cached`). Prints one JSON object: seconds
a step in each epoch after the first, and each rank's peak memory.

    python ddp_train.py --data FOLDER --train all --workers 2 --batch 32 --size 64 --epochs 3
"""

import argparse
import json
import os
import resource
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torchvision
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torchvision import transforms


def images_of(args):
    normalise = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    transform = transforms.Compose(
        [transforms.Resize(args.size), transforms.CenterCrop(args.size), transforms.ToTensor(), normalise]
    )
    folder = torchvision.datasets.ImageFolder(args.data, transform)
    count = min(len(folder), args.images) if args.images else len(folder)
    order = torch.randperm(len(folder), generator=torch.Generator().manual_seed(0))[:count]
    rows = [folder[index] for index in order.tolist()]
    return torch.stack([image for image, _ in rows]), torch.tensor([label for _, label in rows]), len(folder.classes)


def parts_of(args, num_classes):
    """The frozen prefix, and what is trained."""
    model = torchvision.models.resnet18(weights=None)
    model.fc = nn.Linear(model.fc.in_features, num_classes)
    children = dict(model.named_children())
    names = list(children)
    split = 0 if args.train == "all" else names.index(args.train)
    prefix = nn.Sequential(*[children[name] for name in names[:split]]).requires_grad_(False).eval()
    suffix = [children[name] for name in names[split:]]
    return prefix, nn.Sequential(*suffix[:-1], nn.Flatten(), suffix[-1])


def work(rank, args, result):
    torch.set_num_threads(args.threads)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{args.port}", rank=rank, world_size=args.workers
    )
    torch.manual_seed(0)
    images, labels, num_classes = images_of(args)
    prefix, suffix = parts_of(args, num_classes)
    suffix.train(args.batch_norm == "shard")
    if args.cached:
        with torch.no_grad():
            images = torch.cat([prefix(part) for part in images.split(32)])
    trained = DistributedDataParallel(suffix)
    optimizer = torch.optim.Adam(trained.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    rows = args.batch // args.workers
    num_steps = len(images) // args.batch
    seconds, losses = [], []
    for epoch in range(args.epochs):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
        dist.barrier()
        begin = time.perf_counter()
        for step in range(num_steps):
            batch = order[step * args.batch :][: args.batch][rank * rows :][:rows]
            inputs = images[batch]
            if not args.cached:
                with torch.no_grad():
                    inputs = prefix(inputs)
            optimizer.zero_grad()
            loss = loss_of(trained(inputs), labels[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        dist.barrier()
        seconds.append((time.perf_counter() - begin) / num_steps)
    peak = torch.zeros(args.workers, dtype=torch.int64)
    peak[rank] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    dist.all_reduce(peak)
    if rank == 0:
        result.put(
            {
                "peer": "pytorch-ddp-gloo",
                "torch": torch.__version__,
                "train": args.train,
                "batchNorm": args.batch_norm,
                "cached": args.cached,
                "workers": args.workers,
                "threads": args.threads,
                "images": len(images),
                "stepsPerEpoch": num_steps,
                "firstAndLastLoss": [losses[0], losses[-1]],
                "secondsPerStep": seconds[1:],
                "peakBytes": peak.tolist(),
            }
        )
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--train", default="all", help="all, or a child of resnet18: layer4, ...")
    parser.add_argument("--batch-norm", default="frozen", choices=["frozen", "shard"])
    parser.add_argument("--cached", action="store_true")
    parser.add_argument("--images", type=int, default=0, help="of the folder; 0: all")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--port", type=int, default=29511)
    args = parser.parse_args()
    context = mp.get_context("spawn")
    result = context.SimpleQueue()
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    processes = [context.Process(target=work, args=(rank, args, result)) for rank in range(args.workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit(f"a rank failed: {[process.exitcode for process in processes]}")
    print(json.dumps(result.get()))


if __name__ == "__main__":
    main()
