"""Images of one's own: a program in a container of a real engine, and the same as a registered command."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import own_image
import pytest
from sagemaker_journey import GROUP, ROLE, Journey, journey

from clients.command import SAGEWRIGHT, clean_environment

pytestmark = pytest.mark.slow

REGISTERED = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1"


def sagewright(trip: Journey, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*SAGEWRIGHT, *words, "--data-dir", str(trip.server.data_dir)]
    return subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)


def filled(trip: Journey) -> Journey:
    trip.s3.create_bucket(Bucket="journey")
    trip.s3.put_object(Bucket="journey", Key="train/rows.csv", Body=b"1\n2\n3\n")
    return trip


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """A server of which the program is a registered command."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.py").write_text(own_image.PROGRAM)
    with journey(tmp_path_factory.mktemp("server"), SAGEWRIGHT_ENGINE="off") as made:
        words = ["image", "register", "mine:1", "--command", "python3 program.py", "--env", "BAKED=yes"]
        done = sagewright(made, *words, "--folder", str(folder))
        assert done.returncode == 0, done.stderr
        yield filled(made)


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """A server of which the program is an image of a container engine."""
    settings = dict(own_image.engine() or pytest.skip("no docker or podman that runs containers here"))
    settings["SAGEWRIGHT_ENGINE_ARGS"] += " --memory 200m"
    with journey(tmp_path_factory.mktemp("server"), **settings) as made:
        yield filled(made)
    assert own_image.containers(settings["SAGEWRIGHT_ENGINE"], made.server.data_dir) == [], "no container is left"


@pytest.fixture(params=["command", "container"])
def trip(request: pytest.FixtureRequest) -> Journey:
    made: Journey = request.getfixturevalue(request.param)
    made.image = REGISTERED if request.param == "command" else own_image.IMAGE  # type: ignore[attr-defined]
    return made


def image(trip: Journey) -> str:
    return str(trip.image)  # type: ignore[attr-defined]


def running(trip: Journey) -> list[str]:
    return own_image.containers(trip.server.settings["SAGEWRIGHT_ENGINE"], trip.server.data_dir)


def train(trip: Journey, name: str, **changes: Any) -> dict[str, Any]:
    start(trip, name, **changes)
    return trip.trained(name)


def start(trip: Journey, name: str, **changes: Any) -> None:
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    algorithm = {
        "TrainingImage": image(trip),
        "TrainingInputMode": "File",
        "MetricDefinitions": definitions,
        **changes.pop("Algorithm", {}),
    }
    trip.train(name, AlgorithmSpecification=algorithm, Environment={"MOOD": "good"}, **changes)


def test_training_and_serving(trip: Journey) -> None:
    job = train(trip, "whole")
    assert job["TrainingJobStatus"] == "Completed", job
    assert job["FinalMetricDataList"][0]["Value"] == 0.25
    assert "trains on 3 rows, mood good image yes" in trip.log(GROUP, "whole/")
    data = job["ModelArtifacts"]["S3ModelArtifacts"]
    body = trip.s3.get_object(Bucket="journey", Key=data.split("/", 3)[3])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["model.json"]
    model = {"Image": image(trip), "ModelDataUrl": data, "Environment": {"MOOD": "fine"}}
    trip.sagemaker.create_model(ModelName="whole", PrimaryContainer=model, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "all", "ModelName": "whole", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    trip.sagemaker.create_endpoint_config(EndpointConfigName="whole", ProductionVariants=[variant])
    trip.sagemaker.create_endpoint(EndpointName="whole", EndpointConfigName="whole")
    trip.in_service("whole")
    answer = trip.runtime.invoke_endpoint(EndpointName="whole", ContentType="text/plain", Body=b"words")
    assert json.loads(answer["Body"].read()) == {"got": "words", "mood": "fine", "rows": 3}
    assert "serves" in trip.log("/aws/sagemaker/Endpoints/whole", "all/")
    trip.sagemaker.delete_endpoint(EndpointName="whole")


def test_processing(trip: Journey) -> None:
    place = {"S3Uri": "s3://journey/train/", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    target = {"S3Uri": "s3://journey/counted", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    trip.sagemaker.create_processing_job(
        ProcessingJobName="count",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": image(trip), "ContainerArguments": ["--fast"]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        ProcessingInputs=[{"InputName": "rows", "S3Input": {**place, "LocalPath": "/opt/ml/processing/input/rows"}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "count", "S3Output": target}]},
    )
    job = trip.until(
        lambda: trip.sagemaker.describe_processing_job(ProcessingJobName="count"),
        lambda job: job["ProcessingJobStatus"] in ("Completed", "Failed"),
    )
    assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == ("Completed", "counted"), job.get("FailureReason")
    assert trip.s3.get_object(Bucket="journey", Key="counted/count.txt")["Body"].read() == b"3 ['--fast']"


def test_a_failure_says_why(trip: Journey) -> None:
    job = train(trip, "fails", fail="the image's own words")
    assert job["FailureReason"] == "AlgorithmError: the image's own words, exit code: 3"


def test_a_stop_is_heard(trip: Journey) -> None:
    start(trip, "held", hold="yes")
    trip.until(lambda: trip.log(GROUP, "held/"), lambda lines: any("trains on" in line for line in lines))
    trip.sagemaker.stop_training_job(TrainingJobName="held")
    assert trip.trained("held")["TrainingJobStatus"] == "Stopped"
    assert "told to end" in trip.log(GROUP, "held/")


def test_an_entry_point_of_the_requests_own(container: Journey) -> None:
    container.image = own_image.IMAGE  # type: ignore[attr-defined]
    words = {"ContainerEntrypoint": ["/usr/bin/python3", "-c"], "ContainerArguments": ["print('mine alone')"]}
    job = train(container, "entry", Algorithm=words)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert container.log(GROUP, "entry/")[-1] == "mine alone"


def test_a_command_that_the_image_does_not_have(container: Journey) -> None:
    container.image = own_image.IMAGE  # type: ignore[attr-defined]
    reason = train(container, "missing", Algorithm={"ContainerEntrypoint": ["/no/such"]})["FailureReason"]
    assert re.fullmatch(r"AlgorithmError: .*/no/such.*, exit code: 127", reason)


def test_a_container_has_no_more_memory_than_it_was_given(container: Journey) -> None:
    """The engine's options go before ours."""
    container.image = own_image.IMAGE  # type: ignore[attr-defined]
    reason = train(container, "eats", eat="yes")["FailureReason"]
    assert re.fullmatch(r"ClientError: .* Out of memory: .* the limit is .*, exit code: 137", reason)


def test_isolation_of_a_container(container: Journey) -> None:
    container.image = own_image.IMAGE  # type: ignore[attr-defined]
    code = f"import socket; socket.create_connection(('127.0.0.1', {container.server.port}), 3)"
    words = {"ContainerEntrypoint": ["/usr/bin/python3", "-c"], "ContainerArguments": [code]}
    assert train(container, "open", Algorithm=words)["TrainingJobStatus"] == "Completed"
    job = train(container, "shut", Algorithm=words, EnableNetworkIsolation=True)
    assert job["TrainingJobStatus"] == "Failed"
    assert any("OSError" in line or "ConnectionRefused" in line for line in container.log(GROUP, "shut/"))


def test_inputs_that_are_links_cannot_be_changed(container: Journey) -> None:
    """FastFile mode shows the stored objects themselves."""
    container.image = own_image.IMAGE  # type: ignore[attr-defined]
    code = "open('/opt/ml/input/data/train/rows.csv', 'a').write('x')"
    words = {
        "ContainerEntrypoint": ["/usr/bin/python3", "-c"],
        "ContainerArguments": [code],
        "TrainingInputMode": "FastFile",
    }
    assert train(container, "writes", Algorithm=words)["TrainingJobStatus"] == "Failed"
    assert container.s3.get_object(Bucket="journey", Key="train/rows.csv")["Body"].read() == b"1\n2\n3\n"


@pytest.mark.parametrize("both", [False, True])
def test_a_killed_agent_leaves_no_container(container: Journey, both: bool) -> None:
    """Nor does one that is killed with its server, once that is back."""
    name = f"lost-{both}"
    container.image = own_image.IMAGE  # type: ignore[attr-defined]
    start(container, name, hold="yes")
    container.until(lambda: container.log(GROUP, f"{name}/"), lambda lines: any("trains on" in line for line in lines))
    (agent,) = container.server.data_dir.glob(f"work/*{name}*/agent.json")
    container.until(lambda: running(container), lambda found: len(found) == 1)
    if both:
        container.server.kill()
    os.kill(json.loads(agent.read_text())["pid"], signal.SIGKILL)
    if both:
        container.server.start()
    job = container.trained(name)
    assert job["FailureReason"].startswith("InternalServerError: ")
    container.until(lambda: running(container), lambda found: not found)


def test_an_image_that_the_engine_does_not_have(container: Journey) -> None:
    container.image = "nobody/has-this:1"  # type: ignore[attr-defined]
    reason = train(container, "absent")["FailureReason"]
    assert reason.startswith("ClientError: ")
    assert "has no image nobody/has-this:1" in reason
    assert "sagewright image register" in reason


def test_an_image_where_there_is_no_engine(command: Journey) -> None:
    command.image = "nobody/has-this:1"  # type: ignore[attr-defined]
    reason = train(command, "absent")["FailureReason"]
    assert "no runner for the image nobody/has-this:1" in reason
    assert "needs docker or podman here, or a command: see `sagewright image register`" in reason


def test_the_registry(command: Journey, tmp_path: Path) -> None:
    (tmp_path / "tool.sh").write_text("true")
    done = sagewright(
        command, "image", "register", "other", "--command", "sh tool.sh", "--folder", str(tmp_path), "--env", "A=b"
    )
    assert done.returncode == 0, done.stderr
    assert f"other  sh {tmp_path}/tool.sh  A=b ({tmp_path})" in sagewright(command, "image", "list").stdout
    assert sagewright(command, "image", "remove", "other").returncode == 0
    assert "no command is registered as other" in sagewright(command, "image", "remove", "other").stderr
    wrong = sagewright(command, "image", "register", "other", "--command", "x", "--env", "A", "--folder", str(tmp_path))
    assert "--env A: it must be NAME=VALUE" in wrong.stderr
    shown = sagewright(
        command, "image", "register", "other", "--command", "x", "--folder", str(command.server.data_dir)
    )
    assert "must be apart" in shown.stderr
