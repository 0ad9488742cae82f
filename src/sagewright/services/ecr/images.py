"""Images: none in repositories made here, and one in each of AWS's that run here.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.ecr.registry import Registry
from sagewright.services.ecr.repositories import paged
from sagewright.services.ecr.runners import MANIFEST, Runner

_Id = Mapping[str, str]


class Images:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation()
    def list_images(
        self,
        ctx: Context,
        repository_name: str,
        next_token: str | None = None,
        max_results: int = 100,
        filter: Mapping[str, Any] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        runner = self._runner(ctx)
        ids = [{"imageDigest": runner.digest, "imageTag": tag} for tag in runner.tags] if runner else []
        if (filter or {}).get("tagStatus") == "UNTAGGED":
            ids = []
        found, token = paged(ids, next_token, max_results)
        return {"imageIds": found, "nextToken": token}

    @operation()
    def describe_images(
        self,
        ctx: Context,
        repository_name: str,
        image_ids: Sequence[_Id] = (),
        filter: Mapping[str, Any] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        runner = self._runner(ctx)
        for asked in image_ids:
            if _failure(runner, asked) is not None:
                words = f"The image with imageId {_shown(asked)} does not exist within the repository with name "
                words += f"'{repository_name}' in the registry with id '{self._registry.of(ctx)}'"
                raise AwsError("ImageNotFoundException", words)
        if runner is None or (filter or {}).get("tagStatus") == "UNTAGGED":
            return {"imageDetails": []}
        further = [one["imageTag"] for one in image_ids if one.get("imageTag") not in (None, *runner.tags)]
        detail = {
            "registryId": self._registry.of(ctx),
            "repositoryName": repository_name,
            "imageDigest": runner.digest,
            "imageTags": [*runner.tags, *dict.fromkeys(further)],
            "imageManifestMediaType": MANIFEST,
        }
        return {"imageDetails": [detail]}

    @operation()
    def batch_get_image(
        self, ctx: Context, repository_name: str, image_ids: Sequence[_Id], **members: Any
    ) -> dict[str, Any]:
        runner = self._runner(ctx)
        images, failures = [], []
        for asked in image_ids:
            failure = _failure(runner, asked)
            if runner is None or failure is not None:
                failures.append(failure)
                continue
            images.append(
                {
                    "registryId": self._registry.of(ctx),
                    "repositoryName": repository_name,
                    "imageId": {**asked, "imageDigest": runner.digest},
                    "imageManifest": runner.manifest,
                    "imageManifestMediaType": MANIFEST,
                }
            )
        return {"images": images, "failures": failures}

    @operation()
    def batch_delete_image(
        self, ctx: Context, repository_name: str, image_ids: Sequence[_Id], **members: Any
    ) -> dict[str, Any]:
        self._registry.own(ctx)
        return {"imageIds": [], "failures": [_failure(None, asked) for asked in image_ids]}

    def _runner(self, ctx: Context) -> Runner | None:
        """None for a repository made here. Raises RepositoryNotFoundException."""
        runner = self._registry.runner(ctx)
        if runner is None:
            self._registry.own(ctx)
        return runner


def _failure(runner: Runner | None, asked: _Id) -> dict[str, Any] | None:
    """Why there is no such image; None where there is."""
    tag, digest = asked.get("imageTag"), asked.get("imageDigest")
    if tag is None and digest is None:
        return _failed(asked, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if runner is None or (tag is not None and not runner.has(tag)) or (tag is None and digest != runner.digest):
        return _failed(asked, "ImageNotFound", "Requested image not found")
    if digest not in (None, runner.digest):
        return _failed(asked, "ImageTagDoesNotMatchDigest", "Tag does not match digest")
    return None


def _failed(asked: _Id, code: str, reason: str) -> dict[str, Any]:
    return {"imageId": dict(asked), "failureCode": code, "failureReason": reason}


def _shown(asked: _Id) -> str:
    digest, tag = asked.get("imageDigest", "null"), asked.get("imageTag", "null")
    return f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"
