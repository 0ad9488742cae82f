"""Repositories, their settings and tags.

Nothing pushes images here, so a repository made here stays empty: pushes answer 501.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.paging import decode_token, encode_token
from sagewright.services.ecr.registry import Registry, arn_of, described, host, invalid, missing, parsed, space_of
from sagewright.services.ecr.runners import Runner
from sagewright.store import DuplicateKey

_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_ALL = 1_000_000


class Repositories:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation()
    def create_repository(
        self,
        ctx: Context,
        repository_name: str,
        tags: Sequence[dict[str, str]] = (),
        image_tag_mutability: str = "MUTABLE",
        image_scanning_configuration: dict[str, Any] | None = None,
        encryption_configuration: dict[str, Any] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        registry, store = self._registry.of(ctx), self._registry.store
        if not _NAME.fullmatch(repository_name):
            raise invalid(
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression "
                "'(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''"
            )
        body = {
            "imageTagMutability": image_tag_mutability,
            "imageScanningConfiguration": {"scanOnPush": False, **(image_scanning_configuration or {})},
            "encryptionConfiguration": encryption_configuration or {"encryptionType": "AES256"},
        }
        with store.transaction():
            try:
                made = store.documents.insert(space_of(registry, ctx.region), repository_name, body)
            except DuplicateKey:
                words = (
                    f"The repository with name '{repository_name}' already exists in the registry with id '{registry}'"
                )
                raise AwsError("RepositoryAlreadyExistsException", words) from None
            self._registry.tags.add(arn_of(registry, ctx.region, repository_name), tags)
        return {"repository": described(made)}

    @operation()
    def describe_repositories(
        self,
        ctx: Context,
        repository_names: Sequence[str] = (),
        next_token: str | None = None,
        max_results: int = 100,
        **members: Any,
    ) -> dict[str, Any]:
        if repository_names:
            return {"repositories": [self._named(ctx, name) for name in repository_names]}
        registry, region = self._registry.of(ctx), ctx.region
        own = self._registry.store.documents.find(space_of(registry, region), limit=_ALL)
        shown = [described(one) for one in own]
        shown += [_of_aws(registry, region, one) for one in self._registry.runners.of(registry, region)]
        found, token = paged(shown, next_token, max_results)
        return {"repositories": found, "nextToken": token}

    @operation()
    def delete_repository(self, ctx: Context, repository_name: str, **members: Any) -> dict[str, Any]:
        found, store = self._registry.own(ctx), self._registry.store
        with store.transaction():
            store.documents.delete(found.space, found.key)
            self._registry.tags.forget(arn_of(found.space.account, found.space.region, found.key))
        return {"repository": described(found)}

    @operation("record-only")
    def put_image_tag_mutability(
        self, ctx: Context, repository_name: str, image_tag_mutability: str, **members: Any
    ) -> dict[str, Any]:
        return self._set(ctx, "imageTagMutability", image_tag_mutability)

    @operation("record-only")
    def put_image_scanning_configuration(
        self, ctx: Context, repository_name: str, image_scanning_configuration: dict[str, Any], **members: Any
    ) -> dict[str, Any]:
        return self._set(ctx, "imageScanningConfiguration", image_scanning_configuration)

    @operation()
    def tag_resource(self, ctx: Context, resource_arn: str, tags: Sequence[dict[str, str]]) -> None:
        self._registry.tags.add(self._tagged(resource_arn), tags)

    @operation()
    def untag_resource(self, ctx: Context, resource_arn: str, tag_keys: Sequence[str]) -> None:
        self._registry.tags.remove(self._tagged(resource_arn), tag_keys)

    @operation()
    def list_tags_for_resource(self, ctx: Context, resource_arn: str) -> dict[str, Any]:
        return {"tags": self._registry.tags.list(self._tagged(resource_arn))}

    def _set(self, ctx: Context, member: str, value: Any) -> dict[str, Any]:
        found = self._registry.own(ctx)
        self._registry.store.documents.update(found, body={**found.body, member: value})
        return {"registryId": found.space.account, "repositoryName": found.key, member: value}

    def _named(self, ctx: Context, name: str) -> dict[str, Any]:
        registry, region = self._registry.of(ctx), ctx.region
        own = self._registry.store.documents.get(space_of(registry, region), name)
        if own is not None:
            return described(own)
        runner = self._registry.runners.find(registry, region, name)
        if runner is None:
            raise missing(registry, name)
        return _of_aws(registry, region, runner)

    def _tagged(self, arn: str) -> str:
        owner = parsed(arn)
        name = owner.resource.removeprefix("repository/")
        if self._registry.store.documents.get(space_of(owner.account, owner.region), name) is None:
            raise missing(owner.account, name)
        return arn


def _of_aws(registry: str, region: str, runner: Runner) -> dict[str, Any]:
    """Without what nobody here knows, such as its date."""
    return {
        "repositoryArn": arn_of(registry, region, runner.repository),
        "registryId": registry,
        "repositoryName": runner.repository,
        "repositoryUri": f"{host(registry, region)}/{runner.repository}",
    }


def paged(items: Sequence[Any], token: str | None, limit: int) -> tuple[Sequence[Any], str | None]:
    start = decode_token(token, code="InvalidParameterException") or 0
    if not isinstance(start, int) or start < 0:
        raise invalid("Invalid parameter at 'nextToken' failed to satisfy constraint: 'invalid token'")
    after = start + limit
    return items[start:after], encode_token(after) if after < len(items) else None
