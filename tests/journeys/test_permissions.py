"""Where signatures are checked: what users may do is what their policies say, in every service."""

from __future__ import annotations

import json
import time
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sagewright.testing.server import running_server

ROOT = ("rootkey", "root-secret-0123456789")
EVENT = {"timestamp": 0, "message": "x"}
LOGS = ("AccessDeniedException", 400)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = {"SAGEWRIGHT_ROOT_ACCESS_KEY": ROOT[0], "SAGEWRIGHT_ROOT_SECRET_KEY": ROOT[1]}
    with running_server(tmp_path_factory.mktemp("permissions"), SAGEWRIGHT_AUTH="signature", **settings) as server:
        yield server


@pytest.fixture
def client(server):
    made = []

    def make(service, keys=ROOT):
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        one = boto3.client(
            service,
            endpoint_url=server.url,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 0}),
            **dict(zip(names, keys, strict=False)),
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def user(client):
    """A user's name, ARN and keys, as root makes them."""
    iam = client("iam")
    name = f"u{uuid.uuid4().hex[:12]}"
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, arn, (key["AccessKeyId"], key["SecretAccessKey"])


def may(client, name, *statements):
    client("iam").put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))


def refused(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


def test_a_user_may_what_its_policies_say(client, user):
    name, arn, keys = user
    assert client("sts", keys).get_caller_identity()["Arn"] == arn
    iam = client("iam", keys)
    words = f"User: {arn} is not authorized to perform: iam:ListUsers on resource: * because no identity-based policy "
    assert refused(iam.list_users) == ("AccessDenied", 403, words + "allows the iam:ListUsers action")
    assert refused(iam.put_user_policy, UserName=name, PolicyName="x", PolicyDocument=document(allow("*")))[1] == 403
    may(client, name, allow("iam:List*"))
    assert name in [one["UserName"] for one in iam.list_users()["Users"]]
    assert refused(client("ecr", keys).create_repository, repositoryName="mine")[:2] == ("AccessDeniedException", 400)


def test_a_key_is_its_policys_and_its_grants(client, user):
    name, arn, keys = user
    root, mine = client("kms"), client("kms", keys)
    key = root.create_key()["KeyMetadata"]["Arn"]
    code, status, words = refused(mine.encrypt, KeyId=key, Plaintext=b"x")
    assert (code, status) == ("AccessDeniedException", 400)
    assert f"{arn} is not authorized to perform: kms:Encrypt on resource: {key}" in words
    may(client, name, allow("kms:Encrypt", resource=key))
    blob = mine.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert refused(mine.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"
    grant = root.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"])["GrantId"]
    assert mine.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    root.revoke_grant(KeyId=key, GrantId=grant)
    assert refused(mine.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_a_session_of_a_role(client, user):
    name, arn, keys = user
    iam, sts = client("iam"), client("sts", keys)
    trust = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    other = {**trust, "Principal": {"AWS": "arn:aws:iam::000000000000:user/somebody-else"}}
    role = iam.create_role(RoleName=f"r{name}", AssumeRolePolicyDocument=document(other))["Role"]["Arn"]
    asked = {"RoleArn": role, "RoleSessionName": "night"}
    words = f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    assert refused(sts.assume_role, **asked) == ("AccessDenied", 403, words)
    iam.update_assume_role_policy(RoleName=f"r{name}", PolicyDocument=document(trust))
    iam.put_role_policy(RoleName=f"r{name}", PolicyName="p", PolicyDocument=document(allow("iam:Get*", "iam:List*")))

    def session(**members):
        found = sts.assume_role(**asked, **members)["Credentials"]
        return client("iam", (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]))

    assert session().get_user(UserName=name)["User"]["Arn"] == arn
    less = session(Policy=document(allow("iam:ListUsers")))
    assert less.list_users()["Users"]
    assert "because no session policy allows the iam:GetUser action" in refused(less.get_user, UserName=name)[2]


def test_sse_kms_asks_the_keys_policy_for_the_caller(client, user):
    name, _, keys = user
    root, bucket = client("s3"), f"b-{uuid.uuid4().hex[:20]}"
    root.create_bucket(Bucket=bucket)
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    root.put_object(Bucket=bucket, Key="k", Body=b"secret", **encryption)
    may(client, name, allow("s3:*"))
    mine = client("s3", keys)
    assert refused(mine.get_object, Bucket=bucket, Key="k")[:2] == ("AccessDenied", 403)
    through = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    may(client, name, allow("s3:*"), allow("kms:Decrypt", resource=key, Condition=through))
    assert mine.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"
    assert refused(mine.put_object, Bucket=bucket, Key="l", Body=b"x", **encryption)[:2] == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("service", "call", "members", "prefix", "refusal"),
    [
        ("cloudwatch", "list_metrics", {}, "cloudwatch", ("AccessDenied", 403)),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["x"]}, "cloudwatch", ("AccessDenied", 403)),
        ("ecr", "describe_repositories", {}, "ecr", ("AccessDeniedException", 400)),
        ("iam", "list_users", {}, "iam", ("AccessDenied", 403)),
        ("kms", "list_keys", {}, "kms", ("AccessDeniedException", 400)),
        ("logs", "describe_log_groups", {}, "logs", LOGS),
        ("logs", "put_log_events", {"logGroupName": "g", "logStreamName": "s", "logEvents": [EVENT]}, "logs", LOGS),
        ("s3", "list_buckets", {}, "s3", ("AccessDenied", 403)),
        ("sagemaker", "list_training_jobs", {}, "sagemaker", ("AccessDeniedException", 400)),
        (
            "sagemaker-runtime",
            "invoke_endpoint",
            {"EndpointName": "x", "Body": b""},
            "sagemaker",
            ("AccessDeniedException", 403),
        ),
        ("sts", "get_federation_token", {"Name": "fed"}, "sts", ("AccessDenied", 403)),
    ],
)
def test_every_service_asks(client, user, service, call, members, prefix, refusal):
    """A user without a policy is refused; one with all of the service's actions is not."""
    name, arn, keys = user
    ask = getattr(client(service, keys), call)
    code, status, words = refused(ask, **members)
    assert (code, status) == refusal
    assert f"{arn} is not authorized to perform: {prefix}:" in words
    may(client, name, allow(f"{prefix}:*"))
    found = "found"
    try:
        ask(**members)
    except ClientError as error:
        found = error.response["Error"]["Code"]
    assert found in ("found", "ResourceNotFound", "ResourceNotFoundException", "ValidationError")


def test_log_groups_are_resources(client, user):
    name, _, keys = user
    mine, root = client("logs", keys), client("logs")
    prefix = "arn:aws:logs:us-east-1:000000000000:log-group:"
    root.create_log_group(logGroupName=f"other-{name}")
    may(client, name, allow("logs:*", resource=f"{prefix}own-{name}:*"))
    mine.create_log_group(logGroupName=f"own-{name}")
    mine.create_log_stream(logGroupName=f"own-{name}", logStreamName="s")
    now = int(time.time() * 1000)
    sent = {"logStreamName": "s", "logEvents": [{"timestamp": now, "message": "hello"}]}
    mine.put_log_events(logGroupName=f"own-{name}", **sent)
    assert mine.filter_log_events(logGroupIdentifier=f"{prefix}own-{name}")["events"]
    assert mine.get_log_events(logGroupName=f"own-{name}", logStreamName="s")["events"]
    for call, more in ((mine.put_log_events, sent), (mine.filter_log_events, {}), (mine.delete_log_group, {})):
        words = refused(call, logGroupName=f"other-{name}", **more)[2]
        assert f"on resource: {prefix}other-{name}:log-stream:" in words
    assert refused(mine.tag_log_group, logGroupName=f"own-{name}", tags={"a": "b"})[0] == "AccessDeniedException"
    may(client, name, allow("logs:TagLogGroup", resource=f"{prefix}own-{name}"))
    mine.tag_log_group(logGroupName=f"own-{name}", tags={"a": "b"})


def test_metrics_of_one_namespace(client, user):
    name, _, keys = user
    mine = client("cloudwatch", keys)
    only = {"StringEquals": {"cloudwatch:namespace": "Mine"}}
    may(client, name, allow("cloudwatch:PutMetricData", Condition=only))
    data = [{"MetricName": "m", "Value": 1.0}]
    mine.put_metric_data(Namespace="Mine", MetricData=data)
    assert refused(mine.put_metric_data, Namespace="Other", MetricData=data)[:2] == ("AccessDenied", 403)
    alarm = f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}"
    may(client, name, allow("cloudwatch:DescribeAlarms", resource=alarm))
    assert not mine.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert "on resource: arn:aws:cloudwatch:us-east-1:000000000000:alarm:*" in refused(mine.describe_alarms)[2]
