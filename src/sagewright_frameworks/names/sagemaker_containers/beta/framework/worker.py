"""The answer that a script's output_fn may give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OK = 200


class Response:
    """response: text or bytes. mimetype: its content type. accept: taken and not used, as on AWS."""

    default_mimetype = "application/json"

    def __init__(
        self,
        response: Any = None,
        accept: str | None = None,
        status: int = _OK,
        headers: Mapping[str, str] | None = None,
        mimetype: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        self.status_code = status
        self.headers = dict(headers or {})
        self.mimetype = mimetype or self.default_mimetype
        self._data = response.encode() if isinstance(response, str) else bytes(response or b"")

    @property
    def content_type(self) -> str:
        return f"{self.mimetype}; charset=utf-8" if self.mimetype.startswith("text/") else self.mimetype

    def get_data(self) -> bytes:
        return self._data
