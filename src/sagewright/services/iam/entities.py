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
from sagewright.kit.operation import Context
from sagewright.kit.paging import decode_token, encode_token
from sagewright.kit.tags import TagErrors, Tags
from sagewright.store import Document, Space, Store

_Item = TypeVar("_Item")
_ALL = 1_000_000
_READY = Space("iam.ready")
SERVICE_PATH = "/aws-service-role/"

SAGEMAKER_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
    '"Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
)


def no_such_entity(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message, 404)


def conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message, 409)


def over_quota(what: str, quota: int) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {what}: {quota}", 409)


def paged(items: Sequence[_Item], marker: str | None, max_items: int) -> tuple[Sequence[_Item], dict[str, Any]]:
    """A page of items, and the IsTruncated and Marker members that go with it."""
    offset = decode_token(marker, code="ValidationError") or 0
    if not isinstance(offset, int) or offset < 0:
        raise AwsError("ValidationError", "Invalid Marker.")
    rest = items[offset : offset + max_items]
    if offset + max_items >= len(items):
        return rest, {"IsTruncated": False}
    return rest, {"IsTruncated": True, "Marker": encode_token(offset + max_items)}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity, as data. missing, taken: AWS's words, with the name put in.

    title: in member names. quota: how many an account may have; policies: bytes of inline policies one may have.
    """

    name: str
    title: str
    prefix: str
    missing: str
    taken: str
    quota: int
    policies: int = 0


# Quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_KINDS = (
    Kind(
        "role",
        "Role",
        "AROA",
        "The role with name {} cannot be found.",
        "Role with name {} already exists.",
        1000,
        10240,
    ),
    Kind(
        "user",
        "User",
        "AIDA",
        "The user with name {} cannot be found.",
        "User with name {} already exists.",
        5000,
        2048,
    ),
    Kind(
        "group",
        "Group",
        "AGPA",
        "The group with name {} cannot be found.",
        "Group with name {} already exists.",
        300,
        5120,
    ),
    Kind(
        "policy",
        "Policy",
        "ANPA",
        "Policy {} was not found.",
        "A policy called {} already exists. Duplicate names are not allowed.",
        1500,
    ),
    Kind(
        "instance-profile",
        "InstanceProfile",
        "AIPA",
        "Instance Profile {} cannot be found.",
        "Instance Profile {} already exists.",
        1000,
    ),
)


class Directory:
    """The entities of one kind. A body holds ``Path`` and ``Id``; the rest is its noun's own."""

    def __init__(
        self, kind: Kind, store: Store, tags: Tags, prepare: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self.kind = kind
        self._documents = store.documents
        self._prepare = prepare
        self._changed = changed
        self.transaction = store.transaction
        self.tags = tags

    def get(self, account: str, name: str) -> Document:
        """Raises NoSuchEntity."""
        found = self.find(account, name)
        if found is None:
            raise no_such_entity(self.kind.missing.format(name))
        return found

    def changeable(self, ctx: Context, name: str) -> Document:
        """The same, for an operation that may change it. Raises UnmodifiableEntity for a service-linked role."""
        found = self.get(ctx.account, name)
        if found.body["Path"].startswith(SERVICE_PATH) and not ctx.operation.startswith(("Get", "List")):
            service = found.body["Path"].split("/")[2]
            words = (
                f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS: "
                f"it belongs to {service}."
            )
            raise AwsError("UnmodifiableEntity", words)
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
        """Raises EntityAlreadyExists (of a name that differs in case only, too), LimitExceeded, InvalidInput (tags)."""
        self._prepare(account)
        self._changed()
        space = self._space(account)
        if self._documents.count(space) >= self.kind.quota:
            raise over_quota(f"{self.kind.title}sPerAccount", self.kind.quota)
        alike = self._documents.find(space, contains=name, limit=_ALL)
        if any(other.key.lower() == name.lower() for other in alike):
            raise AwsError("EntityAlreadyExists", self.kind.taken.format(name), 409)
        whole = {"Path": path, "Id": unique_id(self.kind.prefix), **body}
        with self.transaction():
            document = self._documents.insert(space, name, whole, created=created)
            self.tags.add(self.arn(document), tags)
        return document

    def change(self, document: Document, **members: Any) -> Document:
        """The document with some members of its body replaced; None takes a member away."""
        self._changed()
        body = {**document.body, **members}
        return self._documents.update(document, body={name: value for name, value in body.items() if value is not None})

    def delete(self, document: Document) -> None:
        self._changed()
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
        return f"arn:aws:iam::{document.space.account}:{self.kind.name}{document.body['Path']}{document.key}"

    def _space(self, account: str) -> Space:
        return Space(f"iam.{self.kind.name}", account)


class Entities:
    """The directories of an IAM, by kind. revision: grows with every change, for what is derived from them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.revision = 0
        tags = Tags(store, TagErrors("InvalidInput", "LimitExceeded", 409, case_insensitive=True))
        self.roles, self.users, self.groups, self.policies, self.profiles = (
            Directory(kind, store, tags, self._prepare, self._changed) for kind in _KINDS
        )

    def _changed(self) -> None:
        self.revision += 1

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
