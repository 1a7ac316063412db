"""Peer: the frozen-backbone recipe under PyTorch DistributedDataParallel (gloo), for `bench/throughput.bench.ts`.

resnet18 (random weights: the speed does not depend on them), frozen, its classifier replaced and trained with Adam and
StepLR, on an image folder with fresh augmented views each epoch. Prints one JSON object: images per second of the
steady epochs (the first one, which also decodes and warms up, is reported apart).

    python ddp_frozen.py --data FOLDER --workers 2 --threads 1 --batch 64 --size 64 --epochs 3
"""

import argparse
import json
import os
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torchvision
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torchvision import transforms


class InMemory(torch.utils.data.Dataset):
    """Decodes once and keeps the PIL image, as a user who cares for speed would."""

    def __init__(self, folder, transform):
        self.folder, self.transform, self.cache = folder, transform, {}

    def __len__(self):
        return len(self.folder)

    def __getitem__(self, index):
        if index not in self.cache:
            self.cache[index] = self.folder[index]
        image, label = self.cache[index]
        return self.transform(image), label


def work(rank, args, result):
    torch.set_num_threads(args.threads)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{args.port}", rank=rank, world_size=args.workers
    )
    torch.manual_seed(0)
    normalise = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    transform = transforms.Compose(
        [
            transforms.Resize(args.size),
            transforms.CenterCrop(args.size),
            transforms.RandomHorizontalFlip(),
            transforms.RandomAffine(
                15, translate=(0.1, 0.1), scale=(0.9, 1.1), interpolation=transforms.InterpolationMode.BILINEAR
            ),
            transforms.ToTensor(),
            normalise,
        ]
    )
    folder = torchvision.datasets.ImageFolder(args.data, loader=torchvision.datasets.folder.pil_loader)
    data = InMemory(folder, transform)
    sampler = torch.utils.data.DistributedSampler(data, args.workers, rank, shuffle=True, seed=0)
    loader = torch.utils.data.DataLoader(
        data,
        batch_size=args.batch // args.workers,
        sampler=sampler,
        num_workers=args.loaders,
        persistent_workers=args.loaders > 0,
    )
    model = torchvision.models.resnet18(weights=None)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(model.fc.in_features, len(folder.classes))
    model.eval()
    backbone = nn.Sequential(*list(model.children())[:-1], nn.Flatten())
    head = DistributedDataParallel(model.fc)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.1)
    loss_of = nn.CrossEntropyLoss()
    seconds = []
    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        dist.barrier()
        begin = time.perf_counter()
        for images, labels in loader:
            with torch.inference_mode():
                features = backbone(images)
            optimizer.zero_grad()
            loss = loss_of(head(features.clone()), labels)
            loss.backward()
            optimizer.step()
        schedule.step()
        dist.barrier()
        seconds.append(time.perf_counter() - begin)
    if rank == 0:
        rates = [len(folder) / s for s in seconds]
        result.put(
            {
                "peer": "pytorch-ddp-gloo",
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                "workers": args.workers,
                "threads": args.threads,
                "loaders": args.loaders,
                "images": len(folder),
                "firstEpochImagesPerSecond": rates[0],
                "imagesPerSecond": len(folder) * (len(seconds) - 1) / sum(seconds[1:]),
            }
        )
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--loaders", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
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
