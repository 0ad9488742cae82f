"""Endpoints over the fake backend: creation, updates, replacement, deletion, restarts of the server."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_world import ACCOUNT, IMAGE, REGION, World, deploy, make_model, variant

from sagewright.core.errors import AwsError
from sagewright.runtime.fake import Script
from sagewright.runtime.observation import Failure
from sagewright.runtime.workload import Workload
from sagewright.store import Space

GROUP = "/aws/sagemaker/Endpoints/endpoint"


def describe(world: World, name: str = "endpoint") -> dict[str, Any]:
    return world.call("describe_endpoint", EndpointName=name)


def status(world: World, name: str = "endpoint") -> str:
    return str(describe(world, name)["EndpointStatus"])


def routes(world: World, name: str = "endpoint") -> dict[str, tuple[float, list[str]]]:
    """Weight and addresses by variant, as the runtime service reads them."""
    document = world.store.documents.get(Space("sagemaker:endpoint", ACCOUNT, REGION), name)
    assert document is not None
    return {
        each["name"]: (each["weight"], [instance["address"] for instance in each["instances"]])
        for each in document.body["routes"]["variants"]
    }


def workloads(world: World) -> list[Workload]:
    return [run.workload for run in world.runs.values()]


def test_an_endpoint_comes_into_service(world: World) -> None:
    world.script = lambda workload: Script(downloading=1, starting=2, logs=((0.5, "listening"),))
    deploy(world)
    created = describe(world)
    assert created["EndpointStatus"] == "Creating"
    assert created["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    world.run(1)
    assert routes(world) == {}
    world.run(5)
    shown = describe(world)
    assert shown["EndpointStatus"] == "InService"
    assert shown["EndpointConfigName"] == "endpoint"
    (summary,) = shown["ProductionVariants"]
    assert (summary["CurrentWeight"], summary["DesiredWeight"]) == (1.0, 1.0)
    assert (summary["CurrentInstanceCount"], summary["DesiredInstanceCount"]) == (1, 1)
    assert summary["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    (work,) = workloads(world)
    assert routes(world) == {"AllTraffic": (1.0, [work.address])}
    assert work.kind == "service"
    assert work.model_data == "s3://bucket/model.tar.gz"
    assert work.command[1:] == ("-m", "algorithm", "serve")
    assert work.env["E"] == "1"
    assert work.env["SAGEWRIGHT_IMAGE"] == IMAGE
    assert "listening" in world.log(GROUP, "AllTraffic/i-")


def test_failures_are_in_sagemakers_words(world: World) -> None:
    causes = {
        "endpoint": Script(failure=Failure("ClientError", "It ended 3 times, exit code: 1"), starting=1),
    }
    world.script = lambda workload: causes["endpoint"]
    deploy(world)
    world.run(3)
    shown = describe(world)
    assert shown["EndpointStatus"] == "Failed"
    assert shown["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert "exit code: 1" in shown["FailureReason"]
    assert not world.runs
    with pytest.raises(AwsError, match="Cannot update failed endpoint"):
        world.call("update_endpoint", EndpointName="endpoint", EndpointConfigName="endpoint")
    world.call("delete_endpoint", EndpointName="endpoint")
    world.run(1)
    with pytest.raises(AwsError, match="Could not find endpoint"):
        describe(world)


def test_an_unknown_image(world: World) -> None:
    make_model(world, Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1")
    deploy(world)
    world.run(2)
    shown = describe(world)
    assert shown["EndpointStatus"] == "Failed"
    assert (
        "Please make sure all images included in the model for the production variant AllTraffic exist"
        in (shown["FailureReason"])
    )
    assert "sagemaker-xgboost" in shown["FailureReason"]


def test_an_update_has_no_downtime(world: World) -> None:
    world.script = lambda workload: Script(starting=3)
    deploy(world)
    world.run(5)
    (before,) = workloads(world)
    make_model(world, "better", Environment={"E": "2"})
    world.call("create_endpoint_config", EndpointConfigName="next", ProductionVariants=[variant(model="better")])
    world.call("update_endpoint", EndpointName="endpoint", EndpointConfigName="next")
    assert status(world) == "Updating"
    with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
        world.call("update_endpoint", EndpointName="endpoint", EndpointConfigName="next")
    with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
        world.call("delete_endpoint", EndpointName="endpoint")
    instance = before.id.rpartition("-i-")[2]
    world.busy[f"i-{instance}"] = 1
    world.run(2)
    shown = describe(world)
    assert shown["PendingDeploymentSummary"]["EndpointConfigName"] == "next"
    assert shown["EndpointConfigName"] == "endpoint"
    assert routes(world)["AllTraffic"][1] == [before.address], "the old fleet serves until the new one can"
    world.run(4)
    shown = describe(world)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "next")
    after = next(work for work in workloads(world) if work.id != before.id)
    assert after.env["E"] == "2"
    assert routes(world)["AllTraffic"][1] == [after.address]
    world.run(5)
    assert before.id in world.runs, "a request is still under way there"
    world.busy.clear()
    world.run(2)
    assert [work.id for work in workloads(world)] == [after.id]


def test_a_failed_update_leaves_the_old_fleet_in_service(world: World) -> None:
    deploy(world)
    world.run(2)
    (before,) = workloads(world)
    world.script = lambda workload: Script(starting=1, failure=Failure("ClientError", "no"))
    world.call("create_endpoint_config", EndpointConfigName="next", ProductionVariants=[variant("Other")])
    world.call("update_endpoint", EndpointName="endpoint", EndpointConfigName="next")
    world.run(5)
    shown = describe(world)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "endpoint")
    assert "production variant Other" in shown["FailureReason"]
    assert routes(world) == {"AllTraffic": (1.0, [before.address])}
    assert [work.id for work in workloads(world)] == [before.id]


def test_retained_variant_properties(world: World) -> None:
    deploy(world, "endpoint", variant("a", InitialInstanceCount=2), variant("b", InitialVariantWeight=3.0))
    world.run(2)
    world.call(
        "create_endpoint_config",
        EndpointConfigName="next",
        ProductionVariants=[variant("a"), variant("b", InitialVariantWeight=9.0)],
    )
    world.call(
        "update_endpoint",
        EndpointName="endpoint",
        EndpointConfigName="next",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    world.run(3)
    shown = {each["VariantName"]: each for each in describe(world)["ProductionVariants"]}
    assert (shown["a"]["CurrentInstanceCount"], shown["b"]["CurrentWeight"]) == (2, 9.0)


def test_weights_and_capacities(world: World) -> None:
    world.script = lambda workload: Script(starting=2)
    deploy(world, "endpoint", variant("a"), variant("b"))
    world.run(4)
    change = [
        {"VariantName": "a", "DesiredWeight": 0.25},
        {"VariantName": "b", "DesiredWeight": 0.75, "DesiredInstanceCount": 3},
    ]
    world.call("update_endpoint_weights_and_capacities", EndpointName="endpoint", DesiredWeightsAndCapacities=change)
    world.run(1)
    assert status(world) == "Updating"
    assert routes(world)["a"][0] == 1.0
    world.run(5)
    assert status(world) == "InService"
    assert (routes(world)["a"][0], routes(world)["b"][0], len(routes(world)["b"][1])) == (0.25, 0.75, 3)
    fewer = [{"VariantName": "b", "DesiredInstanceCount": 1}]
    world.call("update_endpoint_weights_and_capacities", EndpointName="endpoint", DesiredWeightsAndCapacities=fewer)
    world.run(5)
    assert len(workloads(world)) == 2
    with pytest.raises(AwsError, match='Could not find variant "c"'):
        world.call(
            "update_endpoint_weights_and_capacities",
            EndpointName="endpoint",
            DesiredWeightsAndCapacities=[{"VariantName": "c", "DesiredWeight": 1}],
        )


def test_more_capacity_that_does_not_come_up(world: World) -> None:
    deploy(world)
    world.run(2)
    world.script = lambda workload: Script(failure=Failure("ClientError", "no"))
    more = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    world.call("update_endpoint_weights_and_capacities", EndpointName="endpoint", DesiredWeightsAndCapacities=more)
    world.run(3)
    shown = describe(world)
    assert shown["EndpointStatus"] == "InService"
    assert "ping health check" in shown["FailureReason"]
    assert shown["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    assert len(workloads(world)) == 1


def test_a_dead_instance_is_replaced(world: World) -> None:
    deploy(world, "endpoint", variant(InitialInstanceCount=2))
    world.run(2)
    lost, kept = workloads(world)
    del world.runs[lost.id]
    world.run(3)
    assert status(world) == "InService"
    addresses = routes(world)["AllTraffic"][1]
    assert len(addresses) == 2
    assert kept.address in addresses
    assert lost.id not in {work.id for work in workloads(world)}


def test_an_instance_that_never_comes_up_again_is_tried_with_pauses(world: World) -> None:
    deploy(world)
    world.run(2)
    world.script = lambda workload: Script(failure=Failure("ClientError", "no"))
    launches = []
    launch = world.backend.launch
    world.backend.launch = lambda work: (launches.append(work.id), launch(work))[1]  # type: ignore[method-assign]
    world.runs.clear()
    world.run(60)
    assert status(world) == "InService"
    assert routes(world)["AllTraffic"][1] == []
    assert 3 <= len(launches) <= 8


def test_deletion(world: World) -> None:
    deploy(world)
    world.run(2)
    world.call("delete_endpoint", EndpointName="endpoint")
    assert status(world) == "Deleting"
    assert routes(world) == {}
    world.run(2)
    with pytest.raises(AwsError, match=r'^ValidationException: Could not find endpoint "arn:.*endpoint/endpoint"\.$'):
        describe(world)
    assert not world.runs
    deploy_again = {"EndpointName": "endpoint", "EndpointConfigName": "endpoint"}
    world.call("create_endpoint", **deploy_again)
    world.run(2)
    assert status(world) == "InService"


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.5, 4.0])
def test_a_killed_server_finds_its_instances_again(world: World, moment: float) -> None:
    world.script = lambda workload: Script(
        downloading=1, starting=2, logs=tuple((n / 5, f"line {n}") for n in range(9))
    )
    deploy(world)
    world.run(moment)
    before = set(world.runs)
    world.kill()
    world.start()
    world.run(6)
    assert status(world) == "InService"
    assert set(world.runs) >= before
    assert len(world.runs) == 1, "no instance was launched twice"
    assert [line for line in world.log(GROUP) if line.startswith("line")] == [f"line {n}" for n in range(9)]


def test_names_and_configs(world: World) -> None:
    with pytest.raises(AwsError, match="Could not find endpoint configuration"):
        world.call("create_endpoint", EndpointName="e", EndpointConfigName="none")
    deploy(world)
    with pytest.raises(AwsError, match="Cannot create already existing endpoint"):
        world.call("create_endpoint", EndpointName="endpoint", EndpointConfigName="endpoint")
    canary = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 0}}}
    with pytest.raises(AwsError, match="CANARY"):
        world.call("create_endpoint", EndpointName="e", EndpointConfigName="endpoint", DeploymentConfig=canary)
    assert [each["EndpointName"] for each in world.call("list_endpoints")["Endpoints"]] == ["endpoint"]
    assert world.call("list_endpoints", StatusEquals="InService")["Endpoints"] == []
