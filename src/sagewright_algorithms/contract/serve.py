"""Inference requests: from bytes to bytes, and the ASGI application around it.

GET /ping, POST /invocations, GET /execution-parameters:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html. Statuses and texts are those of
aws/sagemaker-xgboost-container (``algorithm_mode/serve.py``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.channels import ContentType
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import RequestError
from sagewright_algorithms.contract.http import Receive, Scope, Send, TooLarge, body_of
from sagewright_algorithms.contract.spec import AlgorithmSpec
from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import FormatError

Answer = tuple[int, bytes, bytes]
"""HTTP status, content type, body."""

_TEXT = b"text/html; charset=utf-8"
_INLINE = 1 << 16
"""Bytes of a body that is answered at once; a larger one goes to a thread, so that pings are answered meanwhile."""


class Service:
    """One algorithm's model, answering requests. settings: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT and others."""

    def __init__(self, spec: AlgorithmSpec, environment: Environment, settings: Mapping[str, str]) -> None:
        self._spec = spec
        self._accept = settings.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or spec.inference.default_accept
        self._module: ModuleType = import_module(f"sagewright_algorithms.{spec.package}.model")
        self._model: Any = None
        self._failure = ""
        try:
            self._model = self._module.load(environment.model_dir)
        except Exception as error:
            # The server comes up all the same and answers 500: the platform then reports a failed health check.
            self._failure = f"Unable to load model: {error}"
            log.error(self._failure)
        self.request_format = lru_cache(maxsize=256)(self._request_format)
        self.response_type = lru_cache(maxsize=256)(self._response_type)

    def ping(self) -> Answer:
        return (500, _TEXT, self._failure.encode()) if self._failure else (200, _TEXT, b"")

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """content_type, accept: the headers as they came, empty where they did not."""
        try:
            if not body:
                return 204, _TEXT, b""
            form = self.request_format(content_type)
            batch = self._decode(form, body)
            if self._failure:
                raise RequestError(500, self._failure)
            columns = self._module.predict(self._model, batch)
            kind, verbose = self.response_type(accept)
            if (hidden := self._spec.inference.verbose) and not verbose:
                columns = {name: column for name, column in columns.items() if name not in hidden}
            return 200, kind.encode(), self._module.encode(self._model, columns, kind)
        except RequestError as error:
            log.error(str(error))
            return error.status, _TEXT, str(error).encode()
        except Exception as error:
            text = f"Unable to evaluate payload provided: {error}"
            log.error(text)
            return 400, _TEXT, text.encode()

    def _decode(self, form: str, body: bytes) -> Any:
        try:
            # An algorithm whose requests are not rows of numbers decodes them itself.
            if own := getattr(self._module, "decode", None):
                return own(body, form)
            return codec(form).decode(body)
        except FormatError as error:
            text = f"Loading {form} data failed with Exception, please ensure data is in {form} format: {error}"
            raise RequestError(415, text) from error

    def _request_format(self, header: str) -> str:
        name = ContentType.parse(header or self._spec.inference.default_request).name
        try:
            return self._spec.inference.requests[name]
        except KeyError:
            known = ", ".join(self._spec.inference.requests)
            raise RequestError(415, f"{header} is not an accepted ContentType: {known}.") from None

    def _response_type(self, header: str) -> tuple[str, bool]:
        """The first of the types accepted, as AWS's container reads the header; ``*/*`` is the default.

        And whether it asks for ``verbose=true``.
        """
        accept = ContentType.parse(header.split(",")[0])
        if accept.name in ("", "*/*"):
            accept = ContentType.parse(self._accept)
        if accept.name not in self._spec.inference.accepts:
            raise RequestError(
                406,
                f"Accept type {accept.name} is not supported. Please use supported accept types: "
                f"{list(self._spec.inference.accepts)}.",
            )
        return accept.name, accept.parameters.get("verbose") == "true"


class App:
    """The ASGI application. limit: bytes of a request's body. workers: what /execution-parameters advises."""

    def __init__(self, service: Service, *, limit: int, workers: int) -> None:
        self._service = service
        self._limit = limit
        advice = {
            "MaxConcurrentTransforms": workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": limit // 1024**2,
        }
        self._advice: Answer = (200, b"application/json", json.dumps(advice).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            status, kind, body = await self._answer(scope, receive)
            headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if path == "/invocations" and method == "POST":
            return await self._invoke(scope, receive)
        if path == "/ping" and method == "GET":
            return self._service.ping()
        if path == "/execution-parameters" and method == "GET":
            return self._advice
        known = path in ("/invocations", "/ping", "/execution-parameters")
        return (405, _TEXT, b"Method Not Allowed") if known else (404, _TEXT, b"Not Found")

    async def _invoke(self, scope: Scope, receive: Receive) -> Answer:
        content_type = accept = ""
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value.decode("latin-1")
            elif name == b"accept":
                accept = value.decode("latin-1")
        try:
            body = await body_of(scope, receive, self._limit)
        except TooLarge:
            return self._too_large()
        if len(body) > _INLINE:
            return await asyncio.to_thread(self._service.answer, body, content_type, accept)
        return self._service.answer(body, content_type, accept)

    def _too_large(self) -> Answer:
        return 413, _TEXT, f"Request Entity Too Large: at most {self._limit} bytes are accepted.".encode()
