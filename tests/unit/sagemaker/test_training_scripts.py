"""Training jobs that run the user's own code: the workload that a backend is asked for, and what the API says of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import IMAGE, ROLE, World, training_request

from sagewright.runtime.fake import Script
from sagewright.runtime.workload import Channel, S3Input, Workload

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SOURCE = "s3://bucket/code/sourcedir.tar.gz"
METRICS = [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.script = lambda workload: Script(running=60)
    return world


def launched(world: World, name: str = "job", **changes: Any) -> Workload:
    world.call("create_training_job", **training_request(name, **changes))
    world.run(1)
    (run,) = [run for run in world.runs.values() if f"-{name}-" in run.workload.id]
    return run.workload


def specification(image: str = SKLEARN, **changes: Any) -> dict[str, Any]:
    return {"TrainingImage": image, "TrainingInputMode": "File", **changes}


def script(where: str = SOURCE) -> dict[str, str]:
    """Hyperparameters as the SDK sends them."""
    return {"sagemaker_program": json.dumps("train.py"), "sagemaker_submit_directory": json.dumps(where)}


def test_a_framework_has_a_setup_and_its_source(world: World) -> None:
    workload = launched(world, AlgorithmSpecification=specification(), HyperParameters=script())
    assert workload.command == (sys.executable, "-m", "framework", "train")
    assert workload.setup == (sys.executable, "-m", "framework", "setup")
    source = Channel("source", S3Input(SOURCE, "S3Object", role=ROLE), path="input/source")
    assert workload.channels[-1] == source
    assert "source" not in workload.config["inputdataconfig"]


@pytest.mark.parametrize("where", ["/opt/ml/input/data/code", "/opt/ml/input/data/code/sourcedir.tar.gz"])
def test_a_source_in_the_container_is_not_fetched(world: World, where: str) -> None:
    workload = launched(world, AlgorithmSpecification=specification(), HyperParameters=script(where))
    assert [channel.name for channel in workload.channels] == ["train"]


def test_plain_words_are_understood_too(world: World) -> None:
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": SOURCE}
    workload = launched(world, AlgorithmSpecification=specification(), HyperParameters=given)
    assert workload.channels[-1].source == S3Input(SOURCE, "S3Object", role=ROLE)


def test_a_script_may_write_to_its_channels_in_file_mode(world: World) -> None:
    (channel, _) = launched(world, AlgorithmSpecification=specification(), HyperParameters=script()).channels
    assert not channel.read_only
    fast = specification(TrainingInputMode="FastFile")
    (channel, _) = launched(world, "fast", AlgorithmSpecification=fast, HyperParameters=script()).channels
    assert channel.read_only


def test_an_algorithm_reads_its_channels_only(world: World) -> None:
    (channel,) = launched(world).channels
    assert channel.read_only


def test_an_entry_point_takes_the_place_of_the_images(world: World) -> None:
    own = specification(ContainerEntrypoint=["/bin/bash"], ContainerArguments=["-c", "echo one"])
    workload = launched(world, AlgorithmSpecification=own)
    assert workload.command == ("/bin/bash", "-c", "echo one")
    assert workload.setup == ()
    shown = world.call("describe_training_job", TrainingJobName="job")["AlgorithmSpecification"]
    assert shown["ContainerEntrypoint"] == ["/bin/bash"]
    assert shown["ContainerArguments"] == ["-c", "echo one"]


def test_arguments_alone_follow_the_images_command(world: World) -> None:
    workload = launched(world, AlgorithmSpecification=specification(ContainerArguments=["--more"]))
    assert workload.command == (sys.executable, "-m", "framework", "train", "--more")


def test_metrics_of_a_script_are_the_users(world: World) -> None:
    framework = specification(MetricDefinitions=METRICS)
    launched(world, AlgorithmSpecification=framework, HyperParameters=script())
    shown = world.call("describe_training_job", TrainingJobName="job")["AlgorithmSpecification"]
    assert shown["MetricDefinitions"] == METRICS
    own = specification(IMAGE, ContainerEntrypoint=["/bin/true"], MetricDefinitions=METRICS)
    launched(world, "own", AlgorithmSpecification=own)
    shown = world.call("describe_training_job", TrainingJobName="own")["AlgorithmSpecification"]
    assert shown["MetricDefinitions"] == METRICS
