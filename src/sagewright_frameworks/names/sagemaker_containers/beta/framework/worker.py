"""The answer that a script's output_fn may give."""

from __future__ import annotations

from typing import Any

_OK = 200


class Response:
    """response: text or bytes. accept, mimetype: its content type, of which mimetype comes first."""

    def __init__(
        self, response: Any = None, accept: str | None = None, status: int = _OK, mimetype: str | None = None
    ) -> None:
        self.status_code = status
        self.mimetype = mimetype or accept or "text/plain"
        self._data = response.encode() if isinstance(response, str) else bytes(response or b"")

    @property
    def content_type(self) -> str:
        return f"{self.mimetype}; charset=utf-8" if self.mimetype.startswith("text/") else self.mimetype

    def get_data(self) -> bytes:
        return self._data
