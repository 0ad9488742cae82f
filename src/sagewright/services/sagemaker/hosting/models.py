"""What CreateModel checks and keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.resource import Prepare
from sagewright.runtime.backend import Backend
from sagewright.services.sagemaker.hosting.nouns import MODEL

_UNSUPPORTED = {
    "AdditionalModelDataSources": "additional model data sources",
    "ModelPackageName": "model packages",
    "MultiModelConfig": "multi-model endpoints",
}


def prepare(backend: Backend) -> Prepare:
    """backend: what will serve the model."""

    async def check(ctx: Context) -> dict[str, Any]:
        for what in _unsupported(ctx.request):
            raise AwsError("ValidationException", f"Sagewright does not support {what} yet.")
        if ctx.request.get("EnableNetworkIsolation") and not backend.capabilities.service_isolation:
            raise AwsError(
                "ValidationException",
                "EnableNetworkIsolation: this machine cannot cut a model server off from the network "
                "(`sagewright doctor` says more).",
            )
        described = container(ctx.request)
        if not described.get("Image"):
            raise AwsError("ValidationException", "A container definition must have an Image or a ModelPackageName.")
        await _check_data(ctx, described)
        body = {"EnableNetworkIsolation": False, **ctx.request}
        if "PrimaryContainer" in body:
            body["PrimaryContainer"] = {"Mode": "SingleModel", "Environment": {}, **described}
        return body

    return check


def container(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one container of a model. Raises AwsError where there is none, or several."""
    containers = [*([model["PrimaryContainer"]] if "PrimaryContainer" in model else []), *model.get("Containers", [])]
    if not containers:
        raise AwsError(
            "ValidationException", f"A {MODEL.title} must have either a PrimaryContainer or a list of Containers."
        )
    described: Mapping[str, Any] = containers[0]
    return described


def model_data(described: Mapping[str, Any]) -> tuple[str, bool]:
    """A container's model data: its s3 uri, empty for none, and whether it is one packed object (else a prefix)."""
    source = described.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return described.get("ModelDataUrl", ""), True
    return source["S3Uri"], source["S3DataType"] == "S3Object"


def _unsupported(model: Mapping[str, Any]) -> Iterator[str]:
    containers = [*([model["PrimaryContainer"]] if "PrimaryContainer" in model else []), *model.get("Containers", [])]
    if len(containers) > 1:
        yield "models of several containers (serial inference pipelines)"
    for described in containers:
        yield from (why for member, why in _UNSUPPORTED.items() if described.get(member))
        if described.get("Mode", "SingleModel") != "SingleModel":
            yield "multi-model endpoints"
        source = described.get("ModelDataSource", {}).get("S3DataSource", {})
        if source and (source["S3DataType"], source["CompressionType"]) not in _FORMS:
            yield f"model data of S3DataType {source['S3DataType']} with CompressionType {source['CompressionType']}"


_FORMS = {("S3Object", "Gzip"), ("S3Prefix", "None")}


async def _check_data(ctx: Context, described: Mapping[str, Any]) -> None:
    """AWS looks for model data when a model is created."""
    uri, packed = model_data(described)
    place = urlsplit(uri)
    if place.scheme != "s3":
        return
    key, s3 = place.path.lstrip("/"), ctx.client("s3")
    try:
        if packed:
            await s3.head_object(Bucket=place.netloc, Key=key)
            return
        listed = await s3.list_objects_v2(Bucket=place.netloc, Prefix=key, MaxKeys=1)
        if listed.get("Contents"):
            return
    except AwsError:
        pass  # whatever S3 objects to, the data cannot be found
    raise AwsError("ValidationException", f"Could not find model data at {uri}.")
