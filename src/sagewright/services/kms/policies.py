"""Key policies: every key has one, named ``default``.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.kit.policy import Caller, PolicyError, evaluate, facts, parse
from sagewright.services.kms.errors import not_found
from sagewright.services.kms.ring import Ring, check_customer, check_no_alias, check_not_pending
from sagewright.store import Document

_NAME = "default"


def check_policy(ctx: Context, text: str, *, bypass: bool) -> None:
    """Raises MalformedPolicyDocumentException for no policy, and for one that shuts its author out.

    The second only where callers are checked: without signatures everybody may do everything.
    """
    try:
        policy = parse(text, "resource")
    except PolicyError as error:
        raise AwsError("MalformedPolicyDocumentException", str(error)) from None
    if bypass or ctx.principal is None:
        return
    caller = Caller.of(ctx.principal)
    known = facts({"aws:PrincipalArn": ctx.principal.arn, "kms:CallerAccount": ctx.principal.account})
    if not evaluate(policy.statements, "kms:PutKeyPolicy", "*", known, caller).allowed:
        words = "The new key policy will not allow you to update the key policy in the future."
        raise AwsError("MalformedPolicyDocumentException", words)


class Policies:
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @operation()
    def put_key_policy(
        self,
        ctx: Context,
        key_id: str,
        policy: str,
        policy_name: str = _NAME,
        bypass_policy_lockout_safety_check: bool = False,
    ) -> None:
        key = self._named(ctx, key_id, policy_name)
        check_customer(key, ctx.operation)
        check_not_pending(key)
        check_policy(ctx, policy, bypass=bypass_policy_lockout_safety_check)
        self._ring.change(key, Policy=policy)

    @operation()
    def get_key_policy(self, ctx: Context, key_id: str, policy_name: str = _NAME) -> dict[str, Any]:
        return {"Policy": self._named(ctx, key_id, policy_name).body["Policy"], "PolicyName": _NAME}

    @operation()
    def list_key_policies(self, ctx: Context, key_id: str, **members: Any) -> dict[str, Any]:
        self._named(ctx, key_id, _NAME)
        return {"PolicyNames": [_NAME], "Truncated": False}

    def _named(self, ctx: Context, key_id: str, policy_name: str) -> Document:
        if policy_name != _NAME:
            raise not_found("No such policy exists")
        return self._ring.find(ctx, check_no_alias(key_id))
