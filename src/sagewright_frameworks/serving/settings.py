"""What an endpoint's environment says to the toolkit.

https://github.com/aws/sagemaker-inference-toolkit (``environment``, ``parameters``)
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks.serving.content_types import JSON

_SECONDS = 60
_PAYLOAD = 100 * 1024**2
"""Bytes of a request that the container takes; invocations are limited by the platform."""
_DEFAULT_PROGRAM = "inference.py"


@dataclass(frozen=True)
class Settings:
    """program: the user's script, empty where none is named. accept: what an answer is where the request does not say.

    workers: processes that hold the model. timeout: seconds for one request. level: of the user's logging.
    limit: bytes of a request.
    """

    program: str
    accept: str
    workers: int
    timeout: float
    level: int
    limit: int
    host: str
    port: int

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises ClientError that names the variable."""
        cpus = int(environ.get("SM_NUM_CPUS") or len(os.sched_getaffinity(0)))
        seconds = _number(environ, "SAGEMAKER_MODEL_SERVER_TIMEOUT", _SECONDS)
        return cls(
            program=environ.get("SAGEMAKER_PROGRAM", ""),
            accept=environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON,
            workers=_number(environ, "SAGEMAKER_MODEL_SERVER_WORKERS", cpus),
            timeout=_number(environ, "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", seconds),
            level=_number(environ, "SAGEMAKER_CONTAINER_LOG_LEVEL", logging.INFO),
            limit=_number(environ, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 0) * 1024**2
            or _number(environ, "MAX_CONTENT_LENGTH", _PAYLOAD),
            host=environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0"),  # noqa: S104 - what a container does
            port=_number(environ, "SAGEMAKER_BIND_TO_PORT", 8080),
        )

    @property
    def module(self) -> str:
        """By which the program is imported."""
        return (self.program or _DEFAULT_PROGRAM).removesuffix(".py").replace("/", ".")


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal():
        raise ClientError(f"{name} is {text}, and must be a whole number.")
    return int(text)
