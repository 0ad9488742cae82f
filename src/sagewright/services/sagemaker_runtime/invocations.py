"""InvokeEndpoint, streamed or not: a variant, one of its instances, its container's /invocations, the answer back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.sagemaker_runtime.meters import Meters, VariantId
from sagewright.services.sagemaker_runtime.routes import Endpoint, Instance, Routes, Variant
from sagewright.services.sagemaker_runtime.streamed import StreamedReply, post_streamed

_TIMEOUT = 60.0
"""Seconds a container has for one request."""
_LONGEST = 480.0
"""Seconds a container has for a streamed answer."""
_SHOWN = 65_536
"""Bytes of a failed answer that the error shows."""

_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"

_HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}
"""Members passed on to the container."""

_UNSUPPORTED = {
    "TargetModel": "multi-model endpoints",
    "TargetContainerHostname": "multi-container endpoints",
    "InferenceComponentName": "inference components",
    "EnableExplanations": "online explanations",
}


class Invocations:
    """routes: where requests go. meters: what is counted of them."""

    def __init__(self, routes: Routes, meters: Meters, clock: Clock) -> None:
        self._routes = routes
        self._meters = meters
        self._clock = clock

    @operation()
    async def invoke_endpoint(
        self, ctx: Context, endpoint_name: str, body: bytes, target_variant: str | None = None, **members: Any
    ) -> dict[str, Any]:
        began = self._clock.monotonic()
        variant, instance = self._target(ctx, endpoint_name, target_variant)
        sent = self._clock.monotonic()
        status = 0
        try:
            reply = await instance.pool.post("/invocations", _headers(ctx.request), body, _TIMEOUT)
            status = reply.status
        except TimeoutError:
            raise _model_error(ctx, endpoint_name, 0, _TIMED_OUT) from None
        except (OSError, ValueError) as error:
            raise _model_error(ctx, endpoint_name, 0, f"{_UNREACHABLE} ({error})") from None
        finally:
            answered = self._clock.monotonic()
            who = VariantId(ctx.account, ctx.region, endpoint_name, variant.name)
            self._meters.count(who, status, answered - sent, sent - began)
        if not 200 <= status < 300:
            raise _model_error(ctx, endpoint_name, status, reply.body.decode("utf-8", "replace"))
        return {"Body": reply.body, **_described(reply.headers, variant.name)}

    @operation()
    async def invoke_endpoint_with_response_stream(
        self, ctx: Context, endpoint_name: str, body: bytes, target_variant: str | None = None, **members: Any
    ) -> dict[str, Any]:
        """What the container sends is passed on as it arrives. It has 60 s to begin and 8 minutes to end."""
        began = self._clock.monotonic()
        variant, instance = self._target(ctx, endpoint_name, target_variant)
        sent = self._clock.monotonic()
        who = VariantId(ctx.account, ctx.region, endpoint_name, variant.name)
        count = partial(self._count, who, sent, sent - began)
        headers = _headers(ctx.request)
        try:
            reply = await post_streamed(instance.pool, "/invocations", headers, body, _TIMEOUT, _LONGEST)
            if 200 <= reply.status < 300:
                return {"Body": _parts(reply, count), **_described(reply.headers, variant.name)}
            text = (await reply.read(_SHOWN)).decode("utf-8", "replace")
        except TimeoutError:
            count(0)
            raise _model_error(ctx, endpoint_name, 0, _TIMED_OUT) from None
        except (OSError, ValueError) as error:
            count(0)
            raise _model_error(ctx, endpoint_name, 0, f"{_UNREACHABLE} ({error})") from None
        count(reply.status)
        raise _model_error(ctx, endpoint_name, reply.status, text)

    def _target(self, ctx: Context, name: str, variant_name: str | None) -> tuple[Variant, Instance]:
        """Whom to ask. Raises AwsError."""
        _check_supported(ctx.request)
        endpoint = self._routes.endpoint(ctx.account, ctx.region, name)
        if endpoint is None or not endpoint.variants:  # one still being created, or failed, is not found either
            raise _validation_error(f"Endpoint {name} of account {ctx.account} not found.")
        variant = _variant(endpoint, name, variant_name)
        instance = variant.instance()
        if instance is None:
            raise AwsError("ServiceUnavailable", f"No instance of variant {variant.name} is in service.", 503)
        return variant, instance

    def _count(self, who: VariantId, sent: float, overhead: float, status: int) -> None:
        self._meters.count(who, status, self._clock.monotonic() - sent, overhead)


async def _parts(reply: StreamedReply, count: Callable[[int], None]) -> AsyncIterator[dict[str, Any]]:
    """The events of a reply. The invocation is counted when it ends: as failed where the container breaks off."""
    status = 0
    try:
        async for chunk in reply.chunks:
            yield {"PayloadPart": {"Bytes": chunk}}
        status = reply.status
    except GeneratorExit:
        status = reply.status  # the client leaves: not the container's fault
        raise
    except TimeoutError:
        raise AwsError("ModelStreamError", _TOO_LONG, ErrorCode="ModelInvocationTimeExceeded") from None
    except (OSError, ValueError) as error:
        raise AwsError("ModelStreamError", f"{_BROKEN} ({error})", ErrorCode="StreamBroken") from None
    finally:
        count(status)
        await reply.close()


_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
_UNREACHABLE = "The container primary closed the connection before it answered"
_TOO_LONG = "The model did not finish its response within the time allowed."
_BROKEN = "The connection to the model was closed in the middle of its response"


def _check_supported(request: Mapping[str, Any]) -> None:
    for member, what in _UNSUPPORTED.items():
        if member in request:
            raise _validation_error(f"{member}: Sagewright does not support {what} yet.")


def _variant(endpoint: Endpoint, name: str, wanted: str | None) -> Variant:
    if wanted is not None:
        found = endpoint.by_name.get(wanted)
        if found is None:
            raise _validation_error(f"Variant {wanted} not found for Request.")
        return found
    chosen = endpoint.variant()
    if chosen is None:
        raise _validation_error(f"Endpoint {name} has no variant with a weight above 0.")
    return chosen


def _headers(request: Mapping[str, Any]) -> bytes:
    lines = [f"{header}: {request[member]}\r\n" for member, header in _HEADERS.items() if member in request]
    text = "".join(lines)
    if text.count("\n") > len(lines) or text.count("\r") > len(lines):
        raise _validation_error("A header value has a line break.")
    return text.encode("latin-1")


def _described(headers: Mapping[str, str], variant: str) -> dict[str, Any]:
    return {
        "ContentType": headers.get("content-type"),
        "CustomAttributes": headers.get(_CUSTOM_ATTRIBUTES),
        "InvokedProductionVariant": variant,
    }


def _validation_error(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _model_error(ctx: Context, endpoint: str, status: int, message: str) -> AwsError:
    """status: the container's, 0 where it gave none."""
    side = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    text = (
        f'Received {side} error ({status}) from primary with message "{message}". See '
        f"https://{ctx.region}.console.aws.amazon.com/cloudwatch/home?region={ctx.region}#logEventViewer:group={group} "
        f"in account {ctx.account} for more information."
    )
    return AwsError(
        "ModelError",
        text,
        424,
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=str(Arn("logs", ctx.region, ctx.account, f"log-group:{group}")),
    )
