"""STS, IAM, CloudWatch Logs and CloudWatch as boto3 and the AWS CLI use them, against a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"


@pytest.fixture
def client(sagewright_server):
    made = []

    def make(service, key="test", secret="test", token=None, **config):
        one = boto3.client(
            service,
            endpoint_url=sagewright_server.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}, **config),
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def name():
    return f"around-{uuid.uuid4().hex[:8]}"


def error_of(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response


def test_the_caller_is_a_session_of_a_role_that_exists(client):
    caller = client("sts").get_caller_identity()
    assert caller["Account"] == "000000000000"
    assert caller["Arn"] == "arn:aws:sts::000000000000:assumed-role/SageMakerExecutionRole/sagewright"
    role = client("iam").get_role(RoleName="SageMakerExecutionRole")["Role"]
    assert role["Arn"] == "arn:aws:iam::000000000000:role/SageMakerExecutionRole"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert client("sts", "444455556666").get_caller_identity()["Account"] == "444455556666"


def test_a_role_is_assumed_and_its_keys_say_who_they_are(client, name):
    iam = client("iam")
    role = iam.create_role(RoleName=name, Path="/ml/", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    answer = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="night", DurationSeconds=900)
    keys = answer["Credentials"]
    left = keys["Expiration"] - datetime.now(UTC)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)
    session = client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert session.get_caller_identity()["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/night"
    assert session.get_caller_identity()["UserId"] == f"{role['RoleId']}:night"
    other = client("sts").assume_role(RoleArn="arn:aws:iam::999988887777:role/Elsewhere", RoleSessionName="day")
    assert (
        client("sts").get_access_key_info(AccessKeyId=other["Credentials"]["AccessKeyId"])["Account"] == "999988887777"
    )
    refused = error_of(client("sts").assume_role, RoleArn="arn:aws:iam::1:role/nonsense", RoleSessionName="xy")
    assert refused["Error"]["Code"] == "ValidationError"


def test_the_life_of_a_role(client, name):
    iam = client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{"Key": "a", "Value": "1"}])
    again = error_of(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    assert (again["Error"]["Code"], again["ResponseMetadata"]["HTTPStatusCode"]) == ("EntityAlreadyExists", 409)
    iam.attach_role_policy(RoleName=name, PolicyArn=FULL_ACCESS)
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(POLICY))
    assert iam.get_role_policy(RoleName=name, PolicyName="own")["PolicyDocument"] == POLICY
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": FULL_ACCESS}]
    assert error_of(iam.delete_role, RoleName=name)["Error"]["Code"] == "DeleteConflict"
    iam.detach_role_policy(RoleName=name, PolicyArn=FULL_ACCESS)
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    assert iam.get_role(RoleName=name)["Role"]["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.get_waiter("role_exists").wait(RoleName=name)
    iam.delete_role(RoleName=name)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="cannot be found"):
        iam.get_role(RoleName=name)
    bad = error_of(iam.create_role, RoleName=name, AssumeRolePolicyDocument="{")
    assert bad["Error"]["Code"] == "MalformedPolicyDocument"


def test_roles_and_policies_are_paged(client, name):
    iam = client("iam", "555566667777")
    for number in range(5):
        iam.create_role(RoleName=f"{name}-{number}", Path=f"/{name}/", AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = iam.get_paginator("list_roles").paginate(PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2})
    sizes = [len(page["Roles"]) for page in pages]
    assert sizes == [2, 2, 1]
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(POLICY), SetAsDefault=True)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == POLICY
    local = iam.get_paginator("list_policies").paginate(Scope="Local").build_full_result()["Policies"]
    assert [(one["Arn"], one["DefaultVersionId"]) for one in local] == [(arn, "v2")]


def test_a_users_key(client, name):
    iam = client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    caller = client("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:iam::000000000000:user/{name}"


def put_lines(logs, group, stream, lines, at):
    events = [{"timestamp": at, "message": line} for line in lines]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_logs_are_followed_while_they_are_written(client, name):
    logs = client("logs")
    group, stream = f"/journeys/{name}", "job/algo-1-1"
    assert error_of(logs.describe_log_streams, logGroupName=group)["Error"]["Code"] == "ResourceNotFoundException"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    now, read, token = int(time.time() * 1000), [], {}
    for batch in range(4):
        put_lines(logs, group, stream, [f"{batch}.{number}" for number in range(3)], now)
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        read += [event["message"] for event in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}
    end = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
    assert (end["events"], end["nextForwardToken"]) == ([], token["nextToken"])
    assert read == [f"{batch}.{number}" for batch in range(4) for number in range(3)]
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="job/", orderBy="LogStreamName", limit=1)
    assert "nextToken" not in found
    assert found["logStreams"][0]["lastEventTimestamp"] == now


def test_logs_are_searched_over_streams(client, name):
    logs = client("logs")
    group, now = f"/journeys/{name}", int(time.time() * 1000)
    logs.create_log_group(logGroupName=group, tags={"team": "a"})
    for number in range(3):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{number}")
        put_lines(
            logs, group, f"s{number}", [f"plain {number}", json.dumps({"level": "ERROR", "n": number})], now + number
        )
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern='{ $.level = "ERROR" && $.n > 0 }', PaginationConfig={"PageSize": 1}
    )
    found = [json.loads(event["message"])["n"] for page in pages for event in page["events"]]
    assert found == [1, 2]
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    shown = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert shown["retentionInDays"] == 7
    assert logs.list_tags_for_resource(resourceArn=shown["logGroupArn"])["tags"] == {"team": "a"}
    late = [{"timestamp": now - 20 * 86_400_000, "message": "old"}]
    answer = logs.put_log_events(logGroupName=group, logStreamName="s0", logEvents=late)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 1} or answer[
        "rejectedLogEventsInfo"
    ] == {"tooOldLogEventEndIndex": 1}
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_metrics_in_and_out(client, name):
    cloudwatch = client("cloudwatch")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    dimensions = [{"Name": "TrainingJobName", "Value": name}]
    data = [
        {
            "MetricName": "loss",
            "Dimensions": dimensions,
            "Timestamp": start + timedelta(minutes=step),
            "Value": 1.0 / (step + 1),
            "Unit": "None",
        }
        for step in range(5)
    ]
    cloudwatch.put_metric_data(Namespace=f"journeys/{name}", MetricData=data)
    cloudwatch.put_metric_data(
        Namespace=f"journeys/{name}",
        MetricData=[{"MetricName": "hits", "Values": [1.0, 5.0], "Counts": [3.0, 1.0], "Timestamp": start}],
    )
    listed = cloudwatch.get_paginator("list_metrics").paginate(Namespace=f"journeys/{name}").build_full_result()
    assert [metric["MetricName"] for metric in listed["Metrics"]] == ["hits", "loss"]
    points = cloudwatch.get_metric_statistics(
        Namespace=f"journeys/{name}",
        MetricName="loss",
        Dimensions=dimensions,
        StartTime=start,
        EndTime=start + timedelta(minutes=5),
        Period=60,
        Statistics=["Average"],
    )["Datapoints"]
    by_time = [point["Average"] for point in sorted(points, key=lambda point: point["Timestamp"])]
    assert by_time == pytest.approx([1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    query = {
        "Id": "loss",
        "ReturnData": False,
        "MetricStat": {
            "Metric": {"Namespace": f"journeys/{name}", "MetricName": "loss", "Dimensions": dimensions},
            "Period": 60,
            "Stat": "Average",
        },
    }
    result = cloudwatch.get_metric_data(
        MetricDataQueries=[query, {"Id": "inverse", "Expression": "1 / loss", "Label": "last ${LAST}"}],
        StartTime=start,
        EndTime=start + timedelta(minutes=5),
        ScanBy="TimestampAscending",
    )["MetricDataResults"][0]
    assert result["Values"] == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0])
    assert result["Timestamps"][0] == start
    assert (result["Label"], result["StatusCode"]) == ("last 5", "Complete")


def test_what_cloudwatch_refuses(client, name):
    cloudwatch = client("cloudwatch")
    datum = {"MetricName": "m", "Value": 1.0}
    refused = error_of(cloudwatch.put_metric_data, Namespace="AWS/Mine", MetricData=[datum])
    assert refused["Error"]["Code"] in ("InvalidParameterValue", "InvalidParameterValueException")
    old = {**datum, "Timestamp": datetime.now(UTC) - timedelta(days=15)}
    with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException, match="past two weeks"):
        cloudwatch.put_metric_data(Namespace=name, MetricData=[old])
    lacking = error_of(cloudwatch.put_dashboard, DashboardName=name, DashboardBody="{}")
    assert lacking["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_everything_outlives_the_server(tmp_path, name):
    from sagewright.testing.server import running_server

    with running_server(tmp_path / "data") as server:
        known = {
            "endpoint_url": server.url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        iam, logs = boto3.client("iam", **known), boto3.client("logs", **known)
        sts, cloudwatch = boto3.client("sts", **known), boto3.client("cloudwatch", **known)
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="before")["Credentials"]
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="s")
        put_lines(logs, name, "s", ["kept"], int(time.time() * 1000))
        cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 1.0}])
        server.kill()
        server.start()
        assert iam.get_role(RoleName=name)["Role"]["Arn"] == arn
        assert logs.get_log_events(logGroupName=name, logStreamName="s")["events"][0]["message"] == "kept"
        assert cloudwatch.list_metrics(Namespace=name)["Metrics"][0]["MetricName"] == "m"
        session = boto3.client(
            "sts",
            **{
                **known,
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            },
        )
        assert session.get_caller_identity()["Arn"].endswith(f"assumed-role/{name}/before")
        for one in (iam, logs, sts, cloudwatch, session):
            one.close()


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not on the PATH")
def test_the_aws_cli(sagewright_server, name):
    def aws(*arguments):
        done = subprocess.run(
            ["aws", *arguments, "--output", "json"],
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": sagewright_server.url,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
    role = aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", json.dumps(TRUST))
    assert role["Role"]["RoleName"] == name
    datum = "MetricName=m,Value=3,Unit=Count"
    assert aws("cloudwatch", "put-metric-data", "--namespace", name, "--metric-data", datum) is None
    assert aws("cloudwatch", "list-metrics", "--namespace", name)["Metrics"][0]["MetricName"] == "m"
