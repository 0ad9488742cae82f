"""What an operation of CloudWatch needs: its action, on the alarms that it names; metrics are no resources.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagewright.kit.operation import Context, Guard
from sagewright.kit.permissions import Need, guard, request_facts
from sagewright.services.cloudwatch.alarms import alarm_arn

_OF_ALARMS = (
    "DeleteAlarms",
    "DescribeAlarms",
    "DisableAlarmActions",
    "EnableAlarmActions",
    "PutMetricAlarm",
    "SetAlarmState",
)


def cloudwatch_guard() -> Guard:
    return guard("cloudwatch", _needs, known=_known)


def _known(ctx: Context) -> dict[str, Any]:
    namespace = ctx.request.get("Namespace") if ctx.operation == "PutMetricData" else None
    return {**request_facts(ctx), "cloudwatch:namespace": namespace}


def _needs(ctx: Context) -> Iterator[Need]:
    action, request = f"cloudwatch:{ctx.operation}", ctx.request
    if ctx.operation in _OF_ALARMS:
        for name in request.get("AlarmNames") or [request.get("AlarmName", "*")]:
            yield action, alarm_arn(ctx, name)
    else:
        yield action, request.get("ResourceARN", "*")
