"""InvokeEndpoint over a store and instances that answer in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sagewright.core.clock import FakeClock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, Services
from sagewright.services.cloudwatch import cloudwatch
from sagewright.services.sagemaker_runtime import Meters, Routes, sagemaker_runtime
from sagewright.services.sagemaker_runtime.connection import ConnectionLost, Reply
from sagewright.services.sagemaker_runtime.routes import ENDPOINTS, Instance
from sagewright.store import Space, Store
from sagewright.wire import models
from sagewright.wire.client import Clients, Target

SPACE = Space(ENDPOINTS, "000000000000", "us-east-1")
OK = Reply(200, {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "a=b"}, b"0.5")


def routes_of(*variants: tuple[str, float, list[str]]) -> dict[str, Any]:
    return {
        "routes": {
            "variants": [
                {"name": name, "weight": weight, "instances": [{"id": each, "address": each} for each in instances]}
                for name, weight, instances in variants
            ]
        }
    }


class World:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.store = Store(folder, self.clock)
        self.routes = Routes(self.store)
        self.asked: list[tuple[str, bytes, bytes]] = []
        self.answer: Callable[[str], Reply] = lambda instance: OK
        clients = Clients(self.call)
        self.meters = Meters(clients, self.clock)
        service = sagemaker_runtime(self.routes, self.meters, self.clock)
        metrics = cloudwatch(self.store, self.clock)
        self.services = Services.of(service, metrics)
        self.clients = clients

    async def call(self, to: Target, name: str, members: dict[str, Any]) -> dict[str, Any]:
        operation = models.operation_name(to.service, name)
        return await self.services(Context(to.account, to.region, to.service, operation, "id", self.clients, members))

    async def invoke(self, **members: Any) -> dict[str, Any]:
        """Instances met for the first time get the pool that answers here."""
        self.routes.endpoint(*SPACE[1:3], members["EndpointName"])
        for instance in self.routes._instances.values():
            instance.pool.post = self._post(instance)  # type: ignore[method-assign]
        return await self.call(Target("sagemaker-runtime", *SPACE[1:3]), "invoke_endpoint", {"Body": b"1,2", **members})

    def _post(self, instance: Instance) -> Callable[..., Awaitable[Reply]]:
        async def post(path: str, headers: bytes, body: bytes, timeout: float) -> Reply:
            assert (path, timeout) == ("/invocations", 60.0)
            self.asked.append((instance.id, headers, body))
            self.clock.advance(0.004)
            return self.answer(instance.id)

        return post


def run(tmp_path: Path, scene: Callable[[World], Awaitable[None]]) -> None:
    async def play() -> None:
        world = World(tmp_path)
        await scene(world)
        await world.routes.close()
        world.store.close()

    asyncio.run(play())


def test_a_request_and_its_answer(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        world.store.documents.insert(SPACE, "e", routes_of(("AllTraffic", 1.0, ["i-1"])), status="InService")
        answer = await world.invoke(
            EndpointName="e", ContentType="text/csv", Accept="text/plain", CustomAttributes="a=b", InferenceId="7"
        )
        assert answer == {
            "Body": b"0.5",
            "ContentType": "text/csv",
            "CustomAttributes": "a=b",
            "InvokedProductionVariant": "AllTraffic",
        }
        assert world.asked == [
            (
                "i-1",
                b"Content-Type: text/csv\r\nAccept: text/plain\r\nX-Amzn-SageMaker-Custom-Attributes: a=b\r\n"
                b"X-Amzn-SageMaker-Inference-Id: 7\r\n",
                b"1,2",
            )
        ]

    run(tmp_path, scene)


def test_weights_targets_and_turns(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        body = routes_of(("a", 1.0, ["a-1", "a-2", "a-3"]), ("b", 3.0, ["b-1"]), ("c", 0.0, ["c-1"]))
        world.store.documents.insert(SPACE, "e", body, status="InService")
        for _ in range(400):
            await world.invoke(EndpointName="e")
        shares = Counter(instance[0] for instance, _, _ in world.asked)
        assert 240 < shares["b"] < 360
        assert shares["c"] == 0
        turns = Counter(instance for instance, _, _ in world.asked if instance[0] == "a")
        assert max(turns.values()) - min(turns.values()) <= 1
        answer = await world.invoke(EndpointName="e", TargetVariant="c")
        assert answer["InvokedProductionVariant"] == "c"
        endpoint = world.routes.endpoint(*SPACE[1:3], "e")
        assert endpoint is not None
        first, second, third = endpoint.by_name["a"].instances
        first.pool.outstanding, third.pool.outstanding = 5, 2
        assert {endpoint.by_name["a"].instance() for _ in range(6)} == {second}

    run(tmp_path, scene)


def test_a_change_of_the_document_changes_the_routes(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        document = world.store.documents.insert(SPACE, "e", routes_of(("v", 1.0, ["i-1"])), status="InService")
        await world.invoke(EndpointName="e")
        old = world.routes._instances["i-1"]
        old.pool.outstanding = 1
        world.store.documents.update(document, body=routes_of(("v", 1.0, ["i-2"])))
        await asyncio.sleep(0.01)
        await world.invoke(EndpointName="e")
        assert [instance for instance, _, _ in world.asked] == ["i-1", "i-2"]
        assert old.pool.closed
        assert world.routes.outstanding("i-1") == 1, "a request is still under way there"
        world.store.documents.delete(SPACE, "e")
        await asyncio.sleep(0.01)
        with pytest.raises(AwsError, match="not found"):
            await world.invoke(EndpointName="e")

    run(tmp_path, scene)


async def fails(world: World, **members: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        await world.invoke(**members)
    return caught.value


def test_requests_that_reach_no_container(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        documents = world.store.documents
        documents.insert(SPACE, "e", routes_of(("v", 1.0, ["i-1"])), status="InService")
        documents.insert(SPACE, "none", routes_of(("v", 1.0, [])), status="InService")
        documents.insert(SPACE, "new", routes_of(), status="Creating")
        for name in ("new", "unknown"):
            error = await fails(world, EndpointName=name)
            assert (error.code, error.message) == (
                "ValidationError",
                f"Endpoint {name} of account 000000000000 not found.",
            )
        assert (await fails(world, EndpointName="none")).code == "ServiceUnavailable"
        for wrong in ({"TargetVariant": "w"}, {"TargetModel": "m.tar.gz"}, {"Accept": "a\r\nX-Evil: 1"}):
            assert (await fails(world, EndpointName="e", **wrong)).code == "ValidationError"
        assert world.asked == []

    run(tmp_path, scene)


def test_errors_of_the_container(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        world.store.documents.insert(SPACE, "e", routes_of(("v", 1.0, ["i-1"])), status="InService")
        world.answer = lambda instance: Reply(415, {}, b"unsupported")
        error = await fails(world, EndpointName="e")
        assert (error.code, error.status) == ("ModelError", 424)
        assert error.members == {
            "OriginalStatusCode": 415,
            "OriginalMessage": "unsupported",
            "LogStreamArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/e",
        }
        assert error.message == (
            'Received client error (415) from primary with message "unsupported". See '
            "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group="
            "/aws/sagemaker/Endpoints/e in account 000000000000 for more information."
        )

        def lost(instance: str) -> Reply:
            raise ConnectionLost(unanswered=True)

        world.answer = lost
        assert (await fails(world, EndpointName="e")).members["OriginalStatusCode"] == 0

        def late(instance: str) -> Reply:
            raise TimeoutError

        world.answer = late
        message = (await fails(world, EndpointName="e")).message
        assert message.startswith('Received server error (0) from primary with message "Your invocation timed out')

    run(tmp_path, scene)


def test_metrics(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        world.store.documents.insert(SPACE, "e", routes_of(("v", 1.0, ["i-1"])), status="InService")
        for status in (200, 200, 200, 404, 500):
            world.answer = lambda instance, status=status: Reply(status, {}, b"")  # type: ignore[misc]
            try:
                await world.invoke(EndpointName="e")
            except AwsError:
                assert status >= 400
        await world.meters.flush()
        await world.meters.flush()
        now = datetime.fromtimestamp(world.clock.now(), UTC)

        async def read(name: str, statistic: str) -> float:
            answer = await world.call(
                Target("cloudwatch", *SPACE[1:3]),
                "get_metric_statistics",
                {
                    "Namespace": "AWS/SageMaker",
                    "MetricName": name,
                    "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
                    "StartTime": now - timedelta(minutes=5),
                    "EndTime": now + timedelta(minutes=5),
                    "Period": 60,
                    "Statistics": [statistic],
                },
            )
            (point,) = answer["Datapoints"]
            return float(point[statistic])

        assert await read("Invocations", "Sum") == 5
        assert await read("Invocation4XXErrors", "Sum") == 1
        assert await read("Invocation5XXErrors", "Sum") == 1
        assert await read("Invocation4XXErrors", "Average") == pytest.approx(0.2)
        assert await read("ModelLatency", "Average") == pytest.approx(4000, rel=1e-3)

    run(tmp_path, scene)
