"""botocore's service models, loaded one service at a time on first use.

Importing this module loads no botocore: a server that has not been called yet should not pay for it.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel

_MODEL = "service-2.json"
_HEAD = 8192
"""Bytes of a model file that surely hold its metadata, which comes first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What routing needs to know of a service, read from the head of its model."""

    name: str
    """botocore's directory name, our service id."""
    protocol: str
    protocols: tuple[str, ...]
    endpoint_prefix: str
    signing_name: str
    target_prefix: str
    service_id: str
    api_version: str
    query_compatible: bool


@cache
def service(name: str) -> ServiceModel:
    """The model of a service, by botocore's directory name. Raises KeyError."""
    from botocore.model import ServiceModel

    path = _model_path(name)
    if path is None:
        raise KeyError(name)
    description = json.loads(_read(path))
    extras = path.parent / "service-2.sdk-extras.json"
    if extras.exists():
        from botocore.utils import deep_merge

        deep_merge(description, json.loads(extras.read_bytes()).get("merge", {}))
    return ServiceModel(description, name)


def exists(name: str) -> bool:
    """Whether botocore knows a service."""
    return _model_path(name) is not None


@cache
def operation(service_name: str, operation_name: str) -> OperationModel:
    """The model of one operation. Raises KeyError for a service or operation that AWS does not have."""
    model = service(service_name)
    if operation_name not in model._service_description["operations"]:
        raise KeyError(f"{service_name}.{operation_name}")
    return model.operation_model(operation_name)


def operation_names(service_name: str) -> list[str]:
    """AWS's operation names of a service, in the model's order."""
    return list(service(service_name).operation_names)


@cache
def snake_case(name: str) -> str:
    """``TrainingJobName`` as ``training_job_name``, with botocore's rules for abbreviations."""
    from botocore import xform_name

    return str(xform_name(name))


@cache
def _by_snake_case(service_name: str) -> dict[str, str]:
    return {snake_case(name): name for name in operation_names(service_name)}


def operation_name(service_name: str, snake: str) -> str:
    """``create_training_job`` as ``CreateTrainingJob``. Raises KeyError."""
    return _by_snake_case(service_name)[snake]


@cache
def member_names(op: OperationModel) -> dict[str, str]:
    """Snake case to AWS name, for the top-level members of an operation's input."""
    shape = op.input_shape
    return {} if shape is None else {snake_case(name): name for name in shape.members}


def protocol_of(service_name: str) -> str:
    """The protocol that botocore itself speaks with a service (``json``, ``rest-xml``, ``smithy-rpc-v2-cbor`` ...)."""
    return str(service(service_name).resolved_protocol)


@cache
def streams_input(op: OperationModel) -> bool:
    """Whether the request's body is an unbounded stream (PutObject), to be passed on unread.

    botocore's own ``has_streaming_input`` is also true for bounded blobs such as InvokeEndpoint's body.
    """
    shape = op.input_shape
    payload = shape.serialization.get("payload") if shape is not None else None
    if payload is None:
        return False
    traits = shape.members[payload].serialization
    return bool(traits.get("streaming") or traits.get("eventstream"))


@cache
def catalog() -> dict[str, Entry]:
    """All services that botocore knows, by name. Reads some 400 files once, some 50 ms."""
    return {folder.name: entry(folder.name) for folder in sorted(_data().iterdir()) if _model_path(folder.name)}


@cache
def entry(name: str) -> Entry:
    """One service of the catalog, from the head of its model. Raises KeyError."""
    path = _model_path(name)
    if path is None:
        raise KeyError(name)
    text = _read(path, _HEAD).decode("utf-8", "ignore")
    start = re.search(r'"metadata"\s*:\s*', text)
    if start is None:
        raise ValueError(f"no metadata at the head of botocore's model of {name}")
    metadata: dict[str, Any] = json.JSONDecoder().raw_decode(text, start.end())[0]
    return Entry(
        name=name,
        protocol=metadata["protocol"],
        protocols=tuple(metadata.get("protocols", [metadata["protocol"]])),
        endpoint_prefix=metadata["endpointPrefix"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        target_prefix=metadata.get("targetPrefix", ""),
        service_id=metadata.get("serviceId", ""),
        api_version=metadata["apiVersion"],
        query_compatible="awsQueryCompatible" in metadata,
    )


@cache
def _data() -> Path:
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("botocore is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def _model_path(name: str) -> Path | None:
    """The file of a service's newest API version."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not (_data() / name).is_dir():
        return None
    for version in sorted((_data() / name).iterdir(), reverse=True):
        for path in (version / f"{_MODEL}.gz", version / _MODEL):
            if path.exists():
                return path
    return None


def _read(path: Path, size: int = -1) -> bytes:
    if path.suffix != ".gz":
        with path.open("rb") as plain:
            return plain.read(size)
    with gzip.open(path) as packed:
        return packed.read(size)
