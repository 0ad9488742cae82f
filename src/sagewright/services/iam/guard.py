"""What an operation of IAM needs: its action on the entity it names.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagewright.kit.operation import Context, Guard
from sagewright.kit.permissions import Need, guard, request_facts
from sagewright.services.iam.entities import Directory, Entities

_KEYS = {
    "iam:PolicyARN": "PolicyArn",
    "iam:PermissionsBoundary": "PermissionsBoundary",
    "iam:AWSServiceName": "AWSServiceName",
}
_OF_ONESELF = ("GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey")


def iam_guard(kinds: Entities) -> Guard:
    return guard("iam", _Needs(kinds).of, known=_known)


def _known(ctx: Context) -> dict[str, Any]:
    return {**request_facts(ctx), **{key: ctx.request.get(member) for key, member in _KEYS.items()}}


class _Needs:
    def __init__(self, kinds: Entities) -> None:
        self._directories = (kinds.profiles, kinds.groups, kinds.roles, kinds.users, kinds.policies)
        self._roles = kinds.roles

    def of(self, ctx: Context) -> Iterator[Need]:
        yield f"iam:{ctx.operation}", self._resource(ctx)
        if ctx.operation == "AddRoleToInstanceProfile":
            yield "iam:PassRole", _arn(ctx, self._roles, ctx.request["RoleName"])

    def _resource(self, ctx: Context) -> str:
        """The first entity named, in the order of AWS's table; ``*`` for lists and the account."""
        for directory in self._directories:
            name = ctx.request.get(f"{directory.kind.title}Name")
            if name is not None:
                return _arn(ctx, directory, name)
        if ctx.operation in _OF_ONESELF and ctx.principal is not None:
            return ctx.principal.arn
        found: str = ctx.request.get("PolicyArn") or ctx.request.get("PolicySourceArn") or "*"
        return found


def _arn(ctx: Context, directory: Directory, name: str) -> str:
    found = directory.find(ctx.account, name)
    if found is not None:
        return directory.arn(found)
    return f"arn:aws:iam::{ctx.account}:{directory.kind.name}{ctx.request.get('Path', '/')}{name}"
