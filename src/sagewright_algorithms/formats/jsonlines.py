"""JSON Lines: one instance or prediction a line.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import json
from typing import Any

from sagewright_algorithms.formats.examples import Columns, Features, FormatError
from sagewright_algorithms.formats.json import features_of, objects


def decode(body: bytes) -> Features:
    """(lines, d). Raises FormatError, which names the line."""
    return features_of(instances_of(body))


def instances_of(body: bytes) -> list[Any]:
    """A request's instances, one or more. Raises FormatError, which names the line."""
    instances: list[Any] = []
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            instances.append(json.loads(line))
        except ValueError as error:
            raise FormatError(f"line {number}: not JSON: {error}") from error
    if not instances:
        raise FormatError("no lines")
    return instances


def encode(columns: Columns) -> bytes:
    return "".join(f"{json.dumps(prediction)}\n" for prediction in objects(columns)).encode()
