"""The source of a user's script, as a channel of its workload."""

from __future__ import annotations

from sagewright.runtime.workload import Channel, S3Input

_FOLDER = "input/source"
"""Below /opt/ml; the toolkit looks there for what a submit directory in S3 names."""


def source(where: str, role: str) -> tuple[Channel, ...]:
    """where: ``sagemaker_submit_directory``, which may be a path in the container too, or empty. role: an ARN."""
    if not where.startswith("s3://"):
        return ()
    return (Channel("source", S3Input(where, "S3Object", role=role), path=_FOLDER),)
