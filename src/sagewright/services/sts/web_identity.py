"""AssumeRoleWithWebIdentity: a role session for the bearer of an OpenID Connect token.

The token's claims are read and its end is enforced. Its signature is not checked: the issuer's keys are on the network.
Where callers are checked there is no session for such a token, therefore.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.clock import Clock, as_datetime
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.sts.sessions import handed_out, open_session
from sagewright.store import Store


class WebIdentities:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @operation()
    async def assume_role_with_web_identity(
        self,
        ctx: Context,
        role_arn: str,
        role_session_name: str,
        web_identity_token: str,
        duration_seconds: int = 3600,
        policy: str | None = None,
        policy_arns: Sequence[Mapping[str, str]] = (),
        **members: Any,
    ) -> dict[str, Any]:
        if ctx.principal is not None:
            words = "Sagewright cannot check a web identity's signature, and hands out no session for it."
            raise AwsError("NotImplemented", words, 501)
        now = self._clock.now()
        claims = _claims(web_identity_token, now)
        session = await open_session(ctx, role_arn, role_session_name, duration_seconds, policy, policy_arns)
        audience = claims.get("aud")
        keys = handed_out(self._store, session.identity, now, duration_seconds, session.policies.documents)
        return {
            "Credentials": keys,
            "SubjectFromWebIdentityToken": claims["sub"],
            "AssumedRoleUser": session.user,
            "PackedPolicySize": session.policies.packed,
            "Provider": claims["iss"],
            "Audience": audience[0] if isinstance(audience, list) and audience else audience,
        }


def _claims(token: str, now: float) -> dict[str, Any]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        claims = None
    if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str) or not isinstance(claims.get("iss"), str):
        raise AwsError(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    ends = claims.get("exp")
    if isinstance(ends, int | float) and ends <= now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration "
            f"date/time {int(ends)} ({as_datetime(ends):%Y-%m-%dT%H:%M:%SZ})",
        )
    return claims
