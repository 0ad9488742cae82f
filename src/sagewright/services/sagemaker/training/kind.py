"""Training jobs, as the controller of all jobs has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.runtime.observation import Observation
from sagewright.services.sagemaker.jobs import instances
from sagewright.services.sagemaker.jobs.kind import JobKind
from sagewright.services.sagemaker.training.jobs import KIND
from sagewright.services.sagemaker.training.request import runner_of
from sagewright.services.sagemaker.training.workload import cluster, model_artifacts, workload
from sagewright.store import Document


def _ended(document: Document, seen: Sequence[Observation]) -> dict[str, Any]:
    """What was uploaded stays: a stopped job may have artifacts too, a failed one has none to show."""
    completed = all(each.phase == "Completed" for each in seen)
    if completed or (instances.cause(seen) is None and instances.artifacts(seen)):
        return {"ModelArtifacts": {"S3ModelArtifacts": model_artifacts(document)}}
    return {}


def _metrics(request: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    found: Sequence[Mapping[str, str]] = request["AlgorithmSpecification"].get("MetricDefinitions", ())
    return found


def _max_wait(request: Mapping[str, Any]) -> float:
    return float(request["StoppingCondition"]["MaxWaitTimeInSeconds"]) if request["EnableManagedSpotTraining"] else 0.0


def _retries(request: Mapping[str, Any]) -> int:
    return int(request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0))


def _keep_alive(request: Mapping[str, Any]) -> float:
    return float(request["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0))


TRAINING = JobKind(
    documents=KIND,
    log_group="/aws/sagemaker/TrainingJobs",
    cluster=cluster,
    runner=runner_of,
    workload=workload,
    ended=_ended,
    namespace="/aws/sagemaker/TrainingJobs",
    dimension="TrainingJobName",
    metrics=_metrics,
    max_wait=_max_wait,
    retries=_retries,
    keep_alive=_keep_alive,
)
