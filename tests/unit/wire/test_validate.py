from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.core.errors import AwsError
from sagewright.wire import models
from sagewright.wire.http import Body
from sagewright.wire.patterns import matcher
from sagewright.wire.validate import validate

NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


def problems(operation: str, params: dict[str, Any], service: str = "sagemaker") -> str:
    with pytest.raises(AwsError) as caught:
        validate(models.operation(service, operation), params)
    assert caught.value.status == 400
    return caught.value.message


def test_the_words_of_aws() -> None:
    long = "x" * 64
    assert problems("DescribeTrainingJob", {"TrainingJobName": long}) == (
        f"1 validation error detected: Value '{long}' at 'trainingJobName' failed to satisfy constraint: "
        "Member must have length less than or equal to 63"
    )
    assert problems("DescribeTrainingJob", {"TrainingJobName": "a_b"}) == (
        "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {NAME}"
    )
    assert problems("DescribeTrainingJob", {}) == (
        "1 validation error detected: Value null at 'trainingJobName' failed to satisfy constraint: "
        "Member must not be null"
    )


@pytest.mark.parametrize(
    ("operation", "params", "words"),
    [
        ("ListModels", {"SortBy": "Size"}, "Value 'Size' at 'sortBy' failed to satisfy constraint: Member must satisfy "
         "enum value set: [Name, CreationTime]"),
        ("ListModels", {"MaxResults": 0}, "Value '0' at 'maxResults' failed to satisfy constraint: Member must have "
         "value greater than or equal to 1"),
        ("ListModels", {"MaxResults": 101}, "Value '101' at 'maxResults' failed to satisfy constraint: Member must "
         "have value less than or equal to 100"),
        ("CreateModel", {"ModelName": "m", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "a"}]},
         "Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not be null"),
        ("CreateModel", {"ModelName": "m", "Tags": [None]},
         "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null"),
        ("CreateModel", {"ModelName": "m", "Tags": [{"Key": "a", "Value": "b"}] * 51}, "at 'tags' failed to satisfy "
         "constraint: Member must have length less than or equal to 50"),
        ("CreateModel", {"ModelName": "m", "VpcConfig": {"SecurityGroupIds": ["sg_1"], "Subnets": []}},
         "Value '[sg_1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy constraint: "
         "[Member must have length less than or equal to 32, Member must have length greater than or equal to 0, "
         "Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]; "
         "Value '[]' at 'vpcConfig.subnets' failed to satisfy constraint: "
         "Member must have length greater than or equal to 1"),
        ("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Environment": {"1": "v"}}},
         "Value '{1=v}' at 'primaryContainer.environment' failed to satisfy constraint: Map keys must satisfy "
         "constraint: [Member must have length less than or equal to 1024, Member must have length greater than or "
         "equal to 0, Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*]"),
        ("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Environment": {"a": None}}},
         "at 'primaryContainer.environment' failed to satisfy constraint: Map value must satisfy constraint: ["),
    ],
)  # fmt: skip
def test_constraints(operation: str, params: dict[str, Any], words: str) -> None:
    assert words in problems(operation, params)


def test_several_problems_are_counted() -> None:
    words = problems("CreateModel", {"ModelName": "_", "ExecutionRoleArn": "x"})
    assert words.startswith("3 validation errors detected: Value '_' at 'modelName' failed")
    assert words.count("; Value 'x' at 'executionRoleArn' failed to satisfy constraint: Member must ") == 2


def test_unions_take_one_member() -> None:
    both = {
        "ImageClassificationJobConfig": {},
        "TextClassificationJobConfig": {"ContentColumn": "a", "TargetLabelColumn": "b"},
    }
    params = {"AutoMLJobName": "a", "AutoMLProblemTypeConfig": both}
    assert "'autoMLProblemTypeConfig' failed to satisfy constraint: Member must have exactly one" in problems(
        "CreateAutoMLJobV2", params
    )


def test_sensitive_values_are_not_shown() -> None:
    words = problems("Encrypt", {"KeyId": "k", "Plaintext": b"x" * 5000}, "kms")
    assert "Value at 'plaintext' failed to satisfy constraint" in words


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("sagemaker", "DescribeModel", {}, "ValidationException"),
        ("sagemaker-runtime", "InvokeEndpoint", {"Body": b""}, "ValidationError"),
        ("sts", "AssumeRole", {}, "ValidationError"),
        ("iam", "GetRole", {"RoleName": ""}, "ValidationError"),
        ("logs", "CreateLogGroup", {}, "InvalidParameterException"),
        ("kinesis", "PutRecord", {}, "ValidationException"),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, "InvalidArgument"),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k"}, "InvalidRequest"),
        ("s3", "PutBucketTagging", {"Bucket": "b"}, "MissingRequestBodyError"),
        ("s3", "PutBucketTagging", {"Bucket": "b", "Tagging": {}}, "MalformedXML"),
        ("s3", "PutBucketTagging", {"Bucket": "b", "Tagging": {"TagSet": [{"Key": "a"}]}}, "MalformedXML"),
    ],
)
def test_each_service_has_its_code(service: str, operation: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        validate(models.operation(service, operation), params)
    assert caught.value.code == code


def test_what_is_right_passes() -> None:
    validate(models.operation("sagemaker", "DescribeTrainingJob"), {"TrainingJobName": "a-b-1"})
    validate(models.operation("sts", "GetCallerIdentity"), {})
    validate(models.operation("s3", "PutObject"), {"Bucket": "b", "Key": "k", "Body": Body.of(b"")})
    tags = [{"Key": "Straße é", "Value": ""}]
    validate(
        models.operation("sagemaker", "AddTags"),
        {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/m", "Tags": tags},
    )


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (NAME, ["a", "a-b", "A--1"], ["", "-a", "a-", "a\n"]),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", ["", "a b", "é/1", "漢字"], ["a!", "a\n"]),
        (r"[\w-_]*", ["a-_"], ["a b"]),
        (r"\d+\z", ["12"], ["١٢", "12\n"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", ["a\n😀"], ["\x00"]),
        (r"\P{C}+", None, []),
        (r"a{2}${1,4}", None, []),
    ],
)
def test_patterns_of_java(pattern: str, fits: list[str] | None, fails: list[str]) -> None:
    matches = matcher(pattern)
    if fits is None:
        assert matches is None
        return
    assert matches is not None
    assert [text for text in fits if not matches(text)] == []
    assert [text for text in fails if matches(text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"https://([.\-_a-zA-Z0-9]+/?){3,1016}",
        r"\$(\.[a-zA-Z0-9_.@\[\]\(\)-]+)*",
        r"([a-z]|\w)*!",
        r"(a?a)*!",
        r"(a*)*!",
        r".*a.*a.*a.*a.*a!",
    ],
)
def test_hostile_text_takes_no_time(pattern: str) -> None:
    matches = matcher(pattern)
    assert matches is not None
    for start in ("https://", "$", ""):
        for size in (20, 2_000, 200_000):
            matches(start + "a" * size + "\n")


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_values_of_any_depth_can_be_shown(value: Any) -> None:
    params = {"ModelName": "m", "PrimaryContainer": {"Environment": {"!": "v"}, "Unknown": value}}
    assert problems("CreateModel", params)
