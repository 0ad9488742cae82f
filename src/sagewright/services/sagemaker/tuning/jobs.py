"""Tuning jobs as the API shows them; what makes them run is in controller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.filters import Listing
from sagewright.kit.hold import Holder
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, page
from sagewright.kit.tags import Tags
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.jobs.records import Records, Wording
from sagewright.services.sagemaker.keys import key_of
from sagewright.services.sagemaker.training.jobs import KIND as TRAINING
from sagewright.services.sagemaker.tuning import request as tuning_request
from sagewright.services.sagemaker.tuning import trials, warm_start
from sagewright.store import Document, Space, Store

KIND = "sagemaker:hyper-parameter-tuning-job"
_LISTING = Listing(part="state")
_WORDING = Wording(
    noun="hyperparameter tuning job",
    taken="Hyperparameter tuning job names must be unique within an AWS account and region, and one with this name "
    "already exists ({arn})",
    missing="Amazon SageMaker can't find a tuning job with the name {name}.",
    code="ResourceNotFound",
)
_LONGEST_PAGE = 10


class TuningJobs:
    """A job is one document: ``request`` (what Create took) and ``state``: Trials, LastModifiedTime, and as they come
    EndTime, FailureReason, ConvergedTime.

    check: raises AwsError for a training job's request that CreateTrainingJob would not take. metrics: see request.
    kick: has the reconciler look at a job's key.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        holder: Holder,
        tags: Tags,
        check: Callable[[Mapping[str, Any]], None],
        metrics: tuning_request.Metrics,
        kick: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._records = Records(KIND, _WORDING, _LISTING, store, clock, holder, tags, kick)
        self._check = check
        self._metrics = metrics
        self._kick = kick

    @operation()
    def create_hyper_parameter_tuning_job(
        self,
        ctx: Context,
        hyper_parameter_tuning_job_name: str,
        tags: list[dict[str, str]] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        tuning_request.check(ctx.request, self._metrics)
        request = tuning_request.kept(ctx.request)
        for each in tuning_request.example(request):
            self._check(each)
        if "WarmStartConfig" in request:
            warm_start.check(request, [self._records.find(ctx, name) for name in warm_start.parent_names(request)])
        body = {"request": request, "state": {"Trials": [], "LastModifiedTime": self._clock.now()}}
        arn = self._records.create(ctx, hyper_parameter_tuning_job_name, body, tags)
        return {"HyperParameterTuningJobArn": arn}

    @operation()
    async def describe_hyper_parameter_tuning_job(
        self, ctx: Context, hyper_parameter_tuning_job_name: str
    ) -> dict[str, Any]:
        document = await self._records.settled(ctx, hyper_parameter_tuning_job_name)
        return {
            **tuning_request.shown(document.body["request"], self._metrics),
            **described(document, self._parents(document)),
        }

    @operation()
    def list_hyper_parameter_tuning_jobs(self, ctx: Context, **members: Any) -> dict[str, Any]:
        found, token = self._records.page(ctx)
        return {"HyperParameterTuningJobSummaries": [_summary(each) for each in found], "NextToken": token}

    @operation()
    def list_training_jobs_for_hyper_parameter_tuning_job(
        self,
        ctx: Context,
        hyper_parameter_tuning_job_name: str,
        next_token: str | None = None,
        max_results: int = _LONGEST_PAGE,
        status_equals: str | None = None,
        sort_by: str = "Name",
        sort_order: str = "Ascending",
    ) -> dict[str, Any]:
        """By FinalObjectiveMetricValue, jobs without an objective are left out, as AWS documents it."""
        document = self._records.find(ctx, hyper_parameter_tuning_job_name)
        found = [each for each in document.body["state"]["Trials"] if status_equals in (None, each["Status"])]
        if sort_by == "FinalObjectiveMetricValue":
            found = [each for each in found if trials.succeeded(each)]
        found.sort(key=_SORTS[sort_by], reverse=sort_order == "Descending")
        start = decode_token(next_token, int) or 0
        shown, token = page(found[start : start + max_results + 1], max_results, start + max_results)
        return {
            "TrainingJobSummaries": [_trial_summary(document, each) for each in shown],
            "NextToken": token,
        }

    @operation()
    def stop_hyper_parameter_tuning_job(self, ctx: Context, hyper_parameter_tuning_job_name: str) -> None:
        """Of one that has ended already, nothing changes."""
        document = self._records.find(ctx, hyper_parameter_tuning_job_name)
        if document.status == "InProgress":
            state = {**document.body["state"], "LastModifiedTime": self._clock.now()}
            self._store.documents.update(document, body={**document.body, "state": state}, status="Stopping")
            self._kick(key_of(document))

    @operation()
    def delete_hyper_parameter_tuning_job(self, ctx: Context, hyper_parameter_tuning_job_name: str) -> None:
        """Its training jobs stay."""
        self._records.delete(ctx, hyper_parameter_tuning_job_name)

    def _parents(self, document: Document) -> list[Document]:
        """Those that are still there."""
        names = warm_start.parent_names(document.body["request"])
        found = (self._store.documents.get(document.space, name) for name in names)
        return [each for each in found if each is not None]


def maximizes(document: Document, definition: int = 0) -> bool:
    """Whether more is better."""
    objective = tuning_request.definitions(document.body["request"])[definition]["TuningObjective"]
    return bool(objective["Type"] == "Maximize")


def described(document: Document, parents: Iterable[Document]) -> dict[str, Any]:
    """What DescribeHyperParameterTuningJob shows of a job beside its request."""
    state, found = document.body["state"], document.body["state"]["Trials"]
    end = state.get("EndTime")
    answer = _summary(document)
    del answer["Strategy"], answer["ResourceLimits"]
    best = _best_of(document, found)
    overall = _overall(document, parents)
    return {
        **answer,
        "FailureReason": state.get("FailureReason"),
        "BestTrainingJob": None if best is None else _trial_summary(document, best),
        "OverallBestTrainingJob": overall,
        "TuningJobCompletionDetails": {
            "NumberOfTrainingJobsObjectiveNotImproving": trials.not_improving(found, maximize=maximizes(document)),
            "ConvergenceDetectedTime": state.get("ConvergedTime"),
        },
        "ConsumedResources": {"RuntimeInSeconds": round((end or state["LastModifiedTime"]) - document.created)},
    }


def _best_of(document: Document, found: Sequence[trials.Trial]) -> trials.Trial | None:
    """Of the first definition whose objective counts; objectives of several are not comparable unless they are one."""
    objectives = {
        (each["TuningObjective"]["MetricName"], each["TuningObjective"]["Type"])
        for each in tuning_request.definitions(document.body["request"])
    }
    counted = found if len(objectives) == 1 else [each for each in found if each["Definition"] == 0]
    return trials.best(counted, maximize=maximizes(document))


def _overall(document: Document, parents: Iterable[Document]) -> dict[str, Any] | None:
    """Best of the job and its parents, where their objectives are of the same data and algorithm."""
    config = document.body["request"].get("WarmStartConfig", {})
    if config.get("WarmStartType") != "IdenticalDataAndAlgorithm":
        return None
    every = [(each, owner) for owner in (document, *parents) for each in owner.body["state"]["Trials"]]
    best = trials.best((each for each, _ in every), maximize=maximizes(document))
    if best is None:
        return None
    return next((_trial_summary(owner, each) for each, owner in every if each is best), None)


def _summary(document: Document) -> dict[str, Any]:
    state, config = document.body["state"], document.body["request"]["HyperParameterTuningJobConfig"]
    return {
        "HyperParameterTuningJobName": document.key,
        "HyperParameterTuningJobArn": job_arn(document.space, document.key),
        "HyperParameterTuningJobStatus": document.status,
        "Strategy": config["Strategy"],
        "CreationTime": document.created,
        "HyperParameterTuningEndTime": state.get("EndTime"),
        "LastModifiedTime": state["LastModifiedTime"],
        "TrainingJobStatusCounters": trials.status_counters(state["Trials"]),
        "ObjectiveStatusCounters": trials.objective_counters(state["Trials"]),
        "ResourceLimits": config["ResourceLimits"],
    }


def _trial_summary(document: Document, trial: trials.Trial) -> dict[str, Any]:
    """HyperParameterTrainingJobSummary."""
    space = document.space
    definition = tuning_request.definitions(document.body["request"])[trial["Definition"]]
    objective = {**definition["TuningObjective"], "Value": trial.get("Objective")}
    return {
        "TrainingJobDefinitionName": definition.get("DefinitionName"),
        "TrainingJobName": trial["Name"],
        "TrainingJobArn": job_arn(Space(TRAINING, space.account, space.region), trial["Name"]),
        "TuningJobName": document.key,
        "CreationTime": trial["Created"],
        "TrainingStartTime": trial.get("Start"),
        "TrainingEndTime": trial.get("End"),
        "TrainingJobStatus": trial["Status"],
        "TunedHyperParameters": trial["Values"],
        "FailureReason": trial.get("Reason"),
        "FinalHyperParameterTuningJobObjectiveMetric": objective if trial.get("Objective") is not None else None,
        "ObjectiveStatus": trials.objective_status(trial),
    }


_SORTS: Mapping[str, Callable[[trials.Trial], Any]] = {
    "Name": lambda trial: trial["Name"],
    "CreationTime": lambda trial: (trial["Created"], trial["Name"]),
    "Status": lambda trial: (trial["Status"], trial["Name"]),
    "FinalObjectiveMetricValue": lambda trial: (trial["Objective"], trial["Name"]),
}
