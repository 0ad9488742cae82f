"""AssumeRole, GetSessionToken and GetFederationToken: temporary keys.

Policies are kept by IAM and not enforced, so every role may be assumed, one that nobody created too: programs written
for an account name that account's roles. What the request itself gets wrong is refused as AWS does.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.identity import Identity, issue, stable_id
from sagewright.kit.operation import Context, operation
from sagewright.services.sts.caller import caller_of
from sagewright.store import Store

_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/((?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64}))")
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a role. arn: the assumed-role ARN, which leaves the role's path out. id: ``AROA...:name``."""

    account: str
    arn: str
    id: str

    @property
    def user(self) -> dict[str, str]:
        return {"AssumedRoleId": self.id, "Arn": self.arn}


async def open_session(ctx: Context, role_arn: str, name: str, seconds: int) -> Session:
    """Raises AwsError for an ARN that is no role's and for a session longer than the role allows."""
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise AwsError("ValidationError", f"{role_arn} is invalid")
    partition, account, _, role = match.groups()
    try:
        found = (await ctx.clients.client("iam", account, ctx.region).get_role(RoleName=role))["Role"]
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
        found = {"RoleId": stable_id("AROA", f"{account}/{role}"), "MaxSessionDuration": 12 * _HOUR}
    if seconds > found["MaxSessionDuration"]:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    arn = f"arn:{partition}:sts::{account}:assumed-role/{role}/{name}"
    return Session(account, arn, f"{found['RoleId']}:{name}")


def check_policy(policy: str | None) -> int:
    """How full the session policy leaves the packed size limit, percent. Raises AwsError when it is no JSON object."""
    if policy is None:
        return 0
    try:
        document = json.loads(policy)
    except ValueError:
        raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json") from None
    if not isinstance(document, dict) or "Statement" not in document:
        raise AwsError("MalformedPolicyDocument", "Syntax errors in policy.")
    return min(100, 1 + len(policy) * 100 // 2048)


def handed_out(store: Store, whom: Identity, now: float, seconds: int) -> dict[str, Any]:
    """New temporary credentials as a Credentials member."""
    keys = issue(store, whom, now, seconds=seconds)
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
        source_identity: str | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        now = self._clock.now()
        caller_of(ctx, self._store, now)
        packed = check_policy(policy)
        session = await open_session(ctx, role_arn, role_session_name, duration_seconds)
        whom = Identity(session.account, session.arn, session.id)
        return {
            "Credentials": handed_out(self._store, whom, now, duration_seconds),
            "AssumedRoleUser": session.user,
            "PackedPolicySize": packed or None,
            "SourceIdentity": source_identity,
        }

    @operation()
    def get_session_token(self, ctx: Context, duration_seconds: int = 12 * _HOUR, **members: Any) -> dict[str, Any]:
        caller = self._long_term(ctx, "GetSessionToken")
        return {"Credentials": handed_out(self._store, caller, self._clock.now(), duration_seconds)}

    @operation()
    def get_federation_token(
        self,
        ctx: Context,
        name: str,
        duration_seconds: int = 12 * _HOUR,
        policy: str | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        caller = self._long_term(ctx, "GetFederationToken")
        packed = check_policy(policy)
        partition = caller.arn.split(":")[1]
        arn = f"arn:{partition}:sts::{caller.account}:federated-user/{name}"
        whom = Identity(caller.account, arn, f"{caller.account}:{name}")
        return {
            "Credentials": handed_out(self._store, whom, self._clock.now(), duration_seconds),
            "FederatedUser": {"FederatedUserId": whom.user_id, "Arn": arn},
            "PackedPolicySize": packed,
        }

    def _long_term(self, ctx: Context, action: str) -> Identity:
        caller = caller_of(ctx, self._store, self._clock.now())
        if caller.temporary:
            raise AwsError("AccessDenied", f"Cannot call {action} with session credentials", 403)
        return caller
