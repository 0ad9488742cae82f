"""What the operations on jobs of every kind do alike with a job's document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.filters import Listing
from sagewright.kit.hold import Holder
from sagewright.kit.operation import Context
from sagewright.kit.tags import Tags
from sagewright.services.sagemaker.jobs.identity import job_arn
from sagewright.services.sagemaker.jobs.status import IN_MOTION, enter
from sagewright.services.sagemaker.keys import key_of
from sagewright.store import Document, DuplicateKey, Space, Store


@dataclass(frozen=True, slots=True)
class Wording:
    """How AWS speaks of a kind of job. noun: ``training job``. taken, missing: with ``{arn}`` and ``{name}``. code: of
    the error of a missing one."""

    noun: str
    taken: str
    missing: str
    code: str = "ValidationException"


class Records:
    """The jobs of one kind. kind: of their documents. kick: has the reconciler look at a job's key."""

    def __init__(
        self,
        kind: str,
        wording: Wording,
        listing: Listing,
        store: Store,
        clock: Clock,
        holder: Holder,
        tags: Tags,
        kick: Callable[[str], None],
    ) -> None:
        self._kind = kind
        self._wording = wording
        self._listing = listing
        self._store = store
        self._clock = clock
        self._holder = holder
        self._tags = tags
        self._kick = kick

    def space(self, ctx: Context) -> Space:
        return Space(self._kind, ctx.account, ctx.region)

    def create(self, ctx: Context, name: str, body: Mapping[str, Any], tags: Sequence[Mapping[str, str]] | None) -> str:
        """The ARN of a job that is about to run. Raises AwsError where the name is taken."""
        space = self.space(ctx)
        arn = job_arn(space, name)
        try:
            with self._store.transaction():
                document = self._store.documents.insert(space, name, dict(body), status="InProgress")
                self._tags.add(arn, tags or [])
        except DuplicateKey:
            raise AwsError("ResourceInUse", self._wording.taken.format(arn=arn)) from None
        self._kick(key_of(document))
        return arn

    def find(self, ctx: Context, name: str) -> Document:
        """Raises AwsError."""
        document = self._store.documents.get(self.space(ctx), name)
        if document is None:
            raise AwsError(self._wording.code, self._wording.missing.format(name=name))
        return document

    async def settled(self, ctx: Context, name: str) -> Document:
        """The job as Describe is to show it. Raises AwsError."""
        return await self._holder.settled(ctx, self.find(ctx, name), in_motion)

    def page(self, ctx: Context) -> tuple[Sequence[Document], str | None]:
        """What a List operation asks for. Raises AwsError."""
        return self._listing.run(self._store, self.space(ctx), ctx.request, self._clock.now())

    def stop(self, ctx: Context, name: str) -> None:
        """Have a job end. Raises AwsError."""
        document = self.find(ctx, name)
        if not in_motion(document):
            raise self._rejected("ValidationException", document)
        if document.status == "Stopping":
            return
        state = enter(document.body["state"], "Stopping", self._clock.now())
        self._store.documents.update(document, body={**document.body, "state": state}, status="Stopping")
        self._kick(key_of(document))

    def delete(self, ctx: Context, name: str) -> None:
        """Raises AwsError for a job in motion."""
        document = self.find(ctx, name)
        if in_motion(document):
            raise self._rejected("ResourceInUse", document)
        with self._store.transaction():
            self._store.documents.delete(document.space, document.key)
            self._tags.forget(job_arn(document.space, document.key))

    def _rejected(self, code: str, document: Document) -> AwsError:
        noun, status = self._wording.noun, document.status
        return AwsError(code, f"The request was rejected because the {noun} is in status {status}.")


def in_motion(document: Document) -> bool:
    """Whether a job still changes by itself."""
    return document.status in IN_MOTION
