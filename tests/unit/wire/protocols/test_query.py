from typing import Any
from urllib.parse import urlencode

import pytest
from samples import read_response

from sagewright.core.errors import AwsError
from sagewright.wire import models, protocols
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import Route

CODEC = protocols.codec("query")


def parse(service: str, operation: str, form: dict[str, str] | bytes, query: str = "") -> dict[str, Any]:
    body = form if isinstance(form, bytes) else urlencode({"Action": operation, **form}).encode()
    request = HttpRequest("POST", "/", query, Headers(), Body.of(body))
    route = Route(service, operation, "query", "000000000000", "us-east-1", "", {}, False)
    return CODEC.parse(models.operation(service, operation), request, route, body)


def test_lists_and_maps_in_forms() -> None:
    form = {f"PolicyArns.member.{number}.arn": f"arn-{number}" for number in range(11, 0, -1)}
    arns = [item["arn"] for item in parse("sts", "AssumeRole", form)["PolicyArns"]]
    assert arns == [f"arn-{number}" for number in range(1, 12)]
    assert parse("sts", "AssumeRole", {"PolicyArns": ""})["PolicyArns"] == []
    form = {"Name": "t", "Attributes.entry.1.key": "a", "Attributes.entry.1.value": "b"}
    assert parse("sns", "CreateTopic", form) == {"Name": "t", "Attributes": {"a": "b"}}
    with pytest.raises(AwsError, match="lacks its key"):
        parse("sns", "CreateTopic", {"Attributes.entry.1.key": "a"})


def test_a_form_in_the_query_string() -> None:
    assert parse("sts", "GetAccessKeyInfo", b"", "Action=GetAccessKeyInfo&AccessKeyId=AKIA%20x") == {
        "AccessKeyId": "AKIA x"
    }


@pytest.mark.parametrize(
    "form",
    [
        {"DurationSeconds": "soon"},
        {"DurationSeconds": "9" * 5000},
        {"DurationSeconds": "3000000000"},
        {"DurationSeconds.a": "1"},
        {"PolicyArns": "x"},
        {"PolicyArns.member.x": "1"},
        {"PolicyArns.member.9999999999": "1"},
        {"a" + ".a" * 100: "1"},
        b"RoleArn=%ff",
    ],
)
def test_malformed_forms(form: Any) -> None:
    with pytest.raises(AwsError) as caught:
        parse("sts", "AssumeRole", form)
    assert caught.value.code in ("MalformedInput", "MalformedQueryString")
    assert caught.value.status == 400


def test_answers() -> None:
    op = models.operation("sts", "GetCallerIdentity")
    response = CODEC.serialize(op, {"Account": "000000000000", "Arn": "a&b"}, "id-1")
    assert response.headers["Content-Type"] == "text/xml"
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        b"<Account>000000000000</Account><Arn>a&amp;b</Arn></GetCallerIdentityResult>"
        b"<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    nothing = CODEC.serialize(models.operation("iam", "DeleteRole"), {}, "id-1")
    assert read_response("iam", nothing, None)["ResponseMetadata"]["RequestId"] == "id-1"


def test_errors_carry_the_code_of_the_wire() -> None:
    op = models.operation("iam", "GetRole")
    for code in ("NoSuchEntityException", "NoSuchEntity"):
        response = CODEC.serialize_error(op, AwsError(code, "gone"), "id-1")
        assert response.status == 404
        assert read_response("iam", response, op.output_shape)["Error"] == {
            "Type": "Sender",
            "Code": "NoSuchEntity",
            "Message": "gone",
        }


def test_ec2_has_its_own_dialect() -> None:
    found = parse("ec2", "DescribeInstances", {"InstanceId.1": "i-1", "Filter.1.Name": "n", "Filter.1.Value.1": "v"})
    assert found == {"InstanceIds": ["i-1"], "Filters": [{"Name": "n", "Values": ["v"]}]}
    op = models.operation("ec2", "DescribeInstances")
    response = CODEC.serialize_error(op, AwsError("NotImplemented", "not yet", 501), "id-1")
    found = read_response("ec2", response, op.output_shape)
    assert (found["Error"]["Code"], found["ResponseMetadata"]["RequestId"]) == ("NotImplemented", "id-1")
