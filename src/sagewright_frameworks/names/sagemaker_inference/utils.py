"""Small helpers."""

from __future__ import annotations


def parse_accept(accept: str) -> list[str]:
    """The types of an Accept header, without their parameters."""
    return [each.partition(";")[0].strip() for each in accept.split(",")]
