"""Workloads on the nodes of a Ray cluster. Nothing here imports Ray but ``driver``, which is a process of its own."""

from sagewright.runtime.ray.admission import ClusterAdmission
from sagewright.runtime.ray.backend import RayBackend
from sagewright.runtime.ray.cluster import Cluster

__all__ = ["Cluster", "ClusterAdmission", "RayBackend"]
