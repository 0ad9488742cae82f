"""What each process of mpirun's is, and whether all of them can speak to each other: they add up their ranks."""

import ctypes
import os
import sys

mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)
world, whole, total = (
    ctypes.byref(ctypes.c_char.in_dll(mpi, f"ompi_mpi_{name}")) for name in ("comm_world", "int", "op_sum")
)
mpi.MPI_Init(None, None)
rank, size = os.environ["OMPI_COMM_WORLD_RANK"], os.environ["OMPI_COMM_WORLD_SIZE"]
if rank == os.environ.get("FAILS"):
    raise ValueError(f"rank {rank} has had enough")
own, found = ctypes.c_int(int(rank)), ctypes.c_int(0)
mpi.MPI_Allreduce(ctypes.byref(own), ctypes.byref(found), 1, whole, total, world)
print(f"rank {rank} of {size} {os.environ.get('GREETING')} on {os.environ['SM_CURRENT_HOST']}: sum {found.value}")
sys.stdout.flush()
mpi.MPI_Finalize()
