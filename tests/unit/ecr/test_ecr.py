from __future__ import annotations

import base64
import hashlib
import json

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal, identity
from sagewright.services.ecr import ecr
from sagewright.services.iam import iam

ACCOUNT, OTHER = "111122223333", "999988887777"
AWS = {"registryId": "141502667606", "repositoryName": "sagemaker-xgboost"}  # AWS's registry in eu-west-1
PULL = ["ecr:BatchGetImage", "ecr:DescribeImages"]


@pytest.fixture
def aws(in_process):
    return in_process.add(ecr, iam)


@pytest.fixture
def call(aws):
    return lambda operation, **members: aws.call("ecr", operation, **members)


@pytest.fixture
def repository(call):
    return call("create_repository", repositoryName="team/app", tags=[{"Key": "a", "Value": "1"}])["repository"]


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert (error.value.code, error.value.status) == (code, 400)
    return error.value.message


def test_repositories(call, repository):
    arn = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app"
    assert repository["repositoryArn"] == arn
    assert repository["repositoryUri"] == "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app"
    words = refused("RepositoryAlreadyExistsException", call, "create_repository", repositoryName="team/app")
    assert words == "The repository with name 'team/app' already exists in the registry with id '111122223333'"
    for name in ("UPPER", "a", "a//b", "-a"):
        refused("InvalidParameterException", call, "create_repository", repositoryName=name)
    assert call("describe_repositories")["repositories"] == [repository]
    assert call("describe_repositories", repositoryNames=["team/app"])["repositories"] == [repository]
    assert call("list_tags_for_resource", resourceArn=arn)["tags"] == [{"Key": "a", "Value": "1"}]
    call("tag_resource", resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    call("untag_resource", resourceArn=arn, tagKeys=["a"])
    assert call("list_tags_for_resource", resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    call("put_image_tag_mutability", repositoryName="team/app", imageTagMutability="IMMUTABLE")
    assert call("describe_repositories")["repositories"][0]["imageTagMutability"] == "IMMUTABLE"
    assert call("delete_repository", repositoryName="team/app")["repository"]["repositoryArn"] == arn
    words = refused("RepositoryNotFoundException", call, "list_images", repositoryName="team/app")
    assert words == "The repository with name 'team/app' does not exist in the registry with id '111122223333'"
    refused("RepositoryNotFoundException", call, "list_tags_for_resource", resourceArn=arn)


def test_repositories_are_paged(call):
    for number in range(5):
        call("create_repository", repositoryName=f"r{number}")
    names, token = [], {}
    for _ in range(3):
        page = call("describe_repositories", maxResults=2, **token)
        names += [one["repositoryName"] for one in page["repositories"]]
        token = {"nextToken": page["nextToken"]}
    assert (names, page["nextToken"]) == (["r0", "r1", "r2", "r3", "r4"], None)
    refused("InvalidParameterException", call, "describe_repositories", nextToken="nonsense")


def test_a_repository_made_here_is_empty_and_takes_no_push(call, repository):
    name = {"repositoryName": "team/app"}
    assert call("list_images", **name)["imageIds"] == []
    assert call("describe_images", **name)["imageDetails"] == []
    refused("ImageNotFoundException", call, "describe_images", **name, imageIds=[{"imageTag": "latest"}])
    (failure,) = call("batch_get_image", **name, imageIds=[{"imageTag": "latest"}])["failures"]
    assert failure["failureCode"] == "ImageNotFound"
    for operation in ("initiate_layer_upload", "put_image", "get_download_url_for_layer"):
        with pytest.raises(AwsError) as error:
            call(operation, **name)
        assert error.value.status == 501


def test_images_of_aws_that_run_here(call):
    (image,) = call("describe_images", **AWS)["imageDetails"]
    assert {"1.7-1", "1.5-1"} <= set(image["imageTags"])
    listed = call("list_images", **AWS, maxResults=1000)["imageIds"]
    assert {one["imageTag"] for one in listed} == set(image["imageTags"])
    assert {one["imageDigest"] for one in listed} == {image["imageDigest"]}
    asked = [{"imageTag": "1.7-1"}, {"imageDigest": image["imageDigest"]}, {"imageTag": "none"}, {}]
    answer = call("batch_get_image", **AWS, imageIds=asked)
    for one in answer["images"]:
        digest = hashlib.sha256(one["imageManifest"].encode()).hexdigest()
        assert one["imageId"]["imageDigest"] == image["imageDigest"] == f"sha256:{digest}"
    assert [one["failureCode"] for one in answer["failures"]] == ["ImageNotFound", "MissingDigestAndTag"]
    manifest = json.loads(answer["images"][0]["imageManifest"])
    config = base64.b64decode(manifest["config"]["data"])
    assert manifest["config"]["digest"] == f"sha256:{hashlib.sha256(config).hexdigest()}"
    assert "train" in json.loads(config)["command"]
    to_come = call("describe_images", **AWS, imageIds=[{"imageTag": "3.9-1"}])["imageDetails"][0]
    assert "3.9-1" in to_come["imageTags"]


def test_repositories_of_aws_are_read_only_and_elsewhere_in_other_regions(call):
    found = call("describe_repositories", registryId=AWS["registryId"])["repositories"]
    assert "sagemaker-xgboost" in [one["repositoryName"] for one in found]
    for operation in ("delete_repository", "get_repository_policy"):
        refused("AccessDeniedException", call, operation, **AWS)
    elsewhere = {**AWS, "registryId": "683313688378"}  # us-east-1
    refused("RepositoryNotFoundException", call, "describe_images", **elsewhere)


def test_the_token_is_a_session_of_the_caller(aws, call):
    (data,) = call("get_authorization_token")["authorizationData"]
    assert data["proxyEndpoint"] == "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    assert data["expiresAt"] == int(aws.clock.now()) + 12 * 3600
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    key, _, token = base64.b64decode(password).decode().partition(":")
    assert (user, key[:4], bool(token)) == ("AWS", "ASIA", True)
    assert identity(aws.store, key, aws.clock.now()).account == ACCOUNT
    with pytest.raises(AwsError, match="ExpiredToken"):
        identity(aws.store, key, data["expiresAt"])


def test_policies(call, repository):
    name = {"repositoryName": "team/app"}
    refused("RepositoryPolicyNotFoundException", call, "get_repository_policy", **name)
    statement = {"Sid": "a b", "Effect": "Allow", "Principal": "*", "Action": PULL}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    call("set_repository_policy", **name, policyText=text)
    assert call("get_repository_policy", **name)["policyText"] == text
    assert call("delete_repository_policy", **name)["policyText"] == text
    refused("RepositoryPolicyNotFoundException", call, "delete_repository_policy", **name)
    refused("InvalidParameterException", call, "set_repository_policy", **name, policyText="{}")
    rule = {"rulePriority": 1, "selection": {"tagStatus": "any"}, "action": {"type": "expire"}}
    text = json.dumps({"rules": [rule]})
    call("put_lifecycle_policy", **name, lifecyclePolicyText=text)
    assert call("get_lifecycle_policy", **name)["lifecyclePolicyText"] == text
    for bad in ("{", "[]", '{"rules": []}', '{"rules": [{}]}', json.dumps({"rules": [rule, rule]})):
        refused("InvalidParameterException", call, "put_lifecycle_policy", **name, lifecyclePolicyText=bad)
    call("delete_lifecycle_policy", **name)
    refused("LifecyclePolicyNotFoundException", call, "get_lifecycle_policy", **name)
    assert set(call("describe_repositories")["repositories"][0]) == set(repository)


def allowed(aws, account, *actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.call("iam", "put_user_policy", account=account, UserName="ann", PolicyName="p", PolicyDocument=text)


def test_who_may(aws, call, repository):
    near, far = (Principal("user", account, f"arn:aws:iam::{account}:user/ann", "AIDA") for account in (ACCOUNT, OTHER))
    for account in (ACCOUNT, OTHER):
        aws.call("iam", "create_user", account=account, UserName="ann")
    name = {"repositoryName": "team/app", "registryId": ACCOUNT}
    words = refused("AccessDeniedException", call, "describe_images", principal=near, **name)
    assert words == (
        f"User: {near.arn} is not authorized to perform: ecr:DescribeImages on resource: {repository['repositoryArn']} "
        "because no identity-based policy allows the ecr:DescribeImages action"
    )
    for account in (ACCOUNT, OTHER):
        allowed(aws, account, "ecr:*")
    assert call("describe_images", principal=near, **name)["imageDetails"] == []
    refused("AccessDeniedException", call, "describe_images", principal=far, account=OTHER, **name)
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": PULL}
    call("set_repository_policy", **name, policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert call("describe_images", principal=far, account=OTHER, **name)["imageDetails"] == []
    refused("AccessDeniedException", call, "delete_repository", principal=far, account=OTHER, **name)
    assert call("describe_images", principal=far, account=OTHER, **AWS)["imageDetails"]
    with pytest.raises(AwsError, match="MissingAuthenticationToken"):
        call("get_authorization_token", principal=Principal("anonymous"))
