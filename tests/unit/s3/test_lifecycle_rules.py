"""What may be a lifecycle configuration."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.s3.buckets.lifecycle_rules import checked

DAY = {"Days": 1}
EXPIRE = {"Expiration": DAY}
MIDNIGHT = datetime(2030, 1, 1, tzinfo=UTC)
LATER = datetime(2030, 6, 1, tzinfo=UTC)
TAG = {"Key": "a", "Value": "b"}


def rule(**members):
    return {"ID": "r", "Status": "Enabled", "Filter": {}, **members}


def move(storage_class, days=None, date=None):
    return {"StorageClass": storage_class, **({"Days": days} if date is None else {"Date": date})}


def later_version(storage_class, days, **more):
    return {"StorageClass": storage_class, "NoncurrentDays": days, **more}


def refusal(*rules, minimum=None) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        checked({"Rules": list(rules)}, minimum)
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


def test_what_is_kept():
    rules = [rule(**EXPIRE), {"Status": "Disabled", "Prefix": "a", "Expiration": {"Date": MIDNIGHT}}]
    kept = checked({"Rules": rules}, None)
    assert kept["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert kept["Rules"][0] == rules[0]
    assert len(kept["Rules"][1]["ID"]) == 48
    assert kept["Rules"][1]["Expiration"] == {"Date": MIDNIGHT.timestamp()}
    assert rules[1]["Expiration"] == {"Date": MIDNIGHT}
    assert checked({"Rules": rules[:1]}, "varies_by_storage_class")["TransitionDefaultMinimumObjectSize"] == (
        "varies_by_storage_class"
    )


@pytest.mark.parametrize(
    "members",
    [
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 100}},
        {"NoncurrentVersionTransitions": [later_version("GLACIER", 0, NewerNoncurrentVersions=1)]},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Filter": {"Prefix": "x"}},
        {"Transitions": [move("STANDARD_IA", 30), move("GLACIER", 60), move("DEEP_ARCHIVE", 61)]},
        {"Transitions": [move("GLACIER", date=MIDNIGHT)], "Expiration": {"Date": LATER}},
        {**EXPIRE, "Filter": {"And": {"Prefix": "x", "Tags": [TAG]}}},
        {**EXPIRE, "Filter": {"And": {"ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 3}}},
        {**EXPIRE, "ID": "x" * 255},
    ],
)
def test_allowed(members):
    checked({"Rules": [rule(**members)]}, None)


@pytest.mark.parametrize(
    "members",
    [
        {**EXPIRE, "Prefix": "both"},
        {**EXPIRE, "Status": "On"},
        {**EXPIRE, "Filter": {"Prefix": "x", "Tag": TAG}},
        {**EXPIRE, "Filter": {"And": {"Prefix": "alone"}}},
        {"Expiration": {}},
        {"Expiration": {"Days": 1, "Date": MIDNIGHT}},
        {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}},
        {"Transitions": [{"StorageClass": "GLACIER"}]},
        {"Transitions": [{"StorageClass": "GLACIER", "Days": 1, "Date": MIDNIGHT}]},
        {"Transitions": [move("STANDARD", 1)]},
        {"Transitions": [{"Days": 1}]},
        {"NoncurrentVersionTransitions": [{"StorageClass": "GLACIER"}]},
        {"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}},
        {"AbortIncompleteMultipartUpload": {}},
    ],
)
def test_malformed(members):
    assert refusal(rule(**members))[0] == "MalformedXML"


@pytest.mark.parametrize("rules", [[], [{"Status": "Enabled", **EXPIRE}]])
def test_malformed_as_a_whole(rules):
    assert refusal(*rules)[0] == "MalformedXML"


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"Expiration": {"Days": 0}}, "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ({"Expiration": {"Date": MIDNIGHT.replace(hour=1)}}, "InvalidArgument", "'Date' must be at midnight GMT"),
        ({**EXPIRE, "ID": "x" * 256}, "InvalidArgument", "ID length should not exceed allowed limit of 255"),
        ({}, "InvalidRequest", "At least one action needs to be specified in a rule"),
        (
            {"Expiration": {"ExpiredObjectDeleteMarker": True}, "Filter": {"Tag": TAG}},
            "InvalidRequest",
            "ExpiredObjectDeleteMarker cannot be specified with Tags.",
        ),
        (
            {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Filter": {"Tag": TAG}},
            "InvalidRequest",
            "AbortIncompleteMultipartUpload cannot be specified with Tags.",
        ),
        (
            {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}},
            "InvalidArgument",
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
        ),
        (
            {**EXPIRE, "Filter": {"And": {"Tags": [TAG, TAG]}}},
            "InvalidRequest",
            "Duplicate Tag Keys are not allowed.",
        ),
        (
            {**EXPIRE, "Filter": {"And": {"ObjectSizeGreaterThan": 3, "ObjectSizeLessThan": 3}}},
            "InvalidRequest",
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        ),
        (
            {"Transitions": [move("STANDARD_IA", 29)]},
            "InvalidArgument",
            "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
        (
            {"Transitions": [move("GLACIER", 1), move("GLACIER", 2)]},
            "InvalidRequest",
            "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'",
        ),
        (
            {"Transitions": [move("GLACIER", 1), move("DEEP_ARCHIVE", date=MIDNIGHT)]},
            "InvalidRequest",
            "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter '(prefix=)'",
        ),
        (
            {"Transitions": [move("GLACIER", 1)], "Expiration": {"Date": MIDNIGHT}},
            "InvalidRequest",
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter "
            "'(prefix=)'",
        ),
        (
            {"Transitions": [move("GLACIER", 5)], "Expiration": {"Days": 5}, "Filter": {"Prefix": "x/"}},
            "InvalidArgument",
            "'Days' in the Expiration action for filter '(prefix=x/)' must be greater than 'Days' in the Transition "
            "action",
        ),
        (
            {
                "NoncurrentVersionTransitions": [later_version("GLACIER", 5)],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 4},
            },
            "InvalidArgument",
            "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '(prefix=)' must be greater than "
            "'NoncurrentDays' in the NoncurrentVersionTransition action",
        ),
    ],
)
def test_refused_with_reasons(members, code, message):
    assert refusal(rule(**members)) == (code, message)


def test_colder_comes_later():
    assert refusal(rule(Transitions=[move("DEEP_ARCHIVE", 1), move("GLACIER", 2)]))[0] == "InvalidArgument"
    assert "30 days more" in refusal(rule(Transitions=[move("STANDARD_IA", 30), move("GLACIER", 59)]))[1]


@pytest.mark.parametrize("newer", [0, 101])
def test_how_many_newer_versions(newer):
    action = {"NoncurrentDays": 1, "NewerNoncurrentVersions": newer}
    assert refusal(rule(NoncurrentVersionExpiration=action))[0] == "InvalidArgument"


def test_ids_are_unique_and_rules_are_few():
    assert refusal(rule(**EXPIRE), rule(**EXPIRE))[1] == "Rule ID must be unique. Found same ID for more than one rule"
    assert refusal(*[rule(**EXPIRE)] * 1001)[0] == "InvalidRequest"
    assert refusal(rule(**EXPIRE), minimum="small")[0] == "InvalidRequest"
