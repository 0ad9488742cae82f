"""Training jobs as the API shows them; what makes them run is in controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.filters import Listing
from sagewright.kit.hold import Holder
from sagewright.kit.operation import Context, operation
from sagewright.kit.tags import Tags
from sagewright.runtime.backend import Backend
from sagewright.services.sagemaker.algorithms import rules as algorithm_rules
from sagewright.services.sagemaker.algorithms.algorithms import ready_algorithm
from sagewright.services.sagemaker.images import Images, Runner, UnknownImage
from sagewright.services.sagemaker.jobs import warm_pools
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.jobs.records import Records, Wording
from sagewright.services.sagemaker.jobs.status import begin
from sagewright.services.sagemaker.jobs.warm_pools import WarmPools
from sagewright.services.sagemaker.training import folders
from sagewright.services.sagemaker.training import request as training_request
from sagewright.services.sagemaker.training import update as training_update
from sagewright.store import Document, Space, Store

KIND = "sagemaker:training-job"
_LISTING = Listing(order="Ascending", part="state")
_POOLS = Listing(order="Ascending")
_WORDING = Wording(
    noun="training job",
    taken="Training job names must be unique within an AWS account and region, and a training job with this name "
    "already exists ({arn})",
    missing="Requested resource not found.",
)


class TrainingJobs:
    """A job is one document: ``request`` (what Create took, with defaults) and ``state`` (see status).

    kick: has the reconciler look at a job's key.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        holder: Holder,
        tags: Tags,
        images: Images,
        backend: Backend,
        pools: WarmPools,
        kick: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._images = images
        self._backend = backend
        self._pools = pools
        self._records = Records(KIND, _WORDING, _LISTING, store, clock, holder, tags, kick)

    @operation()
    def create_training_job(
        self,
        ctx: Context,
        training_job_name: str,
        role_arn: str,
        output_data_config: dict[str, Any],
        tags: list[dict[str, str]] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        training_request.check(ctx.request, self._backend.capabilities)
        sent, image, metrics = self._resolved(ctx)
        request = training_request.with_defaults(sent, metrics)
        state = begin(self._clock.now())
        body = {
            "request": request,
            "image": image,
            "state": state,
            **folders.kept(self._store, self._records.space(ctx), request),
        }
        return {"TrainingJobArn": self._records.create(ctx, training_job_name, body, tags)}

    @operation()
    async def describe_training_job(self, ctx: Context, training_job_name: str) -> dict[str, Any]:
        document = await self._records.settled(ctx, training_job_name)
        return {**described(document), "WarmPoolStatus": self._pools.status(document)}

    @operation()
    def list_training_jobs(
        self,
        ctx: Context,
        warm_pool_status_equals: str | None = None,
        training_plan_arn_equals: str | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        if training_plan_arn_equals:
            return {"TrainingJobSummaries": []}  # no job here has one
        if warm_pool_status_equals:
            return self._of_pools(ctx, warm_pool_status_equals)
        found, token = self._records.page(ctx)
        return {"TrainingJobSummaries": [self._listed(document) for document in found], "NextToken": token}

    def _of_pools(self, ctx: Context, status: str) -> dict[str, Any]:
        """Jobs whose pool has that status; the list's other words are about the pools."""
        request = {name: value for name, value in ctx.request.items() if name != "StatusEquals"}
        pools, token = _POOLS.run(
            self._store,
            Space(warm_pools.KIND, ctx.account, ctx.region),
            {**request, "StatusEquals": status},
            self._clock.now(),
        )
        jobs = (self._store.documents.get(self._records.space(ctx), pool.key) for pool in pools)
        wanted = ctx.request.get("StatusEquals")
        found = [job for job in jobs if job is not None and wanted in (None, job.status)]
        return {"TrainingJobSummaries": [self._listed(job) for job in found], "NextToken": token}

    def _listed(self, document: Document) -> dict[str, Any]:
        return {**_summary(document), "WarmPoolStatus": self._pools.status(document)}

    @operation()
    def update_training_job(self, ctx: Context, training_job_name: str, **members: Any) -> dict[str, Any]:
        """How long a warm pool is kept. There is no profiler here: what is said of it is kept as it is."""
        document = self._records.find(ctx, training_job_name)
        request = training_update.updated(document.body["request"], ctx.request, document.status)
        state = {**document.body["state"], "LastModifiedTime": self._clock.now()}
        with self._store.transaction():
            if "ResourceConfig" in ctx.request and document.status != "InProgress":
                self._pools.prolong(document, ctx.request["ResourceConfig"]["KeepAlivePeriodInSeconds"])
            self._store.documents.update(document, body={**document.body, "request": request, "state": state})
        return {"TrainingJobArn": job_arn(document.space, document.key)}

    @operation()
    def stop_training_job(self, ctx: Context, training_job_name: str) -> None:
        self._records.stop(ctx, training_job_name)

    @operation()
    def delete_training_job(self, ctx: Context, training_job_name: str) -> None:
        document = self._records.find(ctx, training_job_name)
        with self._store.transaction():
            self._records.delete(ctx, training_job_name)
            self._pools.drop(document)

    def _resolved(self, ctx: Context) -> tuple[dict[str, Any], str, Sequence[Mapping[str, str]]]:
        """The request, its image and metrics, with what the algorithm it names has to say."""
        named = ctx.request["AlgorithmSpecification"].get("AlgorithmName")
        if named is None:
            image = ctx.request["AlgorithmSpecification"]["TrainingImage"]
            runner = self._runner(ctx.request, image)
            own = training_request.runs_script(ctx.request)
            built_in = runner is not None and runner.kind == "algorithm" and not own
            training_request.check_metrics(ctx.request, built_in=built_in)
            return ctx.request, image, runner.metrics if runner and built_in else ()
        specification = ready_algorithm(self._store, ctx, named).body["request"]["TrainingSpecification"]
        sent = algorithm_rules.applied(ctx.request, specification, named)
        return sent, specification["TrainingImage"], specification.get("MetricDefinitions", ())

    def _runner(self, request: Mapping[str, Any], image: str) -> Runner | None:
        """None for an image without a runner: such a job is accepted and fails, as on AWS."""
        try:
            return self._images.runner(image, script=training_request.runs_script(request))
        except UnknownImage:
            return None


def described(document: Document) -> dict[str, Any]:
    """A job as DescribeTrainingJob shows it."""
    state = document.body["state"]
    answer = {**document.body["request"], **_summary(document)}
    for name in (
        "SecondaryStatusTransitions",
        "FailureReason",
        "ModelArtifacts",
        "TrainingStartTime",
        "TrainingTimeInSeconds",
        "BillableTimeInSeconds",
    ):
        answer[name] = state.get(name)
    answer["FinalMetricDataList"] = [
        {"MetricName": name, "Value": value, "Timestamp": at} for name, (value, at) in state.get("Metrics", {}).items()
    ] or None
    answer["TuningJobArn"] = document.body.get("tuning", {}).get("Arn")
    answer["ProfilingStatus"] = "Disabled"  # there is no profiler here
    return answer


def _summary(document: Document) -> dict[str, Any]:
    state = document.body["state"]
    return {
        "TrainingJobName": document.key,
        "TrainingJobArn": job_arn(document.space, document.key),
        "CreationTime": document.created,
        "TrainingEndTime": state.get("TrainingEndTime"),
        "LastModifiedTime": state["LastModifiedTime"],
        "TrainingJobStatus": document.status,
        "SecondaryStatus": state["SecondaryStatus"],
    }
