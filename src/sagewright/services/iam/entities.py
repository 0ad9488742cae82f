"""What all IAM entities share: unique names in an account, a path, an id, an ARN, tags, paging by Marker.

IAM is global, so entities live in their account and in no region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sagewright.core.errors import AwsError
from sagewright.core.ids import unique_id
from sagewright.kit.identity import DEFAULT_ROLE, stable_id
from sagewright.kit.paging import decode_token, encode_token
from sagewright.kit.tags import TagErrors, Tags
from sagewright.store import Document, DuplicateKey, Space, Store

_Item = TypeVar("_Item")
_ALL = 1_000_000
_READY = Space("iam.ready")

SAGEMAKER_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
    '"Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
)


def no_such_entity(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message, 404)


def conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, 409)


def paged(items: Sequence[_Item], marker: str | None, max_items: int) -> tuple[Sequence[_Item], dict[str, Any]]:
    """A page of items, and the IsTruncated and Marker members that go with it."""
    offset = decode_token(marker, code="ValidationError") or 0
    rest = items[offset : offset + max_items]
    if offset + max_items >= len(items):
        return rest, {"IsTruncated": False}
    return rest, {"IsTruncated": True, "Marker": encode_token(offset + max_items)}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity, as data. missing, taken: AWS's words, with the name put in."""

    name: str
    prefix: str
    missing: str
    taken: str


_KINDS = (
    Kind("role", "AROA", "The role with name {} cannot be found.", "Role with name {} already exists."),
    Kind("user", "AIDA", "The user with name {} cannot be found.", "User with name {} already exists."),
    Kind(
        "policy",
        "ANPA",
        "Policy {} was not found.",
        "A policy called {} already exists. Duplicate names are not allowed.",
    ),
    Kind(
        "instance-profile",
        "AIPA",
        "Instance Profile {} cannot be found.",
        "Instance Profile {} already exists.",
    ),
)


class Directory:
    """The entities of one kind. A body holds ``Path`` and ``Id``; the rest is its noun's own."""

    def __init__(self, kind: Kind, store: Store, tags: Tags, prepare: Callable[[str], None]) -> None:
        self._kind = kind
        self._documents = store.documents
        self._prepare = prepare
        self.transaction = store.transaction
        self.tags = tags

    def get(self, account: str, name: str) -> Document:
        """Raises NoSuchEntity."""
        found = self.find(account, name)
        if found is None:
            raise no_such_entity(self._kind.missing.format(name))
        return found

    def find(self, account: str, name: str) -> Document | None:
        self._prepare(account)
        return self._documents.get(self._space(account), name)

    def all(self, account: str, path_prefix: str = "/") -> list[Document]:
        """By name, those whose path starts with path_prefix."""
        self._prepare(account)
        found = self._documents.find(self._space(account), limit=_ALL)
        return [document for document in found if document.body["Path"].startswith(path_prefix)]

    def insert(
        self,
        account: str,
        name: str,
        path: str,
        body: dict[str, Any],
        tags: Iterable[dict[str, str]],
        created: float | None = None,
    ) -> Document:
        """Raises EntityAlreadyExists, and InvalidInput for bad tags."""
        self._prepare(account)
        whole = {"Path": path, "Id": unique_id(self._kind.prefix), **body}
        with self.transaction():
            try:
                document = self._documents.insert(self._space(account), name, whole, created=created)
            except DuplicateKey:
                raise AwsError("EntityAlreadyExists", self._kind.taken.format(name), 409) from None
            self.tags.add(self.arn(document), tags)
        return document

    def change(self, document: Document, **members: Any) -> Document:
        """The document with some members of its body replaced; None takes a member away."""
        body = {**document.body, **members}
        return self._documents.update(document, body={name: value for name, value in body.items() if value is not None})

    def delete(self, document: Document) -> None:
        with self.transaction():
            self._documents.delete(document.space, document.key)
            self.tags.forget(self.arn(document))

    def move(self, document: Document, name: str, path: str) -> Document:
        """The entity under another name or path; its id and tags go with it. Raises EntityAlreadyExists."""
        tags = self.tags.list(self.arn(document))
        with self.transaction():
            self.delete(document)
            return self.insert(
                document.space.account, name, path, {**document.body, "Path": path}, tags, document.created
            )

    def arn(self, document: Document) -> str:
        return f"arn:aws:iam::{document.space.account}:{self._kind.name}{document.body['Path']}{document.key}"

    def _space(self, account: str) -> Space:
        return Space(f"iam.{self._kind.name}", account)


class Entities:
    """The directories of an IAM, by kind."""

    def __init__(self, store: Store) -> None:
        self._store = store
        tags = Tags(store, TagErrors("InvalidInput", "LimitExceeded", 409, case_insensitive=True))
        self.roles, self.users, self.policies, self.profiles = (
            Directory(kind, store, tags, self._prepare) for kind in _KINDS
        )

    def _prepare(self, account: str) -> None:
        """Give an account its SageMaker role when it is first looked at; once deleted, it stays away."""
        documents = self._store.documents
        if documents.get(_READY, account) is not None:
            return
        with self._store.transaction():
            documents.insert(_READY, account, {})
            body = {
                "Path": "/",
                "Id": stable_id("AROA", f"{account}/{DEFAULT_ROLE}"),
                "Trust": SAGEMAKER_TRUST,
                "Description": "What keys that name nobody in particular stand for",
                "MaxSessionDuration": 43200,
                "Attached": ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"],
                "Inline": {},
            }
            documents.insert(Space("iam.role", account), DEFAULT_ROLE, body)
