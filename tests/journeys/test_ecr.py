"""ECR as boto3 uses it: a repository of one's own, AWS's images that run here, a password for docker."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ecr(sagewright_server):
    client = sagewright_server.client("ecr")
    yield client
    client.close()


def test_a_repository(ecr):
    name = f"team/{uuid.uuid4().hex}"
    made = ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})["repository"]
    assert made["repositoryUri"] == f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{name}"
    assert datetime.now(UTC) - made["createdAt"] < timedelta(minutes=1)
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1})
    assert name in [one["repositoryName"] for page in pages for one in page["repositories"]]
    assert ecr.list_images(repositoryName=name)["imageIds"] == []
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "latest"}])
    with pytest.raises(ClientError) as error:
        ecr.initiate_layer_upload(repositoryName=name)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    ecr.delete_repository(repositoryName=name)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException, match="does not exist in the registry"):
        ecr.describe_images(repositoryName=name)


def test_aws_images_that_run_here(ecr):
    where = {"registryId": "683313688378", "repositoryName": "sagemaker-xgboost"}
    (image,) = ecr.get_paginator("describe_images").paginate(**where).build_full_result()["imageDetails"]
    assert "1.7-1" in image["imageTags"]
    (got,) = ecr.batch_get_image(**where, imageIds=[{"imageTag": "1.7-1"}])["images"]
    assert got["imageId"]["imageDigest"] == image["imageDigest"]
    with pytest.raises(ClientError) as error:
        ecr.delete_repository(**where)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_password(sagewright_server, ecr):
    (data,) = ecr.get_authorization_token()["authorizationData"]
    left = data["expiresAt"] - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    key, _, token = base64.b64decode(password).decode().partition(":")
    sts = sagewright_server.client("sts", key, aws_session_token=token)
    assert (user, sts.get_caller_identity()["Account"]) == ("AWS", "000000000000")
    sts.close()
