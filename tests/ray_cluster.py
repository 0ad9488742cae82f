"""A Ray cluster of two small nodes on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NODE = {"num_cpus": 4, "memory": 16 * 2**30, "object_store_memory": 80 * 2**20}


@contextmanager
def two_nodes(**head: Any) -> Iterator[tuple[str, Any]]:
    """Its address, and itself (ray.cluster_utils.Cluster). The nodes have loopback addresses of their own."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    quick = {
        "memory_monitor_refresh_ms": 0,
        "health_check_failure_threshold": 2,
        "health_check_period_ms": 500,
        "health_check_timeout_ms": 10_000,
    }
    node = {**_NODE, **head}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**node, "node_ip_address": "127.0.1.1", "include_dashboard": False, "_system_config": quick},
    )
    try:
        cluster.add_node(**node, node_ip_address="127.0.1.2")
        yield cluster.address, cluster
    finally:
        cluster.shutdown()
