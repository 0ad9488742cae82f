"""Models and endpoint configurations: kept, checked, listed, tagged."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_world import IMAGE, ROLE, World, make_model, variant

from sagewright.core.errors import AwsError


def refused(world: World, operation: str, **members: Any) -> str:
    with pytest.raises(AwsError) as caught:
        world.call(operation, **members)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def test_a_model_is_kept(world: World) -> None:
    arn = make_model(world)["ModelArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:model/model"
    shown = world.call("describe_model", ModelName="model")
    assert shown["ModelArn"] == arn
    assert shown["PrimaryContainer"] == {
        "Mode": "SingleModel",
        "Image": IMAGE,
        "ModelDataUrl": "s3://bucket/model.tar.gz",
        "Environment": {"E": "1"},
    }
    assert shown["ExecutionRoleArn"] == ROLE
    assert shown["EnableNetworkIsolation"] is False
    assert shown["CreationTime"] == world.clock.now()
    assert refused(world, "create_model", ModelName="model", PrimaryContainer={"Image": IMAGE}) == (
        f'Cannot create already existing model "{arn}".'
    )
    world.call("delete_model", ModelName="model")
    assert refused(world, "describe_model", ModelName="model") == f'Could not find model "{arn}".'


def test_model_data_must_be_there(world: World) -> None:
    lost = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/lost.tar.gz"}
    message = refused(world, "create_model", ModelName="m", PrimaryContainer=lost)
    assert message == "Could not find model data at s3://bucket/lost.tar.gz."

    def source(uri: str) -> dict[str, Any]:
        place = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
        return {"Image": IMAGE, "ModelDataSource": {"S3DataSource": place}}

    message = refused(world, "create_model", ModelName="m", PrimaryContainer=source("s3://bucket/no/"))
    assert message == "Could not find model data at s3://bucket/no/."
    world.call("create_model", ModelName="m", PrimaryContainer=source("s3://bucket/plain/"))


def test_an_unknown_image_is_no_matter_for_the_model(world: World) -> None:
    world.call("create_model", ModelName="m", PrimaryContainer={"Image": "some/image:1"})


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"Containers": [{"Image": "a"}, {"Image": "b"}]}, "several containers"),
        ({"PrimaryContainer": {"Image": "a", "Mode": "MultiModel"}}, "multi-model"),
        ({"PrimaryContainer": {"ModelPackageName": "a"}}, "model packages"),
        ({}, "PrimaryContainer"),
        ({"PrimaryContainer": {}}, "Image"),
    ],
)
def test_models_that_are_refused(world: World, members: dict[str, Any], words: str) -> None:
    assert words in refused(world, "create_model", ModelName="m", **members)
    assert world.call("list_models")["Models"] == []


def test_an_endpoint_config_is_kept(world: World) -> None:
    make_model(world)
    arn = world.call(
        "create_endpoint_config",
        EndpointConfigName="config",
        ProductionVariants=[variant()],
        DataCaptureConfig={"EnableCapture": False},
        Tags=[{"Key": "a", "Value": "b"}],
    )["EndpointConfigArn"]
    shown = world.call("describe_endpoint_config", EndpointConfigName="config")
    assert shown["EndpointConfigArn"] == arn
    assert shown["ProductionVariants"] == [{**variant(), "InitialVariantWeight": 1.0}]
    assert world.call("list_tags", ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    world.call("delete_endpoint_config", EndpointConfigName="config")
    assert refused(world, "describe_endpoint_config", EndpointConfigName="config") == (
        f'Could not find endpoint configuration "{arn}".'
    )
    assert "not found" in refused(world, "list_tags", ResourceArn=arn)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ProductionVariants": [variant(model="none")]}, 'Could not find model "arn:aws:sagemaker'),
        ({"ProductionVariants": [variant(), variant()]}, "Duplicate VariantName AllTraffic"),
        ({"ProductionVariants": [{"VariantName": "v", "ModelName": "model"}]}, "InstanceType"),
        (
            {
                "ProductionVariants": [
                    {
                        "VariantName": "v",
                        "ModelName": "model",
                        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                    }
                ]
            },
            "serverless",
        ),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, "asynchronous"),
        ({"DataCaptureConfig": {"EnableCapture": True}}, "data capture"),
        ({"ShadowProductionVariants": [variant("shadow")]}, "shadow"),
    ],
)
def test_configs_that_are_refused(world: World, changes: dict[str, Any], words: str) -> None:
    make_model(world)
    request = {"EndpointConfigName": "c", "ProductionVariants": [variant()], **changes}
    assert words in refused(world, "create_endpoint_config", **request)


def test_lists(world: World) -> None:
    for number in range(12):
        make_model(world, f"model-{number:02}")
        world.clock.advance(1)
    newest_first = [model["ModelName"] for model in world.call("list_models")["Models"]]
    assert newest_first == [f"model-{number:02}" for number in range(11, 1, -1)]
    by_name = world.call("list_models", SortBy="Name", SortOrder="Ascending", MaxResults=3)
    assert [model["ModelName"] for model in by_name["Models"]] == ["model-00", "model-01", "model-02"]
    rest = world.call("list_models", NextToken=world.call("list_models")["NextToken"])
    assert [model["ModelName"] for model in rest["Models"]] == ["model-01", "model-00"]
    assert [m["ModelName"] for m in world.call("list_models", NameContains="-07")["Models"]] == ["model-07"]


def test_tags(world: World) -> None:
    arn = make_model(world)["ModelArn"]
    world.call("add_tags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    world.call("delete_tags", ResourceArn=arn, TagKeys=["a"])
    assert world.call("list_tags", ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    other = arn.replace("model/model", "model/none")
    assert "not found" in refused(world, "add_tags", ResourceArn=other, Tags=[{"Key": "a", "Value": "1"}])
