"""Tuning jobs with boto3 on a built-in algorithm that really trains; a server killed half way through one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sagemaker_journey import ROLE, Journey
from sklearn.datasets import load_diabetes

from sagewright.testing.server import running_server

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ENDED = ("Completed", "Failed", "Stopped")


def channel(name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://journey/diabetes/{name}"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def request(name: str, jobs: int, parallel: int = 2, **config: Any) -> dict[str, Any]:
    tuned = {
        "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5"}],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "8"}],
    }
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:rmse"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": tuned,
            **config,
        },
        "TrainingJobDefinition": {
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "StaticHyperParameters": {"num_round": "30", "objective": "reg:squarederror"},
            "InputDataConfig": [channel("train"), channel("validation")],
            "OutputDataConfig": {"S3OutputPath": "s3://journey/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    features, target = load_diabetes(return_X_y=True)
    rows = np.column_stack([target, features])
    folder: Path = tmp_path_factory.mktemp("server")
    with running_server(data_dir=folder) as server:
        made = Journey(server)
        made.s3.create_bucket(Bucket="journey")
        for name, part in (("train", rows[:300]), ("validation", rows[300:])):
            body = "".join(",".join(f"{value:g}" for value in row) + "\n" for row in part).encode()
            made.s3.put_object(Bucket="journey", Key=f"diabetes/{name}/rows.csv", Body=body)
        yield made


def described(trip: Journey, name: str) -> dict[str, Any]:
    return trip.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def ended(trip: Journey, name: str) -> dict[str, Any]:
    return trip.until(
        lambda: described(trip, name), lambda job: job["HyperParameterTuningJobStatus"] in ENDED, seconds=120
    )


def listed(trip: Journey, name: str, **members: Any) -> list[dict[str, Any]]:
    pages = trip.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name, **members
    )
    return [each for page in pages for each in page["TrainingJobSummaries"]]


def test_the_best_of_all_is_the_best_job(trip: Journey) -> None:
    trip.sagemaker.create_hyper_parameter_tuning_job(**request("boosted", 6))
    job = ended(trip, "boosted")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    found = listed(trip, "boosted", SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")
    assert found[0]["TrainingJobName"] == job["BestTrainingJob"]["TrainingJobName"]
    best = trip.sagemaker.describe_training_job(TrainingJobName=found[0]["TrainingJobName"])
    metrics = {each["MetricName"]: each["Value"] for each in best["FinalMetricDataList"]}
    shown = found[0]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert shown["Value"] == pytest.approx(metrics["validation:rmse"])
    assert best["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert best["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")


def test_a_tuning_job_survives_the_servers_death(trip: Journey) -> None:
    trip.sagemaker.create_hyper_parameter_tuning_job(**request("killed", 6, Strategy="Random", RandomSeed=3))
    trip.until(lambda: described(trip, "killed"), lambda job: job["TrainingJobStatusCounters"]["Completed"] >= 2)
    trip.server.kill()
    trip.server.restart()
    job = ended(trip, "killed")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 6
    names = [each["TrainingJobName"] for each in listed(trip, "killed")]
    assert len(set(names)) == len(names) == 6


def test_one_that_cannot_succeed_says_why(trip: Journey) -> None:
    asked = request("hopeless", 8)
    asked["TrainingJobDefinition"]["StaticHyperParameters"]["objective"] = "multi:softmax"
    trip.sagemaker.create_hyper_parameter_tuning_job(**asked)
    job = ended(trip, "hopeless")
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "num_class" in job["FailureReason"]
    assert {each["TrainingJobStatus"] for each in listed(trip, "hopeless")} <= {"Failed", "Stopped"}
