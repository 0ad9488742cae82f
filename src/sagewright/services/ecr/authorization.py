"""GetAuthorizationToken: a password for ``docker login`` that stands for the caller, for twelve hours.

Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.identity import Identity, Principal, default_identity, identity, issue
from sagewright.kit.operation import Context, operation
from sagewright.services.ecr.registry import host
from sagewright.store import Store

_SECONDS = 12 * 3600


class Authorization:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @operation()
    def get_authorization_token(self, ctx: Context, registry_ids: Sequence[str] = ()) -> dict[str, Any]:
        now = self._clock.now()
        who = ctx.principal or Principal("anonymous")
        keys = issue(
            self._store, self._caller(ctx, now), now, seconds=_SECONDS, policies=who.policies, source=who.source
        )
        password = base64.b64encode(f"{keys.access_key}:{keys.token}".encode()).decode()
        token = base64.b64encode(f"AWS:{password}".encode()).decode()
        return {
            "authorizationData": [
                {
                    "authorizationToken": token,
                    "expiresAt": keys.expires,
                    "proxyEndpoint": f"https://{host(registry, ctx.region)}",
                }
                for registry in registry_ids or (ctx.account,)
            ]
        }

    def _caller(self, ctx: Context, now: float) -> Identity:
        if ctx.principal is not None:
            return Identity(ctx.principal.account, ctx.principal.arn, ctx.principal.user_id)
        return identity(self._store, ctx.access_key, now) if ctx.access_key else default_identity(ctx.account)
