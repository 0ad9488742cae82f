"""What brings an algorithm from Pending to Completed or Failed: a look at its images, and the training job of its
validation profile.

``state`` has Scans and Validations as DescribeAlgorithm shows them, and Job, the name of the validation's training job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.sagemaker.algorithms.algorithms import ALGORITHM, IN_MOTION, validation_job
from sagewright.services.sagemaker.images import Images, UnknownImage
from sagewright.services.sagemaker.keys import key_of, place_of
from sagewright.store import Document, Store
from sagewright.wire.client import Clients

_LOOK = 0.2
"""Seconds between two looks at the validation's training job."""
_LONGEST_NAME = 63


class AlgorithmController:
    """Steps over the algorithms in motion."""

    def __init__(self, store: Store, clients: Clients, images: Images) -> None:
        self._store = store
        self._clients = clients
        self._images = images

    def active(self) -> list[str]:
        return [
            key_of(document) for document in self._store.documents.with_status(f"sagemaker:{ALGORITHM.arn}", IN_MOTION)
        ]

    async def step(self, key: str) -> float | None:
        document = self._store.documents.get(*place_of(key, f"sagemaker:{ALGORITHM.arn}"))
        if document is None or document.status not in IN_MOTION:
            return None
        if document.status == "Pending":
            return self._scan(document)
        return await self._validate(document)

    def _scan(self, document: Document) -> float | None:
        """Whether there are runners for the images."""
        scans = []
        for name, image in _images(document.body["request"]):
            try:
                self._images.runner(image)
                scans.append({"Name": name, "Status": "Completed"})
            except UnknownImage as error:
                scans.append({"Name": name, "Status": "Failed", "FailureReason": f"ClientError: {error}"})
        state: dict[str, Any] = {"Scans": scans}
        if any(scan["Status"] == "Failed" for scan in scans):
            status = "Failed"
        elif "ValidationSpecification" not in document.body["request"]:
            status = "Completed"
        else:
            status, profile = "InProgress", _profile(document)
            state |= {"Job": _job_name(document), "Validations": [{"Name": profile, "Status": "InProgress"}]}
        self._save(document, state, status)
        return 0 if status == "InProgress" else None

    async def _validate(self, document: Document) -> float | None:
        """A server killed in between finds the job it had begun by its name."""
        client = self._clients.client("sagemaker", document.space.account, document.space.region)
        name = document.body["state"]["Job"]
        try:
            job = await self._job(client, name, document)
        except AwsError as error:
            job = {"TrainingJobStatus": "Failed", "FailureReason": f"ClientError: {error.message}"}
        if job["TrainingJobStatus"] in ("InProgress", "Stopping"):
            return _LOOK
        validation = {"Name": _profile(document), "Status": "Completed"}
        if job["TrainingJobStatus"] != "Completed":
            validation["Status"] = "Failed"
            validation["FailureReason"] = job.get("FailureReason") or f"The training job {name} was stopped."
        present = self._store.documents.get(document.space, document.key)
        if present is not None:
            self._save(present, {**present.body["state"], "Validations": [validation]}, validation["Status"])
        return None

    async def _job(self, client: Any, name: str, document: Document) -> Mapping[str, Any]:
        if not document.body["state"].get("Begun"):
            try:
                await client.create_training_job(TrainingJobName=name, **validation_job(document.body["request"]) or {})
            except AwsError as error:
                if error.code != "ResourceInUse":
                    raise
            present = self._store.documents.get(document.space, document.key)
            if present is not None:
                self._save(present, {**present.body["state"], "Begun": True}, present.status)
        job: Mapping[str, Any] = await client.describe_training_job(TrainingJobName=name)
        return job

    def _save(self, document: Document, state: Mapping[str, Any], status: str) -> None:
        self._store.documents.update(document, body={**document.body, "state": dict(state)}, status=status)


def _images(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and URIs."""
    yield "training-image", request["TrainingSpecification"]["TrainingImage"]
    for number, container in enumerate(request.get("InferenceSpecification", {}).get("Containers", []), start=1):
        if "Image" in container:
            yield f"inference-image-{number}", container["Image"]


def _profile(document: Document) -> str:
    return str(document.body["request"]["ValidationSpecification"]["ValidationProfiles"][0]["ProfileName"])


def _job_name(document: Document) -> str:
    """One's own for each algorithm, also for a later one of the same name."""
    end = f"-validation-{int(document.created * 1000):x}"
    return f"{document.key[: _LONGEST_NAME - len(end)].rstrip('-')}{end}"
