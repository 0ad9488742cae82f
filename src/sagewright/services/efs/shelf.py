"""What EFS's nouns share: where their documents are, how they are found, and EFS's errors about them.

A new resource is ``creating``, and ``available`` from the next look at it on.

Source: https://docs.aws.amazon.com/efs/latest/ug/api-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.core.lifecycle import FILE_SYSTEM, advance
from sagewright.kit import file_systems
from sagewright.kit.file_systems import EFS, KINDS, FileSystem
from sagewright.kit.operation import Context
from sagewright.kit.paging import decode_token, encode_token
from sagewright.kit.tags import TagErrors, Tags
from sagewright.store import Document, Space, Store

FILE_SYSTEMS = KINDS[EFS]
MOUNT_TARGETS = "efs:mount-target"
ACCESS_POINTS = "efs:access-point"
_NOUNS = {
    FILE_SYSTEMS: ("FileSystemNotFound", "File system"),
    MOUNT_TARGETS: ("MountTargetNotFound", "Mount target"),
    ACCESS_POINTS: ("AccessPointNotFound", "Access point"),
}
_PAGE = 100
_ALL = 1_000_000


def error(code: str, message: str, status: int = 400, **members: Any) -> AwsError:
    """EFS says its code in the body too."""
    return AwsError(code, message, status, ErrorCode=code, **members)


def bad(message: str) -> AwsError:
    return error("BadRequest", message)


def plain_id(text: str) -> str:
    """Of an id or an ARN."""
    return text.rpartition("/")[2]


class Shelf:
    """Documents of an account and region, by kind."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.tags = Tags(store, TagErrors("BadRequest", "BadRequest"))

    def space(self, ctx: Context, kind: str) -> Space:
        return Space(kind, ctx.account, ctx.region)

    def arn(self, ctx: Context, kind: str, key: str) -> str:
        return str(Arn("elasticfilesystem", ctx.region, ctx.account, f"{kind.removeprefix('efs:')}/{key}"))

    def find(self, ctx: Context, kind: str, key: str) -> Document:
        """Settled. Raises EFS's error where there is none."""
        found = self.store.documents.get(self.space(ctx, kind), plain_id(key))
        if found is None:
            code, noun = _NOUNS[kind]
            raise error(code, f"{noun} '{plain_id(key)}' does not exist.", 404)
        return self.settled(found)

    def all(self, ctx: Context, kind: str, **members: str) -> list[Document]:
        """Settled, oldest first. members: of the bodies."""
        found = self.store.documents.find(self.space(ctx, kind), order="created", limit=_ALL)
        wanted = members.items()
        return [self.settled(each) for each in found if all(each.body.get(name) == value for name, value in wanted)]

    def settled(self, document: Document) -> Document:
        if not FILE_SYSTEM.takes(document.status, "made"):
            return document
        return self.store.documents.update(document, status=advance(FILE_SYSTEM, document.status, "made"))

    def registered(self) -> list[FileSystem]:
        return [each for each in file_systems.registered(self.store.folder).values() if each.type == EFS]

    def check_system(self, ctx: Context, key: str) -> str:
        """The plain id of a file system that is there, whether made or registered. Raises FileSystemNotFound."""
        if not any(each.id == plain_id(key) for each in self.registered()):
            self.find(ctx, FILE_SYSTEMS, key)
        return plain_id(key)


def paged(
    items: Sequence[Any], token: str | None, limit: int | None, show: Callable[[Any], Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], str | None]:
    """A page of what is shown, and the token of the next. Raises BadRequest for a token that is none of ours."""
    start = decode_token(token, int, code="BadRequest") or 0
    after = start + min(limit or _PAGE, _PAGE)
    return [show(each) for each in items[start:after]], encode_token(after) if after < len(items) else None
