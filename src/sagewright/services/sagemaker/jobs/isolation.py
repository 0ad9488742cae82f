"""Whether the backend can cut a job's instances off from the network."""

from __future__ import annotations

from sagewright.core.errors import AwsError
from sagewright.runtime.backend import Capabilities


def check(can: Capabilities, *, several: bool) -> None:
    """Of a job that asks for EnableNetworkIsolation. several: instances. Raises AwsError."""
    if not can.network_isolation:
        raise AwsError(
            "ValidationException",
            "EnableNetworkIsolation needs bubblewrap on this machine: install it (`sagewright doctor` says how), or "
            "send the job without network isolation.",
        )
    if several and not can.group_isolation:
        raise AwsError(
            "ValidationException",
            "EnableNetworkIsolation with several instances needs nsenter (util-linux) on this machine.",
        )
