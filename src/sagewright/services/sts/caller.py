"""GetCallerIdentity and GetAccessKeyInfo.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.identity import DEFAULT_ACCOUNT, Identity, account_in, default_identity, identity
from sagewright.kit.operation import Context, operation
from sagewright.store import Store


def caller_of(ctx: Context, store: Store, now: float) -> Identity:
    """Who calls. A call from inside the server carries no key: it is the account's default session."""
    if ctx.principal is not None:
        who = ctx.principal
        return Identity(who.account, who.arn, who.user_id, ctx.access_key.startswith("ASIA"))
    return identity(store, ctx.access_key, now) if ctx.access_key else default_identity(ctx.account)


class Caller:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @operation()
    def get_caller_identity(self, ctx: Context) -> dict[str, Any]:
        caller = caller_of(ctx, self._store, self._clock.now())
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    @operation()
    def get_access_key_info(self, ctx: Context, access_key_id: str) -> dict[str, Any]:
        """The account a key belongs to; key ids carry it, so the key need not exist any more."""
        if len(access_key_id) == 12 and access_key_id.isdigit():
            return {"Account": access_key_id}
        return {"Account": account_in(access_key_id) or DEFAULT_ACCOUNT}

    @operation()
    def decode_authorization_message(self, ctx: Context, encoded_message: str) -> None:
        """No refusal here carries an encoded message, so no message is one."""
        words = "The message could not be decoded: it is none that this service encoded."
        raise AwsError("InvalidAuthorizationMessageException", words)
