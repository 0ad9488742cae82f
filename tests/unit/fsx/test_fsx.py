from __future__ import annotations

import pytest

from sagewright.core.errors import AwsError
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FileSystem
from sagewright.kit.operation import Service, operation
from sagewright.services.fsx import fsx

OWN = "fs-0123456789abcdef0"
ACCOUNT, REGION = "111122223333", "eu-west-1"
REQUEST = {"FileSystemType": "LUSTRE", "StorageCapacity": 1200, "SubnetIds": ["subnet-01234567"]}


class Buckets:
    """The part of S3 that FSx asks."""

    @operation()
    def head_bucket(self, ctx, bucket):
        if bucket != "there":
            raise AwsError("404", "Not Found", 404)


@pytest.fixture
def call(in_process):
    in_process.add(fsx, lambda store, clock: Service("s3", Buckets()))
    return lambda name, **members: in_process.call("fsx", name, **members)


@pytest.fixture
def store(in_process):
    return in_process.store


def made(call, kind="SCRATCH_2", **lustre):
    configuration = {"DeploymentType": kind, **lustre}
    return call("create_file_system", **REQUEST, LustreConfiguration=configuration)["FileSystem"]


def refused(code, call, operation, **members):
    with pytest.raises(AwsError) as error:
        call(operation, **members)
    assert error.value.code == code
    return error.value.message


def test_a_file_system_is_a_folder(call, store):
    system = call("create_file_system", **REQUEST, Tags=[{"Key": "a", "Value": "1"}])["FileSystem"]
    name = system["FileSystemId"]
    assert (system["Lifecycle"], system["LustreConfiguration"]["MountName"]) == ("CREATING", "fsx")
    assert system["ResourceARN"] == f"arn:aws:fsx:{REGION}:{ACCOUNT}:file-system/{name}"
    (found,) = call("describe_file_systems")["FileSystems"]
    assert found == {**system, "Lifecycle": "AVAILABLE"}
    assert call("describe_file_systems", FileSystemIds=[name])["FileSystems"] == [found]
    folder = store.folder / "filesystems" / name
    (folder / "x").write_text("x")
    assert call("delete_file_system", FileSystemId=name)["Lifecycle"] == "DELETING"
    assert not folder.exists()
    words = refused("FileSystemNotFound", call, "describe_file_systems", FileSystemIds=[name])
    assert words == f"File system '{name}' does not exist."


def test_a_token_makes_one(call):
    first = call("create_file_system", **REQUEST, ClientRequestToken="t")["FileSystem"]["FileSystemId"]
    assert call("create_file_system", **REQUEST, ClientRequestToken="t")["FileSystem"]["FileSystemId"] == first
    other = {**REQUEST, "StorageCapacity": 2400}
    refused("IncompatibleParameterError", call, "create_file_system", **other, ClientRequestToken="t")


def test_an_import_path_keeps_whole_keys(call, store):
    system = made(call, ImportPath="s3://there/team/data")
    repository = system["LustreConfiguration"]["DataRepositoryConfiguration"]
    assert repository["ImportPath"] == "s3://there/team/data"
    assert repository["ExportPath"].startswith("s3://there/FSxLustre")
    assert len(system["LustreConfiguration"]["MountName"]) == 8
    found = file_systems.find(store, ACCOUNT, REGION, system["FileSystemId"])
    assert found.links == {"team/data": "s3://there/team/data"}
    assert found.mount_name == system["LustreConfiguration"]["MountName"]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("BadRequest", {"StorageCapacity": None}),
        ("BadRequest", {"StorageCapacity": 1300}),
        ("BadRequest", {"SubnetIds": ["subnet-01234567", "subnet-11111111"]}),
        ("InvalidImportPath", {"LustreConfiguration": {"ImportPath": "s3://nobodys"}}),
        ("InvalidImportPath", {"LustreConfiguration": {"ImportPath": "there/x"}}),
        ("InvalidExportPath", {"LustreConfiguration": {"ExportPath": "s3://there/x"}}),
        (
            "InvalidExportPath",
            {"LustreConfiguration": {"ImportPath": "s3://there", "ExportPath": "s3://other/x"}},
        ),
        ("BadRequest", {"LustreConfiguration": {"DeploymentType": "PERSISTENT_2", "ImportPath": "s3://there"}}),
        ("NotImplemented", {"FileSystemType": "WINDOWS"}),
    ],
)
def test_what_is_refused(call, code, changes):
    request = {name: value for name, value in {**REQUEST, **changes}.items() if value is not None}
    refused(code, call, "create_file_system", **request)
    assert call("describe_file_systems")["FileSystems"] == []


def test_associations(call, store):
    system = made(call)["FileSystemId"]
    place = {"FileSystemId": system, "FileSystemPath": "/ns1/", "DataRepositoryPath": "s3://there/data"}
    link = call("create_data_repository_association", **place)["Association"]
    assert (link["Lifecycle"], link["FileSystemPath"]) == ("CREATING", "/ns1")
    assert file_systems.find(store, ACCOUNT, REGION, system).links == {"ns1": "s3://there/data"}
    asked = {"Filters": [{"Name": "file-system-id", "Values": [system]}]}
    (found,) = call("describe_data_repository_associations", **asked)["Associations"]
    assert found == {**link, "Lifecycle": "AVAILABLE"}
    asked["Filters"][0]["Values"] = ["fs-01234567"]
    assert call("describe_data_repository_associations", **asked)["Associations"] == []
    for path in ("/ns1", "/ns1/sub", "/"):
        words = refused("BadRequest", call, "create_data_repository_association", **{**place, "FileSystemPath": path})
        assert "overlaps" in words
    for path in ("ns2", "/../x", "/a//b"):
        words = refused("BadRequest", call, "create_data_repository_association", **{**place, "FileSystemPath": path})
        assert "it must be a path from the root" in words
    elsewhere = {**place, "FileSystemPath": "/x", "DataRepositoryPath": "s3://nobodys"}
    refused("BadRequest", call, "create_data_repository_association", **elsewhere)
    export = {"S3": {"AutoExportPolicy": {"Events": ["NEW"]}}, "FileSystemPath": "/x"}
    refused("UnsupportedOperation", call, "create_data_repository_association", **{**place, **export})
    folder = store.folder / "filesystems" / system / "ns1"
    folder.mkdir()
    call("delete_data_repository_association", AssociationId=link["AssociationId"], DeleteDataInFileSystem=True)
    assert not folder.exists()
    assert file_systems.find(store, ACCOUNT, REGION, system).links == {}
    asked = {"AssociationIds": [link["AssociationId"]]}
    refused("DataRepositoryAssociationNotFound", call, "describe_data_repository_associations", **asked)


def test_associations_are_not_for_all(call):
    system = made(call, "SCRATCH_1")["FileSystemId"]
    place = {"FileSystemId": system, "FileSystemPath": "/x", "DataRepositoryPath": "s3://there"}
    refused("UnsupportedOperation", call, "create_data_repository_association", **place)
    other = made(call)["FileSystemId"]
    for number in range(8):
        where = {**place, "FileSystemId": other, "FileSystemPath": f"/{number}"}
        call("create_data_repository_association", **where)
    where = {**place, "FileSystemId": other, "FileSystemPath": "/8"}
    refused("ServiceLimitExceeded", call, "create_data_repository_association", **where)
    call("delete_file_system", FileSystemId=other)
    assert call("describe_data_repository_associations")["Associations"] == []


def test_tags(call):
    system = made(call)
    place = {"FileSystemId": system["FileSystemId"], "FileSystemPath": "/x", "DataRepositoryPath": "s3://there"}
    link = call("create_data_repository_association", **place)["Association"]
    for arn in (system["ResourceARN"], link["ResourceARN"]):
        call("tag_resource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}])
        assert call("list_tags_for_resource", ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
        call("untag_resource", ResourceARN=arn, TagKeys=["a"])
        assert call("list_tags_for_resource", ResourceARN=arn)["Tags"] is None
        refused("ResourceNotFound", call, "list_tags_for_resource", ResourceARN=f"{arn}0")


def test_registered_folders_are_shown(call, store, tmp_path):
    system = FileSystem(OWN, "FSxLustre", str(tmp_path), "abcdbev", {"": "s3://there/x"}, registered=5)
    file_systems.register(store.folder, system)
    file_systems.register(store.folder, FileSystem("fs-11111111", "EFS", str(tmp_path)))
    (found,) = call("describe_file_systems")["FileSystems"]
    assert (found["FileSystemId"], found["Lifecycle"]) == (OWN, "AVAILABLE")
    assert found["LustreConfiguration"]["MountName"] == "abcdbev"
    assert found["LustreConfiguration"]["DataRepositoryConfiguration"]["ImportPath"] == "s3://there/x"
    assert "sagewright filesystem" in refused("BadRequest", call, "delete_file_system", FileSystemId=OWN)
