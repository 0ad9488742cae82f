"""A form with a file, as a browser sends it (multipart/form-data): the fields before the file, then its bytes.

https://www.rfc-editor.org/rfc/rfc7578 and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors

_BEFORE_FILE = 20 * 1024
"""Most bytes before the file: all fields, with their headers."""
_LONGEST_BOUNDARY = 70
_BOUNDARY = re.compile(r'\bboundary=(?:"([^"]+)"|([^\s";,]+))', re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(;.*)$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(rb';[ \t]*(name|filename)="((?:[^"\\]|\\"|\\)*?)(?<!\\)"', re.IGNORECASE)


@dataclass(slots=True)
class Form:
    """fields: the text of those before the file, by name in lower case. filename: the file's, without folders."""

    fields: dict[str, bytes] = field(default_factory=dict)
    filename: bytes = b""


def malformed() -> AwsError:
    message = "The body of your POST request is not well-formed multipart/form-data."
    return AwsError("MalformedPOSTRequest", message)


def boundary_of(content_type: str) -> bytes:
    """Raises AwsError MalformedPOSTRequest."""
    found = _BOUNDARY.search(content_type)
    boundary = (found[1] or found[2]) if found is not None else ""
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        raise malformed()
    return boundary.encode("latin-1")


class FormReader:
    """Reads a body once, in order: head(), then file()."""

    def __init__(self, chunks: AsyncIterable[bytes], boundary: bytes) -> None:
        self._chunks = chunks.__aiter__()
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")
        self._taken = 0

    async def head(self) -> Form:
        """All fields up to the file. Raises AwsError MalformedPOSTRequest, MaxPostPreDataLengthExceeded,
        InvalidArgument where there is no file."""
        form = Form()
        await self._until(self._delimiter)
        while await self._another():
            name, filename = _names(await self._until(b"\r\n\r\n"))
            if name == "file":
                form.filename = filename
                return form
            form.fields[name] = await self._until(self._delimiter)
        raise _files(0)

    async def file(self) -> AsyncIterator[bytes]:
        """The file's bytes. What comes after it is not looked at, but must be no file. Raises AwsError."""
        keep = len(self._delimiter) - 1
        while (at := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > keep:
                piece = bytes(self._buffer[:-keep])
                del self._buffer[:-keep]
                yield piece
            await self._more()
        if at:
            yield bytes(self._buffer[:at])
        del self._buffer[: at + len(self._delimiter)]
        self._taken = 0
        while await self._another():
            if _names(await self._until(b"\r\n\r\n"))[0] == "file":
                raise _files(2)
            await self._until(self._delimiter)

    async def _another(self) -> bool:
        """Whether a delimiter just read begins another part, rather than the end."""
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            await self._drain()
            return False
        if (await self._until(b"\r\n")).strip(b" \t"):
            raise malformed()
        self._buffer[:0] = b"\r\n"  # so that a part without headers ends like any other
        return True

    async def _until(self, mark: bytes) -> bytes:
        """What comes before a mark, which goes."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark) + 1)
            if self._taken + len(self._buffer) > _BEFORE_FILE + len(mark):
                raise _too_much()
            await self._more()
        self._taken += at + len(mark)
        if self._taken > _BEFORE_FILE + len(mark):
            raise _too_much()
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return found

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._chunks)
        except StopAsyncIteration:
            raise malformed() from None

    async def _drain(self) -> None:
        """Take what is left, so that the connection can go on."""
        self._buffer.clear()
        async for _ in self._chunks:
            pass


def _names(head: bytes) -> tuple[str, bytes]:
    """A part's name in lower case, and its file's. Raises AwsError."""
    found = _DISPOSITION.search(head)
    pairs = {key.lower(): value for key, value in _PARAMETER.findall(found[1])} if found is not None else {}
    if b"name" not in pairs:
        raise malformed()
    filename = pairs.get(b"filename", b"").replace(b'\\"', b'"')
    return pairs[b"name"].decode("utf-8", "replace").lower(), re.split(rb"[/\\]", filename)[-1]


def _files(count: int) -> AwsError:
    return errors.invalid_argument("POST requires exactly one file upload per request.", "file", count)


def _too_much() -> AwsError:
    message = "Your POST request fields preceeding the upload file was too large."
    return AwsError("MaxPostPreDataLengthExceeded", message, MaxPostPreDataLengthBytes=_BEFORE_FILE)
