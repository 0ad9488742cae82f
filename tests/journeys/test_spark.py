"""Spark processing jobs by the SageMaker SDK, and what happens where something is missing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from sagemaker_journey import ROLE, Journey, journey

from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, check, outcomes_of, steps_of
from clients.spark import spark_settings

pytestmark = pytest.mark.slow

IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu"
PROGRAM = "sdk_v2_spark.py"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], dict[str, str]]:
    """Of the program, which is run once."""

    @cache
    def run() -> dict[str, str]:
        settings = spark_settings() or pytest.skip("no Java, or pyspark cannot be had")
        command = Sagewright(
            tmp_path_factory.mktemp("spark") / "data", {"SAGEMAKER_SUPPRESS_V2_WARNING": "1", **settings}
        )
        return outcomes_of(command("run", "--", str(python_of("sdk_v2")), str(PROGRAMS / PROGRAM), timeout=600))

    return run


@pytest.mark.parametrize("step", steps_of(PROGRAM))
def test_spark(outcomes: Callable[[], dict[str, str]], step: str) -> None:
    check(outcomes()[step])


def reason(trip: Journey, name: str, *words: str) -> str:
    trip.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["smspark-submit", *words]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
    )
    job = trip.until(
        lambda: trip.sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda job: job["ProcessingJobStatus"] in ("Completed", "Failed"),
    )
    return str(job["FailureReason"])


def test_without_spark_a_job_says_what_to_install(tmp_path: Path) -> None:
    with journey(tmp_path / "data") as trip:
        said = reason(trip, "absent", "app.py")
    assert said.startswith("ClientError: Apache Spark is not installed in the Python that runs scripts (")
    assert "-m pip install 'sagewright[spark]'" in said


def test_without_java_a_job_says_what_to_install(tmp_path: Path) -> None:
    settings = spark_settings() or pytest.skip("no Java, or pyspark cannot be had")
    with journey(tmp_path / "data", **settings, JAVA_HOME=str(tmp_path)) as trip:
        said = reason(trip, "nojava", "app.py")
    assert said.startswith("ClientError: Apache Spark needs Java 17 or newer")
    assert "openjdk-17-jre-headless" in said


def test_an_application_that_is_not_there(tmp_path: Path) -> None:
    settings = spark_settings() or pytest.skip("no Java, or pyspark cannot be had")
    with journey(tmp_path / "data", **settings) as trip:
        said = reason(trip, "noapp", "/opt/ml/processing/input/code/app.py")
    assert "the application /opt/ml/processing/input/code/app.py does not exist" in said
