from __future__ import annotations

import base64
import json

import pytest

from sagewright.core.errors import AwsError
from sagewright.services.iam import iam
from sagewright.services.sts import sts

ROLE = "arn:aws:iam::111122223333:role/service-role/Trainer"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture
def aws(in_process):
    return in_process.add(sts, iam)


def assume(aws, role=ROLE, **members):
    return aws.call("sts", "assume_role", RoleArn=role, RoleSessionName="night", **members)


def test_the_default_identity_is_the_role_that_iam_has(aws):
    caller = aws.call("sts", "get_caller_identity")
    role = aws.call("iam", "get_role", RoleName="SageMakerExecutionRole")["Role"]
    assert caller["Account"] == "111122223333"
    assert caller["Arn"] == "arn:aws:sts::111122223333:assumed-role/SageMakerExecutionRole/sagewright"
    assert caller["UserId"] == f"{role['RoleId']}:sagewright"


def test_assume_a_role_that_exists(aws):
    role = aws.call("iam", "create_role", RoleName="Trainer", Path="/service-role/", AssumeRolePolicyDocument=TRUST)
    answer = assume(aws, DurationSeconds=900)
    keys = answer["Credentials"]
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role['Role']['RoleId']}:night",
        "Arn": "arn:aws:sts::111122223333:assumed-role/Trainer/night",
    }
    assert keys["Expiration"] == int(aws.clock.now()) + 900
    caller = aws.call("sts", "get_caller_identity", access_key=keys["AccessKeyId"])
    assert caller["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert caller["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert aws.call("sts", "get_access_key_info", AccessKeyId=keys["AccessKeyId"]) == {"Account": "111122223333"}
    aws.clock.advance(900)
    with pytest.raises(AwsError, match="ExpiredToken"):
        aws.call("sts", "get_caller_identity", access_key=keys["AccessKeyId"])


def test_assume_a_role_of_another_account_that_nobody_created(aws):
    one = assume(aws, "arn:aws:iam::999988887777:role/Elsewhere", DurationSeconds=43_200)
    two = assume(aws, "arn:aws:iam::999988887777:role/Elsewhere")
    assert one["AssumedRoleUser"] == two["AssumedRoleUser"]
    assert one["Credentials"]["AccessKeyId"] != two["Credentials"]["AccessKeyId"]
    caller = aws.call("sts", "get_caller_identity", access_key=one["Credentials"]["AccessKeyId"])
    assert caller["Account"] == "999988887777"


@pytest.mark.parametrize(
    "arn", ["Trainer", "arn:aws:iam::111122223333:user/x", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:role/"]
)
def test_a_bad_role_arn(aws, arn):
    with pytest.raises(AwsError, match="is invalid") as error:
        assume(aws, arn)
    assert error.value.code == "ValidationError"


def test_a_session_longer_than_the_role_allows(aws):
    aws.call("iam", "create_role", RoleName="Trainer", Path="/service-role/", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(AwsError, match="MaxSessionDuration"):
        assume(aws, DurationSeconds=3601)
    aws.call("iam", "update_role", RoleName="Trainer", MaxSessionDuration=7200)
    assert assume(aws, DurationSeconds=7200)["Credentials"]


def test_session_policy(aws):
    less = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    read = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    answer = assume(aws, Policy=json.dumps(less), PolicyArns=[{"arn": read}])
    assert 0 < answer["PackedPolicySize"] < 100
    with pytest.raises(AwsError, match="PackedPolicyTooLarge"):
        assume(aws, Policy=json.dumps(less) + " " * 2048)
    with pytest.raises(AwsError, match="NoSuchEntity"):
        assume(aws, PolicyArns=[{"arn": "arn:aws:iam::111122223333:policy/None"}])
    for bad in ("{", "[]", TRUST):
        with pytest.raises(AwsError, match="MalformedPolicyDocument"):
            assume(aws, Policy=bad)


def test_session_and_federation_tokens(aws):
    session = aws.call("sts", "get_session_token")["Credentials"]
    assert session["Expiration"] == int(aws.clock.now()) + 43_200
    for call, members in (("get_session_token", {}), ("get_federation_token", {"Name": "bob"})):
        with pytest.raises(AwsError, match="session credentials"):
            aws.call("sts", call, access_key=session["AccessKeyId"], **members)
    answer = aws.call("sts", "get_federation_token", Name="bob")
    assert answer["FederatedUser"] == {
        "FederatedUserId": "111122223333:bob",
        "Arn": "arn:aws:sts::111122223333:federated-user/bob",
    }
    caller = aws.call("sts", "get_caller_identity", access_key=answer["Credentials"]["AccessKeyId"])
    assert caller["Arn"] == answer["FederatedUser"]["Arn"]


def token(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.sig"


def test_web_identity(aws):
    def call(text):
        return aws.call(
            "sts",
            "assume_role_with_web_identity",
            RoleArn=ROLE,
            RoleSessionName="pod",
            WebIdentityToken=text,
        )

    now = int(aws.clock.now())
    answer = call(token(sub="system:pod", iss="https://issuer", aud=["sts.amazonaws.com"], exp=now + 60))
    assert answer["SubjectFromWebIdentityToken"] == "system:pod"
    assert (answer["Provider"], answer["Audience"]) == ("https://issuer", "sts.amazonaws.com")
    assert answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/Trainer/pod")
    with pytest.raises(AwsError, match="ExpiredTokenException"):
        call(token(sub="s", iss="i", exp=now))
    for bad in ("abcd", "a.b.c", token(iss="i"), "e30.W10.x"):
        with pytest.raises(AwsError, match="InvalidIdentityToken"):
            call(bad)
