"""Requests: pairs of an entity and an IPv4 address.

https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-inference-data-formats.html
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.formats import json, jsonlines
from sagewright_algorithms.formats.examples import FormatError

Array = NDArray[Any]

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")


class Request(NamedTuple):
    """checksums: (n,) uint32, CRC-32 of the entities. addresses: (n,) uint32."""

    checksums: Array
    addresses: Array


def decode(body: bytes, form: str) -> Request:
    """form: csv, json or jsonlines. Raises FormatError and RequestError, which name the row."""
    rows = _csv(body) if form == "csv" else _instances(body, form)
    checksums, addresses = [], []
    for number, (entity, text) in enumerate(rows, 1):
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise RequestError(
                400, f"Unable to evaluate payload provided: row {number}: {text[:50]!r} is not an IPv4 address"
            )
        checksums.append(zlib.crc32(entity.encode(errors="surrogateescape")))
        first, second, third, fourth = found.groups()
        addresses.append(int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth))
    if not checksums:
        raise FormatError("no rows")
    return Request(np.array(checksums, np.uint32), np.array(addresses, np.uint32))


def _csv(body: bytes) -> Iterator[tuple[str, str]]:
    # Bytes that are not UTF-8 stay as they are: an entity is any string of them.
    text = body.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")
    rows = (cells for cells in csv.reader(io.StringIO(text, newline="")) if any(cell.strip(" \t") for cell in cells))
    try:
        for number, cells in enumerate(rows, 1):
            if len(cells) != 2:
                raise FormatError(
                    f"row {number}: expected 2 columns, an entity and an IPv4 address, found {len(cells)}"
                )
            address = cells[1].strip(" \t")
            quoted = len(address) > 1 and address[0] == address[-1] == '"'
            yield cells[0], address[1:-1] if quoted else address
    except csv.Error as error:
        raise FormatError(str(error)) from error


def _instances(body: bytes, form: str) -> Iterator[tuple[str, str]]:
    instances = json.instances_of(body) if form == "json" else jsonlines.instances_of(body)
    for number, instance in enumerate(instances, 1):
        tensor = json.tensor_of(instance, number)
        values = tensor["values"] if isinstance(tensor, dict) else tensor
        if len(values) != 2 or not all(_is_text(value) for value in values):
            raise FormatError(f"instance {number}: expected an entity and an IPv4 address, found {str(values)[:50]}")
        yield str(values[0]), str(values[1]).strip(" \t")


def _is_text(value: Any) -> bool:
    """A number may be an entity: CSV makes no difference between 17 and "17"."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
