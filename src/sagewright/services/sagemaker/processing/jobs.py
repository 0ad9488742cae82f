"""Processing jobs as the API shows them; what makes them run is in jobs.controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.filters import Listing
from sagewright.kit.hold import Holder
from sagewright.kit.operation import Context, operation
from sagewright.kit.tags import Tags
from sagewright.runtime.backend import Backend
from sagewright.runtime.observation import Observation
from sagewright.services.sagemaker.images import Images, Runner
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.jobs.kind import JobKind
from sagewright.services.sagemaker.jobs.records import Records, Wording
from sagewright.services.sagemaker.jobs.status import begin
from sagewright.services.sagemaker.processing import request as processing_request
from sagewright.services.sagemaker.processing.workload import cluster, workload
from sagewright.store import Document, Store

KIND = "sagemaker:processing-job"
_LISTING = Listing(part="state")
_WORDING = Wording(
    noun="processing job",
    taken="Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    missing="Could not find requested job with name: {name}",
)
_MESSAGE_LIMIT = 1024


class ProcessingJobs:
    """A job is one document: ``request`` (what Create took, with defaults) and ``state`` (see jobs.status).

    kick: has the reconciler look at a job's key.
    """

    def __init__(
        self, store: Store, clock: Clock, holder: Holder, tags: Tags, backend: Backend, kick: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._backend = backend
        self._records = Records(KIND, _WORDING, _LISTING, store, clock, holder, tags, kick)

    @operation()
    def create_processing_job(
        self,
        ctx: Context,
        processing_job_name: str,
        processing_resources: dict[str, Any],
        app_specification: dict[str, Any],
        role_arn: str,
        tags: list[dict[str, str]] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        processing_request.check(ctx.request, self._backend.capabilities)
        body = {"request": processing_request.with_defaults(ctx.request), "state": begin(self._clock.now())}
        return {"ProcessingJobArn": self._records.create(ctx, processing_job_name, body, tags)}

    @operation()
    async def describe_processing_job(self, ctx: Context, processing_job_name: str) -> dict[str, Any]:
        document = await self._records.settled(ctx, processing_job_name)
        start = document.body["state"].get("TrainingStartTime")
        return {**document.body["request"], **_summary(document), "ProcessingStartTime": start}

    @operation()
    def list_processing_jobs(self, ctx: Context, **members: Any) -> dict[str, Any]:
        found, token = self._records.page(ctx)
        return {"ProcessingJobSummaries": [_summary(document) for document in found], "NextToken": token}

    @operation()
    def stop_processing_job(self, ctx: Context, processing_job_name: str) -> None:
        self._records.stop(ctx, processing_job_name)

    @operation()
    def delete_processing_job(self, ctx: Context, processing_job_name: str) -> None:
        self._records.delete(ctx, processing_job_name)


def _summary(document: Document) -> dict[str, Any]:
    state = document.body["state"]
    return {
        "ProcessingJobName": document.key,
        "ProcessingJobArn": job_arn(document.space, document.key),
        "CreationTime": document.created,
        "ProcessingEndTime": state.get("TrainingEndTime"),
        "LastModifiedTime": state["LastModifiedTime"],
        "ProcessingJobStatus": document.status,
        "FailureReason": state.get("FailureReason"),
        "ExitMessage": state.get("ExitMessage"),
    }


def _runner(images: Images, body: Mapping[str, Any]) -> Runner:
    return images.runner(body["request"]["AppSpecification"]["ImageUri"], script=True)


def _ended(document: Document, seen: Sequence[Observation]) -> dict[str, Any]:
    """The containers' exit messages, one after the other."""
    message = "".join(str(each.steps[-1].detail.get("exit_message", "")) for each in seen)
    return {"ExitMessage": message[:_MESSAGE_LIMIT]} if message else {}


PROCESSING = JobKind(
    documents=KIND,
    log_group="/aws/sagemaker/ProcessingJobs",
    cluster=cluster,
    runner=_runner,
    workload=workload,
    ended=_ended,
)
"""As the controller of all jobs has them."""
