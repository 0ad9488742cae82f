"""Two processes of torch.distributed, one an instance: both must see the sum of what each has."""

import os

import torch
import torch.distributed as dist

dist.init_process_group("gloo")
total = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(total)
print(f"rank {dist.get_rank()} of {dist.get_world_size()} on {os.environ['SM_CURRENT_HOST']}: sum {total.item():g}")
dist.barrier()
dist.destroy_process_group()
