"""What CreateEndpointConfig checks and keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.resource import Prepare
from sagewright.services.sagemaker.hosting.nouns import MODEL
from sagewright.store import Store

_UNSUPPORTED = {
    "AsyncInferenceConfig": "asynchronous inference",
    "CrossRegionTrafficConfig": "traffic across regions",
    "ExplainerConfig": "online explanations",
    "ShadowProductionVariants": "shadow variants",
}
_UNSUPPORTED_IN_VARIANT = {
    "AcceleratorType": "Elastic Inference",
    "CapacityReservationConfig": "capacity reservations",
    "InstancePools": "instance pools",
    "ServerlessConfig": "serverless inference",
}


def prepare(store: Store) -> Prepare:
    """store: where the variants' models must be."""

    async def check(ctx: Context) -> dict[str, Any]:
        for what in _unsupported(ctx.request):
            raise AwsError("ValidationException", f"Sagewright does not support {what} yet.")
        variants = [_variant(each) for each in ctx.request["ProductionVariants"]]
        names = [variant["VariantName"] for variant in variants]
        for name in names:
            if names.count(name) > 1:
                raise AwsError("ValidationException", f"Duplicate VariantName {name} in ProductionVariants.")
        for variant in variants:
            MODEL.find(store, ctx.account, ctx.region, variant["ModelName"])
        return {"EnableNetworkIsolation": False, **ctx.request, "ProductionVariants": variants}

    return check


def _variant(described: Mapping[str, Any]) -> dict[str, Any]:
    name = described["VariantName"]
    for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if member not in described:
            raise AwsError("ValidationException", f"{member} must be given for production variant {name}.")
    return {"InitialVariantWeight": 1.0, **described}


def _unsupported(config: Mapping[str, Any]) -> Iterator[str]:
    yield from (why for member, why in _UNSUPPORTED.items() if config.get(member))
    if config.get("DataCaptureConfig", {}).get("EnableCapture"):
        yield "data capture"
    for variant in config["ProductionVariants"]:
        yield from (why for member, why in _UNSUPPORTED_IN_VARIANT.items() if variant.get(member))
        if variant.get("ManagedInstanceScaling", {}).get("Status") == "ENABLED":
            yield "managed instance scaling"
        strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM")
        if strategy not in ("RANDOM", "LEAST_OUTSTANDING_REQUESTS"):
            yield f"the routing strategy {strategy}"
