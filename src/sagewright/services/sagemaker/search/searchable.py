"""What Search finds: a line a kind of resource."""

from __future__ import annotations

from sagewright.kit.resource import Noun
from sagewright.services.sagemaker.hosting import endpoints
from sagewright.services.sagemaker.hosting.nouns import ENDPOINT, MODEL
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.search.search import Searchable
from sagewright.services.sagemaker.training import jobs
from sagewright.store import Document


def _job_arn(document: Document) -> str:
    return job_arn(document.space, document.key)


def _arn(noun: Noun, document: Document) -> str:
    return noun.arn_of(document.space.account, document.space.region, document.key)


SEARCHABLE = (
    Searchable("TrainingJob", "TrainingJob", jobs.KIND, _job_arn, jobs.described),
    Searchable(
        "Endpoint", "Endpoint", "sagemaker:endpoint", lambda document: _arn(ENDPOINT, document), endpoints.described
    ),
    Searchable(
        "Model", "Model", "sagemaker:model", lambda document: _arn(MODEL, document), MODEL.described, wrapped="Model"
    ),
)
