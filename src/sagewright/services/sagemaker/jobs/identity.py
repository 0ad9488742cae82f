"""What a job is called outside of its document: by the API, and by what runs it."""

from __future__ import annotations

from sagewright.core.arn import Arn
from sagewright.store import Document, Space


def job_arn(space: Space, name: str) -> str:
    """space: of the job's kind, whose last word is the ARN's resource type."""
    return str(Arn("sagemaker", space.region, space.account, f"{_noun(space)}/{name}"))


def job_id(document: Document) -> str:
    """Unique for a job, and for a later job of the same name too."""
    space = document.space
    word = _noun(space).removesuffix("-job")
    return f"{word}-{space.account}-{space.region}-{document.key}-{int(document.created * 1000):x}"


def workload_id(document: Document, host: str) -> str:
    """Of an instance of the job, in its present attempt."""
    attempt = document.body["state"].get("Attempt", 0)
    return f"{job_id(document)}-{f'again{attempt}-' if attempt else ''}{host}"


def _noun(space: Space) -> str:
    return space.kind.rpartition(":")[2]
