"""A network for digits by DistributedDataParallel: each process has its part of every mini-batch of 128."""

import argparse
import os

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--fail", type=int, default=-1)
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()
dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
if rank == given.fail:
    raise ValueError(f"rank {rank} has had enough")
torch.manual_seed(given.seed)
table = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAINING"], "train.csv"), delimiter=",", dtype=np.float32)
images, labels = torch.from_numpy(table[:1280, 1:] / 16), torch.from_numpy(table[:1280, 0]).long()
model = DistributedDataParallel(torch.nn.Sequential(torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
order = torch.Generator().manual_seed(given.seed + 1)
for epoch in range(given.epochs):
    losses = torch.zeros(1)
    for batch in torch.randperm(len(labels), generator=order).split(128):
        own = batch[rank::world]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images[own]), labels[own])
        loss.backward()
        optimizer.step()
        losses += loss.detach() * len(own)
    dist.all_reduce(losses)
    if rank == 0:
        print(f"epoch={epoch} loss={losses.item() / len(labels):.9f};", flush=True)
dist.barrier()  # whoever ends first takes the others' connections along
dist.destroy_process_group()
