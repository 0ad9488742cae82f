"""What makes tuning jobs run: training jobs are launched, watched, stopped early, and the best is kept.

A step brings the trials up to date with their training jobs, judges whether the tuning job is over, and launches what
there is room for. A training job and the trial that names it are written in one transaction, so that a server killed
at any point neither loses one nor has one twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.jobs.log_delivery import at_once
from sagewright.services.sagemaker.jobs.status import IN_MOTION
from sagewright.services.sagemaker.keys import key_of, place_of
from sagewright.services.sagemaker.training.jobs import KIND as TRAINING
from sagewright.services.sagemaker.tuning import early, ranges, trials, verdict, warm_start
from sagewright.services.sagemaker.tuning import request as tuning_request
from sagewright.services.sagemaker.tuning.jobs import KIND, maximizes
from sagewright.services.sagemaker.tuning.optimizer import OptimizerError, Proposer
from sagewright.store import Document, Space, Store
from sagewright.wire.client import Clients

_LOOK = 0.1
"""Seconds between looks at the training jobs."""


_LONGEST_NAME = 63


class TuningController:
    """Steps over the tuning jobs in motion."""

    def __init__(self, store: Store, clock: Clock, clients: Clients, optimizer: Proposer) -> None:
        self._store = store
        self._clock = clock
        self._clients = clients
        self._optimizer = optimizer

    def active(self) -> list[str]:
        return [key_of(document) for document in self._store.documents.with_status(KIND, IN_MOTION)]

    async def step(self, key: str) -> float | None:
        document = self._read(key)
        if document is None or document.status not in IN_MOTION:
            return None
        document = self._refresh(document)
        found = document.body["state"]["Trials"]
        ending = verdict.ending(document, self._clock.now())
        if ending is not None:
            if all(map(trials.ended, found)):
                self._end(document, ending)
                return None
            self._stop(document, [trial for trial in found if trial["Status"] == "InProgress"])
            return _LOOK
        self._stop_early(document)
        try:
            await self._launch(key, self._retry(document))
        except (OptimizerError, AwsError) as error:
            kind = "InternalServerError" if isinstance(error, OptimizerError) else "ClientError"
            self._fail(key, f"{kind}: {error}")
        return _LOOK

    def halt(self) -> None:
        """At an orderly end."""
        self._optimizer.close()

    def _read(self, key: str) -> Document | None:
        return self._store.documents.get(*place_of(key, KIND))

    def _save(self, document: Document, state: Mapping[str, Any], status: str | None = None) -> Document:
        changed = {**state, "LastModifiedTime": self._clock.now()}
        return self._store.documents.update(document, body={**document.body, "state": changed}, status=status)

    # What has become of the trials

    def _refresh(self, document: Document) -> Document:
        state = document.body["state"]
        found = [trial if trials.ended(trial) else self._looked_at(document, trial) for trial in state["Trials"]]
        if found == state["Trials"]:
            return document
        state = {**state, "Trials": found}
        if verdict.converged(document, found) and "ConvergedTime" not in state:
            state["ConvergedTime"] = self._clock.now()
        return self._save(document, state)

    def _looked_at(self, document: Document, trial: trials.Trial) -> dict[str, Any]:
        training = self._training(document, trial)
        if training is None:
            return {**trial, "Status": "Failed", "Reason": "ClientError: The training job was deleted."}
        state = training.body["state"]
        known = {
            "Status": training.status,
            "Start": state.get("TrainingStartTime"),
            "End": state.get("TrainingEndTime"),
            "Reason": state.get("FailureReason"),
            "Objective": next(iter(state.get("Metrics", {}).get(self._objective(document, trial), ())), None),
            "Series": state.get("Series"),
        }
        return {**trial, **{name: value for name, value in known.items() if value is not None}}

    def _training(self, document: Document, trial: trials.Trial) -> Document | None:
        space = Space(TRAINING, document.space.account, document.space.region)
        return self._store.documents.get(space, trial["Name"])

    def _objective(self, document: Document, trial: trials.Trial) -> str:
        definition = tuning_request.definitions(document.body["request"])[trial["Definition"]]
        return str(definition["TuningObjective"]["MetricName"])

    # Which of them go no further

    def _stop(self, document: Document, running: Sequence[trials.Trial]) -> None:
        client = self._clients.client("sagemaker", document.space.account, document.space.region)
        for trial in running:
            at_once(client.stop_training_job(TrainingJobName=trial["Name"]))

    def _stop_early(self, document: Document) -> None:
        late = set(early.behind(document))
        if not late:
            return
        found = document.body["state"]["Trials"]
        with self._store.transaction():
            self._stop(document, [trial for trial in found if trial["Name"] in late])
            marked = [{**trial, "Early": True} if trial["Name"] in late else trial for trial in found]
            self._save(document, {**document.body["state"], "Trials": marked})

    def _end(self, document: Document, ending: verdict.Ending) -> None:
        state = {**document.body["state"], "EndTime": self._clock.now()}
        if ending.reason:
            state["FailureReason"] = ending.reason
        self._save(document, state, ending.status)

    def _fail(self, key: str, reason: str) -> None:
        """What cannot go on is stopped first, and has failed once nothing runs any more."""
        document = self._read(key)
        if document is not None and document.status in IN_MOTION:
            self._save(document, {**document.body["state"], "Broken": reason})

    # New ones

    def _retry(self, document: Document) -> Document:
        """Trials that the platform failed run again, as often as their RetryStrategy says."""
        state, definitions = document.body["state"], tuning_request.definitions(document.body["request"])
        for position, trial in enumerate(state["Trials"]):
            attempts = definitions[trial["Definition"]].get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
            if trial["Status"] != "Failed" or not trials.retryable(trial) or trial["Attempts"] > attempts:
                continue
            with self._store.transaction():
                again = self._begun(document, trial["Definition"], trial["Values"], position, trial["Attempts"] + 1)
                found = [*state["Trials"][:position], again, *state["Trials"][position + 1 :]]
                document = self._save(document, {**state, "Trials": found})
                state = document.body["state"]
        return document

    async def _launch(self, key: str, document: Document) -> None:
        for definition, count in _rooms(document).items():
            question = self._question(document, definition, count)
            values = await self._optimizer.ask(question)
            present = self._read(key)
            if present is None or present.status != "InProgress":
                return
            document = self._add(present, definition, values, exhausted=len(values) < count)

    def _add(
        self, document: Document, definition: int, values: Sequence[Mapping[str, str]], *, exhausted: bool
    ) -> Document:
        state = document.body["state"]
        with self._store.transaction():
            found = list(state["Trials"])
            for each in values:
                found.append(self._begun(document, definition, each, len(found)))
            if exhausted:
                state = {**state, "Exhausted": sorted({*state.get("Exhausted", ()), definition})}
            return self._save(document, {**state, "Trials": found})

    def _begun(
        self, document: Document, definition: int, values: Mapping[str, str], position: int, attempt: int = 1
    ) -> dict[str, Any]:
        """A training job of a tuning job is named after it, with its number."""
        space = document.space
        end = f"-{position + 1:03d}-{secrets.token_hex(4)}"
        name = f"{document.key[: _LONGEST_NAME - len(end)]}{end}"
        whole = tuning_request.definitions(document.body["request"])[definition]
        client = self._clients.client("sagemaker", space.account, space.region)
        at_once(client.create_training_job(**tuning_request.training_request(name, whole, values)))
        training = self._store.documents.get(Space(TRAINING, space.account, space.region), name)
        if training is None:
            raise RuntimeError(f"{name}: a training job just created has no document")
        tuning = {"Arn": job_arn(space, document.key), "Objective": whole["TuningObjective"]["MetricName"]}
        self._store.documents.update(training, body={**training.body, "tuning": tuning})
        return {
            "Name": name,
            "Definition": definition,
            "Values": dict(values),
            "Status": "InProgress",
            "Created": training.created,
            "Attempts": attempt,
        }

    def _question(self, document: Document, definition: int, count: int) -> dict[str, Any]:
        request = document.body["request"]
        whole, config = tuning_request.definitions(request)[definition], request["HyperParameterTuningJobConfig"]
        own = [trial for trial in document.body["state"]["Trials"] if trial["Definition"] == definition]
        parents = [
            each
            for name in warm_start.parent_names(request)
            if (parent := self._store.documents.get(document.space, name)) is not None
            for each in warm_start.inherited(parent)
        ]
        return {
            "strategy": config["Strategy"],
            "ranges": ranges.described(whole.get("HyperParameterRanges", {})),
            "trials": [*parents, *(_asked(trial) for trial in own)],
            "count": count,
            "maximize": maximizes(document, definition),
            "seed": config.get("RandomSeed", int(document.created * 1000)) + definition,
            "transfer": request.get("WarmStartConfig", {}).get("WarmStartType") == "TransferLearning",
        }


def _asked(trial: trials.Trial) -> dict[str, Any]:
    objective = trial["Objective"] if trials.succeeded(trial) else None
    return {"values": trial["Values"], "objective": objective, "ended": trials.ended(trial)}


def _rooms(document: Document) -> dict[int, int]:
    """How many new trials of each definition; those with the fewest come first."""
    config, state = document.body["request"]["HyperParameterTuningJobConfig"], document.body["state"]
    limits, found = config["ResourceLimits"], state["Trials"]
    running = sum(not trials.ended(trial) for trial in found)
    free = min(limits["MaxParallelTrainingJobs"] - running, verdict.most_trials(document) - len(found))
    number = len(tuning_request.definitions(document.body["request"]))
    counts = {each: sum(trial["Definition"] == each for trial in found) for each in range(number)}
    for each in state.get("Exhausted", ()):
        del counts[each]
    rooms: dict[int, int] = {}
    for _ in range(free if counts else 0):
        chosen = min(counts, key=lambda each: counts[each])
        counts[chosen] += 1
        rooms[chosen] = rooms.get(chosen, 0) + 1
    return rooms
