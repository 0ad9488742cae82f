"""Algorithms as the API shows them; what validates them is in controller.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAlgorithm.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.filters import Listing
from sagewright.kit.operation import Context, operation
from sagewright.kit.resource import Noun
from sagewright.kit.tags import Tags
from sagewright.services.sagemaker.algorithms import rules
from sagewright.services.sagemaker.keys import key_of
from sagewright.store import Document, Store

ALGORITHM = Noun("Algorithm", "algorithm", "algorithm", listing=Listing(order="Ascending"))
IN_MOTION = ("Pending", "InProgress")
"""AlgorithmStatus values that change by themselves."""


class Algorithms:
    """An algorithm is one document: ``request`` (what Create took) and ``state`` (see controller).

    kick: has the reconciler look at an algorithm's key. check: raises AwsError for a training job that
    CreateTrainingJob would not take.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        tags: Tags,
        check: Callable[[Mapping[str, Any]], None],
        kick: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._tags = tags
        self._check = check
        self._kick = kick

    @operation()
    def create_algorithm(
        self, ctx: Context, algorithm_name: str, tags: list[dict[str, str]] | None = None, **members: Any
    ) -> dict[str, Any]:
        for what in _unsupported(ctx.request):
            raise AwsError("ValidationException", f"Sagewright does not support {what} yet.")
        rules.check_specification(ctx.request["TrainingSpecification"])
        body = {"request": {name: value for name, value in ctx.request.items() if name != "Tags"}, "state": {}}
        job = validation_job(ctx.request)
        if job is not None:
            self._check(job)
            rules.applied(job, ctx.request["TrainingSpecification"], algorithm_name)
        with self._store.transaction():
            document = ALGORITHM.insert(self._store, ctx, algorithm_name, body, status="Pending")
            self._tags.add(algorithm_arn(document), tags or [])
        self._kick(key_of(document))
        return {"AlgorithmArn": algorithm_arn(document)}

    @operation()
    def describe_algorithm(self, ctx: Context, algorithm_name: str) -> dict[str, Any]:
        document = find_algorithm(self._store, ctx, algorithm_name)
        state = document.body["state"]
        details = {"ValidationStatuses": state.get("Validations", []), "ImageScanStatuses": state.get("Scans", [])}
        return {**document.body["request"], **_summary(document), "AlgorithmStatusDetails": details}

    @operation()
    def list_algorithms(self, ctx: Context, **members: Any) -> dict[str, Any]:
        space = ALGORITHM.space(ctx.account, ctx.region)
        found, token = ALGORITHM.listing.run(self._store, space, ctx.request, self._clock.now())
        return {"AlgorithmSummaryList": [_summary(document) for document in found], "NextToken": token}

    @operation()
    def delete_algorithm(self, ctx: Context, algorithm_name: str) -> None:
        document = find_algorithm(self._store, ctx, algorithm_name)
        if document.status in IN_MOTION:
            raise AwsError(
                "ConflictException",
                f'Cannot delete algorithm "{algorithm_arn(document)}" while its status is {document.status}.',
            )
        with self._store.transaction():
            self._store.documents.delete(document.space, document.key)
            self._tags.forget(algorithm_arn(document))


def algorithm_arn(document: Document) -> str:
    return ALGORITHM.arn_of(document.space.account, document.space.region, document.key)


def find_algorithm(store: Store, ctx: Context, name: str) -> Document:
    """name: the algorithm's, or its ARN. Raises AwsError where this account and region have none such."""
    if not name.startswith("arn:"):
        return ALGORITHM.find(store, ctx.account, ctx.region, name)
    arn = Arn.parse(name)
    kind, _, short = arn.resource.partition("/")
    if (arn.account, arn.region, kind) != (ctx.account, ctx.region, ALGORITHM.arn):
        raise AwsError("ValidationException", f'Could not find algorithm "{name}".')
    return ALGORITHM.find(store, ctx.account, ctx.region, short)


def ready_algorithm(store: Store, ctx: Context, name: str) -> Document:
    """One to train with. Raises AwsError."""
    document = find_algorithm(store, ctx, name)
    if document.status != "Completed":
        raise AwsError(
            "ValidationException",
            f'Algorithm "{algorithm_arn(document)}" cannot be used while its status is {document.status}: it must be '
            "Completed.",
        )
    return document


def validation_job(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """CreateTrainingJob's members, less the name, for the validation profile of a CreateAlgorithm request."""
    specification = request.get("ValidationSpecification")
    if specification is None:
        return None
    definition = dict(specification["ValidationProfiles"][0]["TrainingJobDefinition"])
    training = request["TrainingSpecification"]
    algorithm = {"TrainingImage": training["TrainingImage"], "TrainingInputMode": definition.pop("TrainingInputMode")}
    return {**definition, "AlgorithmSpecification": algorithm, "RoleArn": specification["ValidationRole"]}


def _unsupported(request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("CertifyForMarketplace"):
        yield "AWS Marketplace (CertifyForMarketplace)"
    if request["TrainingSpecification"].get("AdditionalS3DataSource"):
        yield "AdditionalS3DataSource in a TrainingSpecification"
    for profile in request.get("ValidationSpecification", {}).get("ValidationProfiles", []):
        if profile.get("TransformJobDefinition"):
            yield f"transform jobs, which the validation profile {profile['ProfileName']} asks for,"


def _summary(document: Document) -> dict[str, Any]:
    return {
        **ALGORITHM.summary(document),
        "AlgorithmDescription": document.body["request"].get("AlgorithmDescription"),
        "AlgorithmStatus": document.status,
    }
