"""AssumeRole, GetSessionToken and GetFederationToken: temporary keys.

Where callers are not checked every role may be assumed, one that nobody created too: programs written for an account
name that account's roles. Where they are, the role's trust policy decides.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.identity import Identity, issue, stable_id
from sagewright.kit.operation import Context, operation
from sagewright.services.sts.caller import caller_of
from sagewright.services.sts.session_policies import SessionPolicies, session_policies
from sagewright.services.sts.trust import check_trust
from sagewright.store import Store

_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/((?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64}))")
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a role. arn: the assumed-role ARN, which leaves the role's path out. id: ``AROA...:name``."""

    account: str
    arn: str
    id: str
    policies: SessionPolicies

    @property
    def user(self) -> dict[str, str]:
        return {"AssumedRoleId": self.id, "Arn": self.arn}

    @property
    def identity(self) -> Identity:
        return Identity(self.account, self.arn, self.id)


async def open_session(
    ctx: Context, role_arn: str, name: str, seconds: int, policy: str | None, arns: Sequence[Mapping[str, str]]
) -> Session:
    """Raises AwsError for an ARN that is no role's, a caller it does not trust, and too long a session."""
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise AwsError("ValidationError", f"{role_arn} is invalid")
    partition, account, _, role = match.groups()
    found = await _role(ctx, account, role, role_arn)
    await check_trust(ctx, role_arn, found)
    if found is None:
        found = {"RoleId": stable_id("AROA", f"{account}/{role}"), "MaxSessionDuration": 12 * _HOUR}
    if seconds > found["MaxSessionDuration"]:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    policies = await session_policies(ctx, account, policy, arns)
    arn = f"arn:{partition}:sts::{account}:assumed-role/{role}/{name}"
    return Session(account, arn, f"{found['RoleId']}:{name}", policies)


async def _role(ctx: Context, account: str, name: str, arn: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = (await ctx.clients.client("iam", account, ctx.region).get_role(RoleName=name))["Role"]
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
        return None
    return found if ctx.principal is None or found["Arn"] == arn else None


def handed_out(
    store: Store, whom: Identity, now: float, seconds: int, policies: Sequence[str] = (), source: str = ""
) -> dict[str, Any]:
    """New temporary credentials as a Credentials member. policies, source: as ``kit.identity.issue`` has them."""
    keys = issue(store, whom, now, seconds=seconds, policies=policies, source=source)
    return {
        "AccessKeyId": keys.access_key,
        "SecretAccessKey": keys.secret,
        "SessionToken": keys.token,
        "Expiration": keys.expires,
    }


class Sessions:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @operation()
    async def assume_role(
        self,
        ctx: Context,
        role_arn: str,
        role_session_name: str,
        duration_seconds: int = _HOUR,
        policy: str | None = None,
        policy_arns: Sequence[Mapping[str, str]] = (),
        source_identity: str | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        now = self._clock.now()
        caller = caller_of(ctx, self._store, now)
        if caller.temporary and ":assumed-role/" in caller.arn and duration_seconds > _HOUR:
            words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            raise AwsError("ValidationError", words)
        session = await open_session(ctx, role_arn, role_session_name, duration_seconds, policy, policy_arns)
        keys = handed_out(self._store, session.identity, now, duration_seconds, session.policies.documents)
        return {
            "Credentials": keys,
            "AssumedRoleUser": session.user,
            "PackedPolicySize": session.policies.packed,
            "SourceIdentity": source_identity,
        }

    @operation()
    def get_session_token(self, ctx: Context, duration_seconds: int = 12 * _HOUR, **members: Any) -> dict[str, Any]:
        caller = self._long_term(ctx, "GetSessionToken")
        return {"Credentials": handed_out(self._store, caller, self._clock.now(), duration_seconds)}

    @operation()
    async def get_federation_token(
        self,
        ctx: Context,
        name: str,
        duration_seconds: int = 12 * _HOUR,
        policy: str | None = None,
        policy_arns: Sequence[Mapping[str, str]] = (),
        **members: Any,
    ) -> dict[str, Any]:
        caller = self._long_term(ctx, "GetFederationToken")
        source = ctx.principal.arn if ctx.principal is not None and ctx.principal.kind == "user" else ""
        policies = await session_policies(ctx, caller.account, policy, policy_arns)
        partition = caller.arn.split(":")[1]
        arn = f"arn:{partition}:sts::{caller.account}:federated-user/{name}"
        whom, now = Identity(caller.account, arn, f"{caller.account}:{name}"), self._clock.now()
        return {
            "Credentials": handed_out(self._store, whom, now, duration_seconds, policies.documents, source),
            "FederatedUser": {"FederatedUserId": whom.user_id, "Arn": arn},
            "PackedPolicySize": policies.packed or 0,
        }

    def _long_term(self, ctx: Context, action: str) -> Identity:
        caller = caller_of(ctx, self._store, self._clock.now())
        if caller.temporary:
            raise AwsError("AccessDenied", f"Cannot call {action} with session credentials", 403)
        return caller
