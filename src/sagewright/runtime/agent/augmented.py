"""Augmented manifests: JSON lines whose attributes are a channel's records, in the order that the job asks for.

https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest-stream.html
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

from sagewright.runtime.agent.fault import Fault, client_error
from sagewright.runtime.agent.source import share

_REFERENCE = "-ref"
"""How the name of an attribute ends whose value is the uri of an object, which is sent in its place."""
_OBJECT = re.compile("s3://[^/]+/.+", re.DOTALL)
_LONGEST = 16 * 1024 * 1024
"""Bytes of a line."""


class Record(NamedTuple):
    """What goes into the FIFO: body, or the object of that uri. where: which line and attribute it is of."""

    body: bytes
    uri: str
    where: str


class Manifest:
    """A channel's augmented manifest, a copy of it on this disk at path."""

    def __init__(self, channel: dict[str, Any], path: str) -> None:
        self._channel = channel["name"]
        self._source = channel["source"]
        self._path = path
        self._offsets: array[int] | None = None
        if self._source["shuffle"] is not None:
            self._offsets = array("Q", (offset for offset, _, _ in self._lines()))

    def records(self, epoch: int) -> Iterator[Record]:
        """One an attribute, line after line. Raises Fault."""
        for number, line in self._mine(epoch):
            document = self._document(number, line)
            for name in self._source["attributes"]:
                yield self._record(document, name, number)

    def _mine(self, epoch: int) -> Iterator[tuple[int, bytes]]:
        """The lines of this instance in that pass, with their numbers from 1 on."""
        if self._offsets is None:
            shard, shards = self._source["shard"], self._source["shards"]
            for place, (_, number, line) in enumerate(self._lines()):
                if place % shards == shard:
                    yield number, line
            return
        with open(self._path, "rb") as file:
            for place in share(range(len(self._offsets)), self._source, epoch):
                file.seek(self._offsets[place])
                yield place + 1, file.readline(_LONGEST)

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Offset, number from 1 on, and text of each line that is not empty."""
        with open(self._path, "rb") as file:
            offset = number = 0
            while line := file.readline(_LONGEST):
                number += 1
                if len(line) == _LONGEST:
                    raise self._fault(number, f"longer than {_LONGEST >> 20} MiB")
                if line.strip():
                    yield offset, number, line
                offset += len(line)

    def _document(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            document = json.loads(line)
        except ValueError as error:
            raise self._fault(number, f"not valid JSON ({error})") from None
        if not isinstance(document, dict):
            raise self._fault(number, "not a JSON object")
        return document

    def _record(self, document: dict[str, Any], name: str, number: int) -> Record:
        if name not in document:
            raise self._fault(number, f"the attribute {name!r} is not there")
        value = document[name]
        where = self._where(number, f"the attribute {name!r}")
        if not name.endswith(_REFERENCE):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            return Record(text.encode("utf-8", "surrogatepass"), "", where)
        if not isinstance(value, str) or not _OBJECT.fullmatch(value):
            raise self._fault(number, f"the attribute {name!r} must be the S3 uri of an object, and is {value!r:.200}")
        return Record(b"", value, where)

    def _fault(self, number: int, problem: str) -> Fault:
        return client_error(f"Data download failed:{self._where(number, problem)}")

    def _where(self, number: int, what: str) -> str:
        return f"channel {self._channel}, augmented manifest {self._source['uri']}, line {number}: {what}"
