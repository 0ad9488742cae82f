"""What FSx's nouns share: where their documents are, how they are found, and FSx's errors about them.

A file system's document has ``request`` (what Create took, with defaults), ``mount_name`` and ``links``, which
``kit.file_systems`` reads. A new resource is CREATING, and AVAILABLE from the next look at it on.

Source: https://docs.aws.amazon.com/fsx/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.core.lifecycle import FILE_SYSTEM, advance
from sagewright.kit import file_systems
from sagewright.kit.file_systems import FSX, KINDS, FileSystem
from sagewright.kit.operation import Context
from sagewright.kit.paging import decode_token, encode_token
from sagewright.kit.tags import TagErrors, Tags
from sagewright.store import Document, Space, Store

FILE_SYSTEMS = KINDS[FSX]
ASSOCIATIONS = "fsx:association"
_NOUNS = {
    FILE_SYSTEMS: ("FileSystemNotFound", "File system"),
    ASSOCIATIONS: ("DataRepositoryAssociationNotFound", "Data repository association"),
}
_ALL = 1_000_000


def bad(message: str) -> AwsError:
    return AwsError("BadRequest", message)


def bucket_of(uri: str) -> str:
    """Empty for what is no s3 uri."""
    return uri.removeprefix("s3://").partition("/")[0] if uri.startswith("s3://") else ""


class Shelf:
    """Documents of an account and region, by kind."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.tags = Tags(store, TagErrors("BadRequest", "BadRequest"))

    def space(self, ctx: Context, kind: str) -> Space:
        return Space(kind, ctx.account, ctx.region)

    def arn(self, ctx: Context, kind: str, key: str, system: str = "") -> str:
        """system: of which an association is."""
        noun = kind.removeprefix("fsx:")
        return str(Arn("fsx", ctx.region, ctx.account, "/".join(filter(None, (noun, system, key)))))

    def find(self, ctx: Context, kind: str, key: str) -> Document:
        """Settled. Raises FSx's error where there is none."""
        found = self.store.documents.get(self.space(ctx, kind), key)
        if found is None:
            code, noun = _NOUNS[kind]
            raise AwsError(code, f"{noun} '{key}' does not exist.")
        return self.settled(found)

    def all(self, ctx: Context, kind: str) -> list[Document]:
        """Settled, oldest first."""
        return [
            self.settled(each) for each in self.store.documents.find(self.space(ctx, kind), order="created", limit=_ALL)
        ]

    def settled(self, document: Document) -> Document:
        if not FILE_SYSTEM.takes(document.status, "made"):
            return document
        return self.store.documents.update(document, status=advance(FILE_SYSTEM, document.status, "made"))

    def registered(self) -> list[FileSystem]:
        return [each for each in file_systems.registered(self.store.folder).values() if each.type == FSX]

    def own(self, ctx: Context, key: str) -> Document:
        """A file system that can be changed: not a registered one. Raises FSx's error."""
        if any(each.id == key for each in self.registered()):
            raise bad(f"File system '{key}' is a registered folder, which is `sagewright filesystem`'s to change.")
        return self.find(ctx, FILE_SYSTEMS, key)


async def check_bucket(ctx: Context, uri: str, code: str) -> None:
    """Raises the error of that code where the caller has no such bucket."""
    try:
        if not bucket_of(uri):
            raise AwsError("404", "Not Found")
        await ctx.client("s3", as_caller=True).head_bucket(Bucket=bucket_of(uri))
    except AwsError as error:
        raise AwsError(code, f"Amazon FSx is unable to access the Amazon S3 bucket at {uri}: {error.message}") from None


def paged(items: Sequence[Any], token: str | None, limit: int | None, most: int) -> tuple[Sequence[Any], str | None]:
    """A page, and the token of the next. Raises BadRequest for a token that is none of ours."""
    start = decode_token(token, int, code="BadRequest") or 0
    after = start + min(limit or most, most)
    return items[start:after], encode_token(after) if after < len(items) else None
