"""A network for digits by DistributedDataParallel: each process has its part of every mini-batch of 128."""

import argparse
import os

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.nn  # imported later, its default arguments would hold the process group
from torch.nn.parallel import DistributedDataParallel


def learn(rank, world, epochs, seed):
    torch.manual_seed(seed)
    table = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAINING"], "train.csv"), delimiter=",", dtype=np.float32)
    images, labels = torch.from_numpy(table[:1280, 1:] / 16), torch.from_numpy(table[:1280, 0]).long()
    network = torch.nn.Sequential(torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10))
    model = DistributedDataParallel(network)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    order = torch.Generator().manual_seed(seed + 1)
    for epoch in range(epochs):
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


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--fail", type=int, default=-1)
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()
dist.init_process_group("gloo")
if dist.get_rank() == given.fail:
    raise ValueError(f"rank {given.fail} has had enough")
learn(dist.get_rank(), dist.get_world_size(), given.epochs, given.seed)
dist.barrier()  # whoever ends first takes the others' connections along
# With nothing left that holds the group its threads end here; one that outlives the interpreter aborts the process.
dist.destroy_process_group()
