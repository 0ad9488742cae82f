"""Who may do what with file systems: EFS's and FSx's guards, and SageMaker's condition keys about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Service, operation
from sagewright.services.efs import efs
from sagewright.services.fsx import fsx
from sagewright.services.iam import iam
from sagewright.services.sagemaker.guard import sagemaker_guard

ACCOUNT, REGION = "111122223333", "eu-west-1"
EFS = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}"
FSX = f"arn:aws:fsx:{REGION}:{ACCOUNT}"
SYSTEM, POINT = "fs-0123456789abcdef0", "fsap-0123456789abcdef0"


class _Training:
    """An operation that would do whatever is asked."""

    @operation()
    def create_training_job(self, ctx: Any, **members: Any) -> None: ...


def user(services: Any, *statements: dict[str, Any]) -> Principal:
    """Ana, who may what the statements say."""
    services.add(iam, efs, fsx, lambda store, clock: Service("sagemaker", _Training(), guard=sagemaker_guard()))
    made = services.call("iam", "create_user", UserName="ana")["User"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        services.call("iam", "put_user_policy", UserName="ana", PolicyName="own", PolicyDocument=document)
    return Principal("user", ACCOUNT, made["Arn"], made["UserId"], source=made["Arn"])


CASES = [
    ("efs", "describe_file_systems", {}, "elasticfilesystem:DescribeFileSystems on resource: *"),
    (
        "efs",
        "delete_file_system",
        {"FileSystemId": SYSTEM},
        f"DeleteFileSystem on resource: {EFS}:file-system/{SYSTEM}",
    ),
    ("efs", "tag_resource", {"ResourceId": POINT, "Tags": []}, f"TagResource on resource: {EFS}:access-point/{POINT}"),
    (
        "efs",
        "delete_file_system",
        {"FileSystemId": f"{EFS}:file-system/{SYSTEM}"},
        f"DeleteFileSystem on resource: {EFS}:file-system/{SYSTEM}",
    ),
    ("fsx", "describe_file_systems", {}, "fsx:DescribeFileSystems on resource: *"),
    (
        "fsx",
        "describe_file_systems",
        {"FileSystemIds": [SYSTEM]},
        f"fsx:DescribeFileSystems on resource: {FSX}:file-system/{SYSTEM}",
    ),
    (
        "fsx",
        "delete_data_repository_association",
        {"AssociationId": "dra-0123456789abcdef0"},
        f"DeleteDataRepositoryAssociation on resource: {FSX}:association/*/dra-0123456789abcdef0",
    ),
    ("fsx", "list_tags_for_resource", {"ResourceARN": f"{FSX}:file-system/{SYSTEM}"}, "fsx:ListTagsForResource on"),
]


@pytest.mark.parametrize(("service", "name", "members", "words"), CASES)
def test_actions_and_resources(in_process: Any, service: str, name: str, members: Any, words: str) -> None:
    with pytest.raises(AwsError) as caught:
        in_process.call(service, name, principal=user(in_process), **members)
    assert (caught.value.code, caught.value.status) == ("AccessDeniedException", 403 if service == "efs" else 400)
    assert words in caught.value.message


def test_what_is_allowed(in_process: Any) -> None:
    actions = ["elasticfilesystem:CreateFileSystem", "elasticfilesystem:Describe*", "fsx:DescribeFileSystems"]
    ana = user(in_process, {"Effect": "Allow", "Action": actions, "Resource": "*"})
    made = in_process.call("efs", "create_file_system", principal=ana, CreationToken="t")["FileSystemId"]
    in_process.call("efs", "describe_file_systems", principal=ana, FileSystemId=made)
    in_process.call("fsx", "describe_file_systems", principal=ana)
    with pytest.raises(AwsError, match="elasticfilesystem:DeleteFileSystem"):
        in_process.call("efs", "delete_file_system", principal=ana, FileSystemId=made)


def test_training_jobs_may_be_limited_to_file_systems(in_process: Any) -> None:
    condition = {"ForAllValues:StringEquals": {"sagemaker:FileSystemId": [SYSTEM]}}
    ana = user(
        in_process,
        {"Effect": "Allow", "Action": "sagemaker:CreateTrainingJob", "Resource": "*", "Condition": condition},
    )

    def create(*systems: str) -> None:
        channels = [
            {
                "ChannelName": "train",
                "DataSource": {
                    "FileSystemDataSource": {
                        "FileSystemId": system,
                        "FileSystemType": "EFS",
                        "DirectoryPath": "/",
                        "FileSystemAccessMode": "ro",
                    }
                },
            }
            for system in systems
        ]
        members = {"TrainingJobName": "x", "InputDataConfig": channels}
        in_process.call("sagemaker", "create_training_job", principal=ana, **members)

    create(SYSTEM)
    for systems in (("fs-99999999",), (SYSTEM, "fs-99999999")):
        with pytest.raises(AwsError, match="sagemaker:CreateTrainingJob"):
            create(*systems)
