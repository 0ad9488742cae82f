"""What an operation of CloudWatch Logs needs: its action on the group, or the stream, that it names.

Policies name a group with ``:*`` behind it, which is matched against ``<group>:log-stream:<stream>``; those of tags
name the group alone.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

from collections.abc import Iterator

from sagewright.core.arn import Arn
from sagewright.kit.operation import Context, Guard
from sagewright.kit.permissions import Need, guard
from sagewright.services.logs.keeper import group_name

_WITHOUT = ("TestMetricFilter",)
"""Operations on nothing in particular."""
_OF_STREAMS = ("DeleteLogStream", "GetLogEvents", "PutLogEvents", "CreateLogStream")


def logs_guard() -> Guard:
    return guard("logs", _needs, code="AccessDeniedException", status=400)


def _needs(ctx: Context) -> Iterator[Need]:
    action = f"logs:{ctx.operation}"
    for resource in _resources(ctx):
        yield action, resource


def _resources(ctx: Context) -> list[str]:
    request = ctx.request
    if ctx.operation in _WITHOUT:
        return ["*"]
    if "resourceArn" in request:
        return [request["resourceArn"]]
    named = request.get("logGroupName") or request.get("logGroupIdentifier") or request.get("resourceIdentifier") or ""
    stream = request.get("logStreamName", "") if ctx.operation in _OF_STREAMS else ""
    groups = request.get("logGroupIdentifiers") or [named]
    return [_arn(ctx, group, stream) for group in groups]


def _arn(ctx: Context, group: str, stream: str) -> str:
    """group: its name or ARN; empty for all of them."""
    name = group_name(group)
    if "Tag" in ctx.operation:
        return str(Arn("logs", ctx.region, ctx.account, f"log-group:{name}"))
    return str(Arn("logs", ctx.region, ctx.account, f"log-group:{name}:log-stream:{stream}"))
