"""What may be a bucket's notification configuration.

Whether the topic, queue or function is there is not looked at: nothing is sent to it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import request_id
from sagewright.services.s3 import errors
from sagewright.services.s3.buckets.setting import Asked
from sagewright.wire import models

_TARGETS = {
    "TopicConfigurations": ("TopicArn", "sns", re.compile(r"[\w.-]+")),
    "QueueConfigurations": ("QueueArn", "sqs", re.compile(r"[\w.-]+")),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "lambda", re.compile(r"function:[\w-]+(?::[\w$-]+)?")),
}
_ARN = re.compile(r"arn:aws[a-z-]*:([a-z]+):([a-z0-9-]+):(\d{12}):(.+)")
_MAX_FILTER = 1024


def notification(asked: Asked) -> dict[str, Any]:
    """The configuration with an Id for each target. Raises AwsError."""
    kept = dict(asked.value)
    targets: list[dict[str, Any]] = []
    for member, (name, service, resource) in _TARGETS.items():
        if member in kept:
            for target in kept[member]:
                _check_arn(target[name], service, resource, asked.bucket.body["Region"])
            kept[member] = [_target(target) for target in kept[member]]
            targets += kept[member]
    ids = [target["Id"] for target in targets]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        message = "Same ID used for multiple configurations. IDs must be unique"
        raise errors.invalid_argument(message, "Id", twice)
    for one, other in combinations(targets, 2):
        if _overlap(one, other):
            message = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
            raise AwsError("InvalidArgument", f"{message}prefixes are overlapping for the same event type.")
    return kept


def _check_arn(arn: str, service: str, resource: re.Pattern[str], region: str) -> None:
    found = _ARN.fullmatch(arn)
    if found is None or found[1] != service or not resource.fullmatch(found[4]):
        raise errors.invalid_argument("The ARN is not well formed", arn, "The ARN is not well formed")
    if found[2] != region:
        message = "The notification destination service region is not valid for the bucket location constraint"
        raise errors.invalid_argument(message, arn, message)


def _target(target: dict[str, Any]) -> dict[str, Any]:
    events = target["Events"]
    if not events:
        raise errors.malformed_xml()
    known = models.service("s3").shape_for("Event").enum
    for event in events:
        if event not in known:
            raise errors.invalid_argument("The event is not supported for notifications", event, "Event")
    kept = {**target, "Id": target.get("Id") or request_id()}
    if len(kept["Id"]) > 255:
        raise errors.invalid_argument("Id cannot be longer than 255 characters", "Id", kept["Id"])
    rules = _filters(target)
    if rules is not None:
        kept["Filter"] = {"Key": {"FilterRules": rules}}
    return kept


def _filters(target: dict[str, Any]) -> list[dict[str, str]] | None:
    """The rules with their names as AWS gives them back, capitalised. Raises AwsError."""
    if "Filter" not in target:
        return None
    rules: list[dict[str, str]] = []
    for rule in (target["Filter"].get("Key") or {}).get("FilterRules") or []:
        if "Name" not in rule or "Value" not in rule:
            raise errors.malformed_xml()
        name, value = rule["Name"].capitalize(), rule["Value"]
        if name not in ("Prefix", "Suffix"):
            message = "filter rule name must be either prefix or suffix"
            raise errors.invalid_argument(message, "FilterRule.Name", rule["Name"])
        if any(name == earlier["Name"] for earlier in rules):
            message = f"Cannot specify more than one {name.lower()} rule in a filter."
            raise errors.invalid_argument(message, "FilterRule.Name", rule["Name"])
        if len(value.encode()) > _MAX_FILTER:
            message = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"
            raise errors.invalid_argument(message, "FilterRule.Value", value)
        rules.append({"Name": name, "Value": value})
    return rules


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether one event of one key would go to both."""
    prefixes, suffixes = [[_value(target, name) for target in (one, other)] for name in ("Prefix", "Suffix")]
    return (
        (prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0]))
        and (suffixes[0].endswith(suffixes[1]) or suffixes[1].endswith(suffixes[0]))
        and any(_same(left, right) for left in one["Events"] for right in other["Events"])
    )


def _same(left: str, right: str) -> bool:
    short, long = sorted((left, right), key=len)
    return left == right or (short.endswith(":*") and long.startswith(short[:-1]))


def _value(target: dict[str, Any], name: str) -> str:
    rules = target.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return next((rule["Value"] for rule in rules if rule["Name"] == name), "")
