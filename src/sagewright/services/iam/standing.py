"""What policies a user, group or role has in the end: attached, inline, its groups', and its permissions boundary.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.policy import Decision, Facts, Statement, context_keys, evaluate, parse
from sagewright.services.iam import aws_managed
from sagewright.services.iam.entities import Directory, Entities, no_such_entity
from sagewright.services.iam.policies import find_policy
from sagewright.store import Document

Source = tuple[str, str, str]
"""A policy's name, its type as simulations call it (PolicySourceType), and its document."""


@dataclass(frozen=True, slots=True)
class Standing:
    """statements: of all policies. boundary: those of the permissions boundary, None without one.

    types: PolicySourceType by policy name. keys: condition keys that any of them asks for, in lower case.
    """

    statements: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    types: dict[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()

    @classmethod
    def of(cls, sources: Sequence[Source], boundary: Sequence[Source] | None = None) -> Standing:
        """Raises PolicyError."""
        own = _statements(sources)
        limit = None if boundary is None else _statements(boundary)
        keys = {key.lower() for key in context_keys((*own, *(limit or ())))}
        return cls(own, limit, {name: kind for name, kind, _ in sources}, frozenset(keys))

    def decide(self, action: str, resource: str, known: Facts) -> tuple[Decision, bool]:
        """What the policies say together, and whether the boundary lets it pass."""
        own = evaluate(self.statements, action, resource, known)
        if self.boundary is None or own.denied:
            return own, True
        limit = evaluate(self.boundary, action, resource, known)
        if limit.denied:
            return limit, False
        if not limit.allowed:
            return Decision("implicitDeny", own.matched), False
        return own, True


class Standings:
    """Standings by ARN, kept until something in IAM changes."""

    def __init__(self, kinds: Entities) -> None:
        self._kinds = kinds
        self._revision = -1
        self._kept: dict[str, Standing] = {}

    def of(self, arn: str) -> Standing:
        """Of a user's, group's or role's ARN, with or without its path. Raises NoSuchEntity, InvalidInput."""
        if self._revision != self._kinds.revision:
            self._kept.clear()
        found = self._kept.get(arn)
        if found is None:
            entity, kind = self._entity(arn)
            boundary = entity.body.get("Boundary")
            limit = None if boundary is None else self._managed(entity.space.account, [boundary])
            found = Standing.of(self._sources(entity, kind), limit)
            self._kept[arn] = found
            self._revision = self._kinds.revision  # of what was read, which may have made the account's first role
        return found

    def sources(self, arn: str) -> list[Source]:
        return self._sources(*self._entity(arn))

    def document(self, account: str, arn: str) -> str | None:
        """The default version of a managed policy; of AWS's what is known to concern the services here."""
        if aws_managed.is_managed(arn):
            return aws_managed.effect_of(arn)
        body = find_policy(self._kinds, account, arn).body
        document: str = body["Versions"][body["Default"]]["Document"]
        return document

    def _entity(self, arn: str) -> tuple[Document, Directory]:
        try:
            parsed = Arn.parse(arn)
        except ValueError:
            raise AwsError(
                "InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
            ) from None
        kind, _, path = parsed.resource.partition("/")
        directories = {"user": self._kinds.users, "group": self._kinds.groups, "role": self._kinds.roles}
        if kind not in directories or not path:
            raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
        name = path.rpartition("/")[2]
        entity = directories[kind].find(parsed.account, name)
        if entity is None or ("/" in path and directories[kind].arn(entity) != arn):
            raise no_such_entity(f"The {kind} with name {name} cannot be found.")
        return entity, directories[kind]

    def _sources(self, entity: Document, directory: Directory) -> list[Source]:
        kind, account = directory.kind.name, entity.space.account
        found = [(f"{kind}_{entity.key}_{name}", kind, text) for name, text in entity.body["Inline"].items()]
        found += self._managed(account, entity.body["Attached"])
        for name in entity.body.get("Groups", ()):
            found += self._sources(self._kinds.groups.get(account, name), self._kinds.groups)
        return found

    def _managed(self, account: str, arns: Sequence[str]) -> list[Source]:
        return list(self._each(account, arns))

    def _each(self, account: str, arns: Sequence[str]) -> Iterator[Source]:
        for arn in arns:
            document = self.document(account, arn)
            if document is not None:
                kind = "aws-managed" if aws_managed.is_managed(arn) else "user-managed"
                yield arn.rpartition("/")[2], kind, document


def _statements(sources: Sequence[Source]) -> tuple[Statement, ...]:
    return tuple(one for name, _, text in sources for one in parse(text, "identity", name).statements)
