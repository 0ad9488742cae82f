"""Repositories of a registry (an account in a region), and ECR's errors about them.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.tags import TagErrors, Tags
from sagewright.services.ecr.runners import Runner, Runners
from sagewright.store import Document, Space, Store


def space_of(registry: str, region: str) -> Space:
    return Space("ecr.repository", registry, region)


def arn_of(registry: str, region: str, name: str) -> str:
    return str(Arn("ecr", region, registry, f"repository/{name}"))


def host(registry: str, region: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{registry}.dkr.ecr.{region}.{suffix}"


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def parsed(arn: str) -> Arn:
    """Raises InvalidParameterException for a text that is no ARN."""
    try:
        return Arn.parse(arn)
    except ValueError:
        raise invalid("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'") from None


def missing(registry: str, name: str) -> AwsError:
    words = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
    return AwsError("RepositoryNotFoundException", words)


class Registry:
    """Repositories made here, and those of AWS's accounts whose images run here (to be read only)."""

    def __init__(self, store: Store, clock: Clock, runners: Runners) -> None:
        self.store = store
        self.clock = clock
        self.runners = runners
        self.tags = Tags(store, TagErrors("InvalidTagParameterException", "TooManyTagsException"))

    def of(self, ctx: Context) -> str:
        """The registry a request is about: the caller's account where it names none."""
        return str(ctx.request.get("registryId") or ctx.account)

    def own(self, ctx: Context) -> Document:
        """The repository that a request names. Raises RepositoryNotFoundException, AccessDeniedException."""
        registry, name = self.of(ctx), ctx.request["repositoryName"]
        found = self.store.documents.get(space_of(registry, ctx.region), name)
        if found is not None:
            return found
        if self.runner(ctx) is not None:
            raise AwsError("AccessDeniedException", f"The repository {name} of registry {registry} is AWS's.")
        raise missing(registry, name)

    def runner(self, ctx: Context) -> Runner | None:
        """Where a request names an AWS account's repository whose images run here."""
        return self.runners.find(self.of(ctx), ctx.region, ctx.request["repositoryName"])


def described(repository: Document) -> dict[str, Any]:
    registry, region, name = repository.space.account, repository.space.region, repository.key
    return {
        "repositoryArn": arn_of(registry, region, name),
        "registryId": registry,
        "repositoryName": name,
        "repositoryUri": f"{host(registry, region)}/{name}",
        "createdAt": repository.created,
        **{member: value for member, value in repository.body.items() if member[0].islower()},
    }
