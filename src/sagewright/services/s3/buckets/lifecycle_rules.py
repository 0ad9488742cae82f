"""What may be a lifecycle configuration.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import short_id
from sagewright.services.s3 import errors
from sagewright.services.s3.lifecycle import EVERY_CLASS, VARIES, WATERFALL

_DAY = 86_400
_MAX_RULES = 1000
_MAX_ID = 255
_MOST_NEWER = 100
_PREDICATES = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)
_INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
_LEAST_DAYS = 30
"""Days before an object may go to infrequent access, and before it may leave it."""
_CLASSES = frozenset(WATERFALL) - {"STANDARD", "REDUCED_REDUNDANCY"}

Rule = dict[str, Any]


def checked(configuration: dict[str, Any] | None, minimum: str | None) -> dict[str, Any]:
    """The configuration as it is kept: every rule with its ID, dates in epoch seconds. Raises AwsError."""
    rules = (configuration or {}).get("Rules") or []
    if not rules:
        raise errors.malformed_xml()
    if len(rules) > _MAX_RULES:
        raise errors.invalid_request(f"The number of lifecycle rules must not exceed the allowed limit of {_MAX_RULES}")
    if minimum not in (None, VARIES, EVERY_CLASS):
        message = f"Invalid TransitionDefaultMinimumObjectSize found: {minimum}"
        raise errors.invalid_request(message)
    kept = [_rule(rule) for rule in rules]
    ids = [rule["ID"] for rule in kept]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise errors.invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", twice)
    return {"Rules": kept, "TransitionDefaultMinimumObjectSize": minimum or EVERY_CLASS}


def _rule(rule: Rule) -> Rule:
    if rule["Status"] not in ("Enabled", "Disabled"):
        raise errors.malformed_xml()
    if len(rule.get("ID", "")) > _MAX_ID:
        message = f"ID length should not exceed allowed limit of {_MAX_ID}"
        raise errors.invalid_argument(message, "ID", rule["ID"])
    conditions = _conditions(rule)
    if not any(rule.get(action) is not None for action in _ACTIONS):
        raise errors.invalid_request("At least one action needs to be specified in a rule")
    _check_expiration(rule, conditions)
    _check_transitions(rule)
    _check_noncurrent(rule)
    _check_abortion(rule, conditions)
    kept: Rule = _with_times(rule)
    return {**kept, "ID": rule.get("ID") or short_id(48)}


def _with_times(value: Any) -> Any:
    """A copy that JSON can hold."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: _with_times(item) for name, item in value.items()}
    return [_with_times(item) for item in value] if isinstance(value, list) else value


def _conditions(rule: Rule) -> dict[str, Any]:
    """What a rule asks of an object. Raises AwsError."""
    found = rule.get("Filter")
    if (found is None) == ("Prefix" not in rule):  # both, or neither
        raise errors.malformed_xml()
    if found is None:
        return {"Prefix": rule["Prefix"]}
    if len(found) > 1:
        raise errors.malformed_xml()
    conditions: dict[str, Any] = found
    if "And" in found:
        conditions = found["And"]
        if sum(name in conditions for name in _PREDICATES) + len(conditions.get("Tags", ())) < 2:
            raise errors.malformed_xml()
    tags = conditions.get("Tags") or ([conditions["Tag"]] if "Tag" in conditions else [])
    if len({tag["Key"] for tag in tags}) < len(tags):
        raise errors.invalid_request("Duplicate Tag Keys are not allowed.")
    if any(not 1 <= len(tag["Key"]) <= 128 for tag in tags):
        raise AwsError("InvalidTag", "The TagKey you have provided is invalid")
    if any(len(tag["Value"]) > 256 for tag in tags):
        raise AwsError("InvalidTag", "The TagValue you have provided is invalid")
    _check_sizes(conditions)
    return conditions


def _check_sizes(conditions: dict[str, Any]) -> None:
    above, below = conditions.get("ObjectSizeGreaterThan"), conditions.get("ObjectSizeLessThan")
    for name, size in (("ObjectSizeGreaterThan", above), ("ObjectSizeLessThan", below)):
        if size is not None and size < 0:
            raise errors.invalid_request(f"'{name}' should be a nonnegative integer")
    if above is not None and below is not None and below <= above:
        message = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        raise errors.invalid_request(message)


def _check_expiration(rule: Rule, conditions: dict[str, Any]) -> None:
    action = rule.get("Expiration")
    if action is None:
        return
    if len(action) != 1:
        raise errors.malformed_xml()
    if "Days" in action:
        _positive(action["Days"], "Days", "Expiration")
    _check_midnight(action)
    if "ExpiredObjectDeleteMarker" in action and {"Tag", "Tags"} & conditions.keys():
        raise errors.invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.")


def _check_transitions(rule: Rule) -> None:
    actions = rule.get("Transitions") or []
    for action in actions:
        if ("Days" in action) == ("Date" in action) or action.get("StorageClass") not in _CLASSES:
            raise errors.malformed_xml()
        _check_midnight(action)
        if "Days" in action:
            _check_age(action["Days"], "Days", "Transition", action["StorageClass"])
    unit = "Days" if any("Days" in action for action in actions) else "Date"
    if any(unit not in action for action in actions):
        raise _mixed("Transition", rule)
    _check_order(rule, actions, unit, "Transition")
    expiration = rule.get("Expiration") or {}
    if actions and ("Days" in expiration or "Date" in expiration):
        if unit not in expiration:
            raise _mixed("Expiration and Transition", rule)
        if expiration[unit] <= max(action[unit] for action in actions):
            raise _too_soon(unit, "Expiration", "Transition", rule, expiration[unit])


def _check_noncurrent(rule: Rule) -> None:
    actions = rule.get("NoncurrentVersionTransitions") or []
    expiration = rule.get("NoncurrentVersionExpiration")
    unit = "NoncurrentDays"
    for action in actions:
        if unit not in action or action.get("StorageClass") not in _CLASSES:
            raise errors.malformed_xml()
        _check_age(action[unit], unit, "NoncurrentVersionTransition", action["StorageClass"])
        _check_newer(rule, action, "NoncurrentVersionTransition")
    _check_order(rule, actions, unit, "NoncurrentVersionTransition")
    if expiration is None:
        return
    if unit not in expiration:
        raise errors.malformed_xml()
    _positive(expiration[unit], unit, "NoncurrentVersionExpiration")
    _check_newer(rule, expiration, "NoncurrentVersionExpiration")
    if actions and expiration[unit] <= max(action[unit] for action in actions):
        raise _too_soon(unit, "NoncurrentVersionExpiration", "NoncurrentVersionTransition", rule, expiration[unit])


def _check_newer(rule: Rule, action: dict[str, Any], name: str) -> None:
    newer = action.get("NewerNoncurrentVersions")
    if newer is None:
        return
    if "Filter" not in rule:
        raise errors.invalid_request("'NewerNoncurrentVersions' can only be specified in a rule with a Filter")
    if not 1 <= newer <= _MOST_NEWER:
        message = f"'NewerNoncurrentVersions' for {name} action must be a positive integer not above {_MOST_NEWER}"
        raise errors.invalid_argument(message, "NewerNoncurrentVersions", newer)


def _check_abortion(rule: Rule, conditions: dict[str, Any]) -> None:
    action = rule.get("AbortIncompleteMultipartUpload")
    if action is None:
        return
    if {"Tag", "Tags"} & conditions.keys():
        raise errors.invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.")
    if {"ObjectSizeGreaterThan", "ObjectSizeLessThan"} & conditions.keys():
        raise errors.invalid_request("AbortIncompleteMultipartUpload cannot be specified with Object Size.")
    if "DaysAfterInitiation" not in action:
        raise errors.malformed_xml()
    _positive(action["DaysAfterInitiation"], "DaysAfterInitiation", "AbortIncompleteMultipartUpload")


def _check_order(rule: Rule, actions: list[dict[str, Any]], unit: str, name: str) -> None:
    """Each class once, and the colder the later."""
    ordered = sorted(actions, key=lambda action: WATERFALL.index(action["StorageClass"]))
    for warmer, colder in pairwise(ordered):
        first, second = warmer["StorageClass"], colder["StorageClass"]
        if first == second:
            message = f"'StorageClass' must be different for '{name}' actions in same 'Rule' with {_where(rule)}"
            raise errors.invalid_request(message)
        rest = first in _INFREQUENT and second != "INTELLIGENT_TIERING"
        least = _LEAST_DAYS if rest else 1
        gap = colder[unit] - warmer[unit]
        if (gap.total_seconds() / _DAY if unit == "Date" else gap) < least:
            words = f"{least} days more than" if rest else "at least one day after"
            message = f"'{unit}' in the '{name}' action for StorageClass '{second}' for {_where(rule)} must be {words} "
            message += f"'{unit}' in the '{name}' action for StorageClass '{first}'"
            raise errors.invalid_argument(message, unit, _shown(colder[unit]))


def _check_age(days: int, unit: str, name: str, storage_class: str) -> None:
    if days < 0:
        raise errors.invalid_argument(f"'{unit}' in {name} action must be nonnegative", unit, days)
    if storage_class in _INFREQUENT and days < _LEAST_DAYS:
        message = f"'{unit}' in {name} action must be greater than or equal to {_LEAST_DAYS} for storageClass "
        raise errors.invalid_argument(f"{message}'{storage_class}'", unit, days)


def _check_midnight(action: dict[str, Any]) -> None:
    if "Date" in action and action["Date"].timestamp() % _DAY:
        raise errors.invalid_argument("'Date' must be at midnight GMT", "Date", _shown(action["Date"]))


def _positive(days: int, unit: str, name: str) -> None:
    if days < 1:
        raise errors.invalid_argument(f"'{unit}' for {name} action must be a positive integer", unit, days)


def _mixed(names: str, rule: Rule) -> AwsError:
    message = f"Found mixed 'Date' and 'Days' based {names} actions in lifecycle rule for {_where(rule)}"
    return errors.invalid_request(message)


def _too_soon(unit: str, later: str, earlier: str, rule: Rule, value: Any) -> AwsError:
    message = f"'{unit}' in the {later} action for {_where(rule)} must be greater than '{unit}' in the {earlier} action"
    return errors.invalid_argument(message, unit, _shown(value))


def _where(rule: Rule) -> str:
    """A rule as AWS's messages name it."""
    if "Filter" not in rule:
        return f"prefix '{rule['Prefix']}'"
    conditions = rule["Filter"].get("And", rule["Filter"])
    return f"filter '(prefix={conditions.get('Prefix', '')})'"


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
