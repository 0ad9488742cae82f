"""From what the user's functions return or raise to an HTTP answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sagewright_frameworks.serving.context import RequestProcessor
from sagewright_frameworks.serving.encoding import UnsupportedFormatError

_ERRORS = range(400, 600)
_OWN = ("content-type", "content-length")
"""Headers of a response that its other members stand for."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. headers: the others."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def answer(result: Any, accept: str, request: RequestProcessor, function: str) -> Answer:
    """result: of function: a body, a pair of it and its content type, or a response of Flask's kind.

    Raises TypeError where it is none of them.
    """
    content_type, headers = accept, dict(request.answer_headers)
    if isinstance(result, tuple) and len(result) == 2:
        result, content_type = result
    if callable(getattr(result, "get_data", None)):
        status, content_type, body = int(result.status_code), str(result.content_type), bytes(result.get_data())
        given = dict(getattr(result, "headers", {}))
        headers = {name: value for name, value in given.items() if name.lower() not in _OWN} | headers
    else:
        status, body = 200, _bytes(result, function)
    content_type = headers.pop("Content-Type", content_type)
    return Answer(request.status if request.status != 200 else status, str(content_type), body, headers)


def failure(error: BaseException, trace: str) -> Answer:
    """The answer where the functions have raised; its body says what.

    An exception may bring its own status: ``status_code`` as the inference toolkit's, ``error_code`` as Multi Model
    Server's PredictionException.
    """
    if isinstance(error, UnsupportedFormatError):
        document = {"error": type(error).__name__, "error-message": str(error), "stack-trace": trace}
        return Answer(error.status, "application/json", json.dumps(document).encode())
    status = next(
        (each for name in _STATUS if isinstance(each := getattr(error, name, None), int) and each in _ERRORS), 500
    )
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return Answer(status, "text/plain; charset=utf-8", f"{message}\n{trace}".encode(errors="replace"))


_STATUS = ("status_code", "error_code")


def _bytes(result: Any, function: str) -> bytes:
    if isinstance(result, bytes | bytearray | memoryview):
        return bytes(result)
    if isinstance(result, str):
        return result.encode()
    if isinstance(result, dict | list):
        return json.dumps(result).encode()
    raise TypeError(
        f"{function} returned {_shown(result)}; it must return text, bytes, a pair of these and a content type, or "
        "what JSON can hold."
    )


def _shown(result: Any) -> str:
    return "None" if result is None else f"a {type(result).__module__}.{type(result).__qualname__}"
