"""Training on the hosts that have data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def rabit_run(
    exec_fun: Callable[..., Any],
    args: dict[str, Any],
    include_in_training: bool,
    hosts: Sequence[str],
    current_host: str,
    first_port: int | None = None,
    second_port: int | None = None,
    max_connect_attempts: int | None = None,
    connect_retry_timeout: int = 3,
    update_rabit_args: bool = False,
) -> None:
    """Call exec_fun with args, and with is_master where update_rabit_args says so. Raises NotImplementedError for
    several hosts, RuntimeError where there is no data.
    """
    if len(hosts) > 1:
        raise NotImplementedError("Sagewright runs rabit_run on one host; train on one instance.")
    if not include_in_training:
        raise RuntimeError("No hosts received training data.")
    exec_fun(**args, **({"is_master": True} if update_rabit_args else {}))
