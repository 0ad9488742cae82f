"""Several instances of a job in one process."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sagewright_algorithms.contract.collective import Collective, connect


def side_by_side(count: int, work: Callable[[int, Collective], Any]) -> list[Any]:
    """The results of work(number, collective), run side by side by threads of this process."""
    net = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
    addresses = {f"algo-{number}": f"{net}.{number}" for number in range(1, count + 1)}
    environ = {"SAGEWRIGHT_HOSTS": json.dumps(addresses)}

    def one(host: str) -> Any:
        with connect(list(addresses), host, timeout=30, environ=environ) as collective:
            return work(collective.rank, collective)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, addresses))
