"""Whom a statement's principals mean.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from dataclasses import dataclass

from sagewright.kit.identity import Principal
from sagewright.kit.policy.document import PrincipalName, Principals


@dataclass(frozen=True, slots=True)
class Caller:
    """Names by which policies know somebody.

    own: ARNs and unique ids of its own: a user's, or a session's and its role's. account: twelve digits.
    canonical_user: the account's id in S3. service: ``sagemaker.amazonaws.com``. federated: an identity provider.
    None of them: anonymous.
    """

    own: tuple[str, ...] = ()
    account: str = ""
    canonical_user: str = ""
    service: str = ""
    federated: str = ""
    is_root: bool = False

    @classmethod
    def of(cls, principal: Principal, canonical_user: str = "") -> Caller:
        """canonical_user: of the principal's account, where the service knows such."""
        if principal.kind == "anonymous":
            return cls()
        own = [principal.arn, principal.user_id]
        if principal.kind == "role":
            own += [role_arn(principal.arn), principal.user_id.partition(":")[0]]
        names = tuple(name for name in own if name)
        return cls(names, principal.account, canonical_user, is_root=principal.kind == "root")

    def account_names(self) -> tuple[str, ...]:
        return (self.account, f"arn:aws:iam::{self.account}:root") if self.account else ()


def role_arn(session: str) -> str:
    """The role of an assumed role's ARN. The session does not tell the role's path, so there is none in it."""
    head, _, rest = session.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if rest else session


def meant(principals: Principals, caller: Caller) -> str:
    """How a Principal element means the caller: "direct", "account" (it leaves the rest to the account), or ""."""
    found = ""
    for name in principals.names:
        how = _how(name, caller)
        if how == "direct":
            return how
        found = found or how
    return found


def spared(principals: Principals, caller: Caller) -> bool:
    """Whether a NotPrincipal element spares the caller: it must name the account as well as all that is in it."""
    names = principals.names
    if any(_how(name, caller) == "direct" and name.text == "*" for name in names):
        return True
    if caller.service or caller.federated:
        return any(_how(name, caller) for name in names)
    arns = [own for own in caller.own if own.startswith("arn:")]
    listed = {name.text for name in names if name.kind == "AWS"}
    in_account = any(name in listed for name in caller.account_names()) or caller.canonical_user in _canonical(names)
    return bool(caller.account) and in_account and (caller.is_root or all(_listed(arn, listed) for arn in arns))


def _listed(arn: str, listed: set[str]) -> bool:
    return arn in listed or any(_same(name, arn) for name in listed)


def _canonical(names: tuple[PrincipalName, ...]) -> set[str]:
    return {name.text for name in names if name.kind == "CanonicalUser"}


def _how(name: PrincipalName, caller: Caller) -> str:
    if name.text == "*" and name.kind in ("*", "AWS"):
        return "direct"
    if name.kind == "CanonicalUser":
        return _of_account(caller) if name.text == caller.canonical_user and name.text else ""
    if name.kind == "AWS":
        if any(_same(name.text, own) for own in caller.own):
            return "direct"
        return _of_account(caller) if name.text in caller.account_names() else ""
    mine = {"Service": caller.service, "Federated": caller.federated}.get(name.kind)
    return "direct" if mine and name.text in (mine, "*") else ""


def _of_account(caller: Caller) -> str:
    return "direct" if caller.is_root else "account"


def _same(named: str, own: str) -> bool:
    """A role's ARN may be named with its path, which a session does not tell."""
    if named == own:
        return True
    head, marker, rest = named.partition(":role/")
    return bool(marker) and "/" in rest and f"{head}:role/{rest.rpartition('/')[2]}" == own
