"""The backend of one machine: an agent process a workload, a folder each."""

from sagewright.runtime.local.backend import LocalBackend

__all__ = ["LocalBackend"]
