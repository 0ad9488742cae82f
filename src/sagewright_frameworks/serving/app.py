"""HTTP: GET /ping, POST /invocations, GET /execution-parameters.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json

from sagewright_algorithms.contract.http import Receive, Scope, Send, TooLarge, body_of
from sagewright_frameworks.serving.pool import NoWorker, Pool, WorkerDied
from sagewright_frameworks.serving.settings import Settings

_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"
_METHODS = {"/ping": "GET", "/invocations": "POST", "/execution-parameters": "GET"}
Reply = tuple[int, str, bytes, dict[str, str]]
"""Status, content type, body, further headers."""


class App:
    """The ASGI application in front of the workers."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._limit = settings.limit
        advice = {
            "MaxConcurrentTransforms": settings.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": min(settings.limit // 1024**2, 100),
        }
        self._advice = json.dumps(advice).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            status, content_type, body, headers = await self._reply(scope, receive)
            headers = {"content-type": content_type, "content-length": str(len(body)), **headers}
            raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"]
        if _METHODS.get(path) != scope["method"]:
            return (405, _TEXT, b"Method Not Allowed", {}) if path in _METHODS else (404, _TEXT, b"Not Found", {})
        if path == "/invocations":
            return await self._invoke(scope, receive)
        if path == "/execution-parameters":
            return 200, _JSON, self._advice, {}
        return (200, _JSON, b"", {}) if self._pool.healthy else _refusal(503, "No model is loaded.")

    async def _invoke(self, scope: Scope, receive: Receive) -> Reply:
        headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            body = await body_of(scope, receive, self._limit)
        except TooLarge:
            return _refusal(413, f"Request Entity Too Large: at most {self._limit} bytes are accepted.")
        try:
            head, content = await self._pool.ask(headers, body)
        except NoWorker:
            return _refusal(503, "No model is loaded.")
        except WorkerDied as error:
            return _refusal(500, f"Worker died: {error}.")
        return head["status"], head["content_type"], content, head["headers"]


def _refusal(status: int, message: str) -> Reply:
    """In the form of Multi Model Server."""
    kind = {413: "RequestEntityTooLargeException", 503: "ServiceUnavailableException"}.get(
        status, "InternalServerException"
    )
    return status, _JSON, json.dumps({"code": status, "type": kind, "message": message}).encode(), {}
