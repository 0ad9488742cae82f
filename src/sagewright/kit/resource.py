"""Resources with no behaviour of their own: create, describe, list and delete of a document, from one declared line.

    Resource(Noun("EndpointConfig", "endpoint-config", "endpoint configuration"), store, clock, tags)

serves create_endpoint_config, describe_endpoint_config, list_endpoint_configs and delete_endpoint_config.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.filters import Listing
from sagewright.kit.operation import Context, operation
from sagewright.kit.tags import Tags
from sagewright.store import Document, DuplicateKey, Space, Store

Prepare = Callable[[Context], Awaitable[dict[str, Any]]]
"""Checks a Create request and gives the document to keep, defaults filled in. Raises AwsError."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of resource as the API names it.

    name: in operation and member names (``EndpointConfig``). arn: the resource type in its ARN. title: in messages.
    """

    name: str
    arn: str
    title: str
    service: str = "sagemaker"
    listing: Listing = field(default_factory=Listing)

    def space(self, account: str, region: str) -> Space:
        return Space(f"{self.service}:{self.arn}", account, region)

    def arn_of(self, account: str, region: str, name: str) -> str:
        return str(Arn(self.service, region, account, f"{self.arn}/{name}"))

    def summary(self, document: Document) -> dict[str, Any]:
        """What lists show."""
        space = document.space
        return {
            f"{self.name}Name": document.key,
            f"{self.name}Arn": self.arn_of(space.account, space.region, document.key),
            "CreationTime": document.created,
        }

    def described(self, document: Document) -> dict[str, Any]:
        """What Describe shows of a resource that is kept as it was sent."""
        return {**document.body, **self.summary(document)}

    def find(self, store: Store, account: str, region: str, name: str) -> Document:
        """Raises AwsError in SageMaker's words when there is none."""
        document = store.documents.get(self.space(account, region), name)
        if document is None:
            arn = self.arn_of(account, region, name)
            raise AwsError("ValidationException", f'Could not find {self.title} "{arn}".')
        return document

    def insert(self, store: Store, ctx: Context, name: str, body: dict[str, Any], *, status: str = "") -> Document:
        """Raises AwsError in SageMaker's words when the name is taken."""
        try:
            return store.documents.insert(self.space(ctx.account, ctx.region), name, body, status=status)
        except DuplicateKey:
            arn = self.arn_of(ctx.account, ctx.region, name)
            raise AwsError("ValidationException", f'Cannot create already existing {self.title} "{arn}".') from None


async def _as_sent(ctx: Context) -> dict[str, Any]:
    return dict(ctx.request)


class Resource:
    """The four operations of a Noun. prepare: what Create checks and keeps; without it, the request as it is."""

    def __init__(self, noun: Noun, store: Store, clock: Clock, tags: Tags, prepare: Prepare = _as_sent) -> None:
        self._noun = noun
        self._store = store
        self._clock = clock
        self._tags = tags
        self._prepare = prepare
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", noun.name).lower()
        for name, method in (
            (f"create_{snake}", self._create),
            (f"describe_{snake}", self._describe),
            (f"list_{snake}s", self._list),
            (f"delete_{snake}", self._delete),
        ):
            setattr(self, name, method)

    @operation()
    async def _create(self, ctx: Context, **members: Any) -> dict[str, Any]:
        noun = self._noun
        body = await self._prepare(ctx)
        tags = body.pop("Tags", [])
        name = body[f"{noun.name}Name"]
        arn = noun.arn_of(ctx.account, ctx.region, name)
        with self._store.transaction():
            noun.insert(self._store, ctx, name, body)
            self._tags.add(arn, tags)
        return {f"{noun.name}Arn": arn}

    @operation()
    def _describe(self, ctx: Context, **members: Any) -> dict[str, Any]:
        return self._noun.described(self._find(ctx))

    @operation()
    def _list(self, ctx: Context, **members: Any) -> dict[str, Any]:
        space = self._noun.space(ctx.account, ctx.region)
        found, token = self._noun.listing.run(self._store, space, ctx.request, self._clock.now())
        return {f"{self._noun.name}s": [self._noun.summary(document) for document in found], "NextToken": token}

    @operation()
    def _delete(self, ctx: Context, **members: Any) -> None:
        document = self._find(ctx)
        with self._store.transaction():
            self._store.documents.delete(document.space, document.key)
            self._tags.forget(self._noun.arn_of(ctx.account, ctx.region, document.key))

    def _find(self, ctx: Context) -> Document:
        return self._noun.find(self._store, ctx.account, ctx.region, ctx.request[f"{self._noun.name}Name"])
