"""What a bucket's lifecycle rules mean for one object, version or upload, and when.

A rule counts days from the creation of its object and acts at the following midnight UTC. Nothing here reads or writes
the store: rules are the ``LifecycleConfiguration`` of a bucket's settings, with dates in epoch seconds.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

_DAY = 86_400
_LAST = 253_402_214_400
"""The last midnight of the year 9999, which calendars end with."""
_SMALL = 128 * 1024
"""Bytes below which an object is not worth a transition, unless its rule asks for sizes itself."""

WATERFALL = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
"""Storage classes; a transition only ever goes down."""
HAS_RULES = "lifecycle"
"""The status of a bucket's document while the bucket has rules."""
VARIES = "varies_by_storage_class"
EVERY_CLASS = "all_storage_classes_128K"

Rule = dict[str, Any]
_When = Callable[[dict[str, Any]], float]
"""When an action is due, in epoch seconds."""


@dataclass(frozen=True, slots=True)
class Due:
    """at: epoch seconds. rule: its ID. storage_class: of a transition."""

    at: float
    rule: str
    storage_class: str = ""


def after_days(start: float, days: int) -> float:
    """The midnight at which something so many days old is due."""
    return float(min((int(start + days * _DAY) // _DAY + 1) * _DAY, _LAST))


def rules_of(bucket: dict[str, Any]) -> list[Rule]:
    """The enabled rules of a bucket's document's body."""
    configuration = bucket["Configurations"].get("LifecycleConfiguration")
    return [] if configuration is None else enabled(configuration)


def enabled(configuration: dict[str, Any]) -> list[Rule]:
    return [rule for rule in configuration["Rules"] if rule["Status"] == "Enabled"]


def expiration(rules: list[Rule], key: str, body: dict[str, Any]) -> Due | None:
    """When a current version expires: by the rule that says the soonest."""
    found = [
        Due(_when(action, body["LastModified"]), rule["ID"])
        for rule in rules
        if (action := rule.get("Expiration")) and ("Days" in action or "Date" in action) and _fits(rule, key, body)
    ]
    return min(found, key=lambda due: due.at, default=None)


def transition(configuration: dict[str, Any], key: str, body: dict[str, Any], now: float) -> Due | None:
    """The coldest storage class due for a current version."""
    return _coldest(configuration, "Transitions", key, body, now, lambda action: _when(action, body["LastModified"]))


def noncurrent_expiration(
    rules: list[Rule], key: str, body: dict[str, Any], since: float, newer: int, now: float
) -> Due | None:
    """Whether a noncurrent version goes. since: when it was replaced; newer: how many noncurrent ones are newer."""
    for rule in rules:
        action = rule.get("NoncurrentVersionExpiration")
        if action and newer >= action.get("NewerNoncurrentVersions", 0) and _fits(rule, key, body):
            at = after_days(since, action.get("NoncurrentDays", 0))
            if at <= now:
                return Due(at, rule["ID"])
    return None


def noncurrent_transition(
    configuration: dict[str, Any], key: str, body: dict[str, Any], since: float, newer: int, now: float
) -> Due | None:
    """The coldest storage class due for a noncurrent version."""

    def when(action: dict[str, Any]) -> float:
        kept = newer < action.get("NewerNoncurrentVersions", 0)
        return float("inf") if kept else after_days(since, action["NoncurrentDays"])

    return _coldest(configuration, "NoncurrentVersionTransitions", key, body, now, when)


def marker_expires(rules: list[Rule], key: str, body: dict[str, Any], now: float) -> bool:
    """Whether a delete marker that hides nothing goes: by ExpiredObjectDeleteMarker, or grown as old as an object."""
    for rule in rules:
        action = rule.get("Expiration")
        if not action or not _fits(rule, key, {**body, "Size": 0}):
            continue
        if action.get("ExpiredObjectDeleteMarker") or (
            ("Days" in action or "Date" in action) and _when(action, body["LastModified"]) <= now
        ):
            return True
    return False


def abortion(rules: list[Rule], key: str, initiated: float) -> Due | None:
    """When an upload that has not ended is aborted."""
    found = [
        Due(after_days(initiated, action["DaysAfterInitiation"]), rule["ID"])
        for rule in rules
        if (action := rule.get("AbortIncompleteMultipartUpload")) and key.startswith(prefix_of(rule))
    ]
    return min(found, key=lambda due: due.at, default=None)


def expiration_header(bucket: dict[str, Any], key: str, body: dict[str, Any], now: float = 0.0) -> str | None:
    """``x-amz-expiration`` of a current version.

    bucket: the body of the bucket's document. now: the time, for a body that has just been written.
    """
    rules = rules_of(bucket)
    due = expiration(rules, key, {"LastModified": now, **body}) if rules and "NoncurrentSince" not in body else None
    if due is None:
        return None
    return f'expiry-date="{formatdate(due.at, usegmt=True)}", rule-id="{quote(due.rule, safe="")}"'


def abortion_members(bucket: dict[str, Any], key: str, initiated: float) -> dict[str, Any]:
    """``AbortDate`` and ``AbortRuleId`` of CreateMultipartUpload and ListParts."""
    rules = rules_of(bucket)
    due = abortion(rules, key, initiated) if rules else None
    return {} if due is None else {"AbortDate": due.at, "AbortRuleId": due.rule}


def _when(action: dict[str, Any], start: float) -> float:
    return float(action["Date"]) if "Date" in action else after_days(start, action["Days"])


def _coldest(
    configuration: dict[str, Any], member: str, key: str, body: dict[str, Any], now: float, when: _When
) -> Due | None:
    present = WATERFALL.index(body["Storage"].get("StorageClass", "STANDARD"))
    found = [
        Due(when(action), rule["ID"], action["StorageClass"])
        for rule in enabled(configuration)
        if _fits(rule, key, body)
        for action in rule.get(member, ())
        if when(action) <= now and _large(configuration, rule, action["StorageClass"], body)
    ]
    colder = [due for due in found if WATERFALL.index(due.storage_class) > present]
    return max(colder, key=lambda due: WATERFALL.index(due.storage_class), default=None)


def _large(configuration: dict[str, Any], rule: Rule, storage_class: str, body: dict[str, Any]) -> bool:
    """Whether an object is large enough: by the rule's own sizes, which _fits has checked, else by the bucket's."""
    conditions = _conditions(rule)
    if "ObjectSizeGreaterThan" in conditions or "ObjectSizeLessThan" in conditions or body["Size"] >= _SMALL:
        return True
    minimum = configuration.get("TransitionDefaultMinimumObjectSize", EVERY_CLASS)
    return minimum == VARIES and storage_class in ("GLACIER", "DEEP_ARCHIVE")


def _conditions(rule: Rule) -> dict[str, Any]:
    """All that a rule asks of an object, in the members of And."""
    found = rule.get("Filter")
    if found is None:
        return {"Prefix": rule.get("Prefix", "")}
    if "And" in found:
        return dict(found["And"])
    return {"Tags": [found["Tag"]]} if "Tag" in found else dict(found)


def prefix_of(rule: Rule) -> str:
    """What the keys of a rule begin with."""
    return str(_conditions(rule).get("Prefix", ""))


def _fits(rule: Rule, key: str, body: dict[str, Any]) -> bool:
    conditions = _conditions(rule)
    tags = body.get("Tags") or {}
    return (
        key.startswith(conditions.get("Prefix", ""))
        and body["Size"] > conditions.get("ObjectSizeGreaterThan", -1)
        and body["Size"] < conditions.get("ObjectSizeLessThan", float("inf"))
        and all(tags.get(tag["Key"]) == tag["Value"] for tag in conditions.get("Tags", ()))
    )
