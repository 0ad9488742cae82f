from __future__ import annotations

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FileSystem
from sagewright.services.efs import efs

OWN = "fs-0123456789abcdef0"
SUBNET = "subnet-01234567"


@pytest.fixture
def call(in_process):
    in_process.add(efs)
    return lambda operation, **members: in_process.call("efs", operation, **members)


@pytest.fixture
def data(in_process):
    return in_process.store.folder


@pytest.fixture
def system(call):
    """The id of a new file system."""
    return call("create_file_system", CreationToken="t", Tags=[{"Key": "Name", "Value": "mine"}])["FileSystemId"]


@pytest.fixture
def registered(data, tmp_path):
    """The id of a registered folder with a file of 5 bytes in it."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a").write_bytes(b"12345")
    file_systems.register(data, FileSystem(OWN, "EFS", str(tmp_path / "own"), registered=5))
    return OWN


def refused(code, status, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert (error.value.code, error.value.status) == (code, status)
    assert error.value.members["ErrorCode"] == code
    return error.value


def test_a_file_system_is_a_folder(call, data, system):
    made = call("create_file_system", CreationToken="other", Encrypted=True)
    assert made["LifeCycleState"] == "creating"
    assert made["FileSystemArn"] == (
        f"arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/{made['FileSystemId']}"
    )
    folder = data / "filesystems" / system
    (folder / "d").mkdir()
    (folder / "d" / "x").write_bytes(b"123")
    (found,) = call("describe_file_systems", FileSystemId=system)["FileSystems"]
    assert (found["LifeCycleState"], found["Name"], found["SizeInBytes"]["Value"]) == ("available", "mine", 3)
    by_arn = call("describe_file_systems", FileSystemId=made["FileSystemArn"])["FileSystems"]
    assert [each["Encrypted"] for each in by_arn] == [True]
    assert call("describe_file_systems", CreationToken="t")["FileSystems"] == [found]
    call("delete_file_system", FileSystemId=system)
    assert not folder.exists()
    error = refused("FileSystemNotFound", 404, call, "describe_file_systems", FileSystemId=system)
    assert error.message == f"File system '{system}' does not exist."


def test_a_token_makes_one(call, system):
    error = refused("FileSystemAlreadyExists", 409, call, "create_file_system", CreationToken="t")
    assert error.members["FileSystemId"] == system
    assert len(call("describe_file_systems")["FileSystems"]) == 1


def test_throughput(call, system):
    refused("BadRequest", 400, call, "create_file_system", CreationToken="p", ThroughputMode="provisioned")
    refused("BadRequest", 400, call, "create_file_system", CreationToken="p", ProvisionedThroughputInMibps=5.0)
    call("update_file_system", FileSystemId=system, ThroughputMode="provisioned", ProvisionedThroughputInMibps=5.0)
    found = call("describe_file_systems")["FileSystems"][0]
    assert (found["ThroughputMode"], found["ProvisionedThroughputInMibps"]) == ("provisioned", 5.0)
    assert "ProvisionedThroughputInMibps" not in call(
        "update_file_system", FileSystemId=system, ThroughputMode="elastic"
    )


def test_lists_in_pages(call):
    made = [call("create_file_system", CreationToken=f"t{number}")["FileSystemId"] for number in range(5)]
    found, marker = [], None
    while True:
        more = {"Marker": marker} if marker else {}
        page = call("describe_file_systems", MaxItems=2, **more)
        found += [each["FileSystemId"] for each in page["FileSystems"]]
        assert len(page["FileSystems"]) <= 2
        marker = page["NextMarker"]
        if marker is None:
            break
    assert sorted(found) == sorted(made)
    with pytest.raises(AwsError, match="Invalid NextToken"):
        call("describe_file_systems", Marker="what")


def test_mount_targets(call, system):
    made = call("create_mount_target", FileSystemId=system, SubnetId=SUBNET, SecurityGroups=["sg-01234567"])
    assert made["LifeCycleState"] == "creating"
    assert "SecurityGroups" not in made
    refused("MountTargetConflict", 409, call, "create_mount_target", FileSystemId=system, SubnetId=SUBNET)
    (found,) = call("describe_mount_targets", FileSystemId=system)["MountTargets"]
    assert (found["LifeCycleState"], found["MountTargetId"]) == ("available", made["MountTargetId"])
    target = made["MountTargetId"]
    assert call("describe_mount_targets", MountTargetId=target)["MountTargets"] == [found]
    assert call("describe_mount_target_security_groups", MountTargetId=target)["SecurityGroups"] == ["sg-01234567"]
    call("modify_mount_target_security_groups", MountTargetId=target, SecurityGroups=["sg-11111111"])
    assert call("describe_mount_target_security_groups", MountTargetId=target)["SecurityGroups"] == ["sg-11111111"]
    assert call("describe_file_systems")["FileSystems"][0]["NumberOfMountTargets"] == 1
    refused("FileSystemInUse", 409, call, "delete_file_system", FileSystemId=system)
    call("delete_mount_target", MountTargetId=target)
    refused("MountTargetNotFound", 404, call, "delete_mount_target", MountTargetId=target)
    refused("BadRequest", 400, call, "describe_mount_targets")
    refused("FileSystemNotFound", 404, call, "create_mount_target", FileSystemId="fs-01234567", SubnetId=SUBNET)
    call("delete_file_system", FileSystemId=system)


def test_access_points_go_with_their_file_system(call, system):
    user = {"Uid": 1, "Gid": 2}
    made = call("create_access_point", ClientToken="c", FileSystemId=system, PosixUser=user)
    refused("AccessPointAlreadyExists", 409, call, "create_access_point", ClientToken="c", FileSystemId=system)
    (found,) = call("describe_access_points", FileSystemId=system)["AccessPoints"]
    assert (found["PosixUser"], found["RootDirectory"], found["LifeCycleState"]) == (user, {"Path": "/"}, "available")
    call("create_mount_target", FileSystemId=system, SubnetId=SUBNET)
    (target,) = call("describe_mount_targets", AccessPointId=made["AccessPointId"])["MountTargets"]
    call("delete_mount_target", MountTargetId=target["MountTargetId"])
    call("delete_file_system", FileSystemId=system)
    refused("AccessPointNotFound", 404, call, "describe_access_points", AccessPointId=made["AccessPointId"])


def test_tags(call, system):
    point = call("create_access_point", ClientToken="c", FileSystemId=system)["AccessPointId"]
    for resource in (system, point):
        call("tag_resource", ResourceId=resource, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        call("untag_resource", ResourceId=resource, TagKeys=["a"])
        assert {"Key": "b", "Value": "2"} in call("list_tags_for_resource", ResourceId=resource)["Tags"]
    assert call("describe_file_systems")["FileSystems"][0]["Name"] == "mine"
    refused("AccessPointNotFound", 404, call, "tag_resource", ResourceId="fsap-01234567", Tags=[])


def test_registered_folders_are_shown(call, system, registered, tmp_path):
    found = {each["FileSystemId"]: each for each in call("describe_file_systems")["FileSystems"]}
    assert set(found) == {system, registered}
    shown = found[registered]
    assert (shown["LifeCycleState"], shown["SizeInBytes"]["Value"], shown["CreationTime"]) == ("available", 5, 5)
    assert call("describe_file_systems", FileSystemId=registered)["FileSystems"][0]["FileSystemId"] == registered
    call("create_mount_target", FileSystemId=registered, SubnetId=SUBNET)
    for operation in ("delete_file_system", "update_file_system"):
        assert "sagewright filesystem" in refused("BadRequest", 400, call, operation, FileSystemId=registered).message
    assert (tmp_path / "own" / "a").exists()
    (tmp_path / "own").rename(tmp_path / "elsewhere")
    assert call("describe_file_systems", FileSystemId=registered)["FileSystems"][0]["LifeCycleState"] == "error"
