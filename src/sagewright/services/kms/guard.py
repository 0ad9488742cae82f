"""Who may do what with a key: its policy and its grants, and IAM where the policy leaves it to the account.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html and, for condition keys,
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context
from sagewright.kit.permissions import Verdict, no_token, principal_facts, refusal, request_facts, verdicts
from sagewright.kit.policy import Caller, Facts, evaluate, facts, parse
from sagewright.services.kms.encrypting import key_of
from sagewright.services.kms.grants import Grants
from sagewright.services.kms.ring import Ring, alias_space, arn_of, grant_space
from sagewright.services.kms.specs import SYMMETRIC
from sagewright.store import Document

_OF_THE_ACCOUNT = {"CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"}
_ALL = 1_000_000
_MEMBERS = {
    "kms:EncryptionAlgorithm": "EncryptionAlgorithm",
    "kms:SigningAlgorithm": "SigningAlgorithm",
    "kms:MacAlgorithm": "MacAlgorithm",
    "kms:MessageType": "MessageType",
    "kms:KeyAgreementAlgorithm": "KeyAgreementAlgorithm",
    "kms:DataKeyPairSpec": "KeyPairSpec",
    "kms:GranteePrincipal": "GranteePrincipal",
    "kms:RetiringPrincipal": "RetiringPrincipal",
    "kms:GrantOperations": "Operations",
    "kms:RotationPeriodInDays": "RotationPeriodInDays",
    "kms:ScheduleKeyDeletionPendingWindowInDays": "PendingWindowInDays",
    "kms:BypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
}


class Guarded:
    """The guard of KMS's operations."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._grants = Grants(ring)

    async def __call__(self, ctx: Context) -> None:
        """Raises AccessDeniedException."""
        principal = ctx.principal
        if principal is None:
            return
        if principal.kind == "anonymous":
            raise no_token(in_json=True) if not ctx.via else _unknown(ctx.operation)
        request, name = ctx.request, ctx.operation
        if name in _OF_THE_ACCOUNT:
            await self._account_wide(ctx, principal, "*")
        elif name in ("CreateAlias", "UpdateAlias", "DeleteAlias"):
            await self._alias(ctx, principal)
        elif name == "ReEncrypt":
            await self._re_encrypt(ctx, principal)
        elif name == "RetireGrant":
            await self._retire(ctx, principal)
        elif name == "Decrypt":
            algorithm = request.get("EncryptionAlgorithm", SYMMETRIC)
            key = key_of(self._ring, ctx, request.get("CiphertextBlob", b""), request.get("KeyId"), algorithm)
            await self._check(ctx, principal, key, name, request.get("EncryptionContext"))
        elif "KeyId" in request:
            key = self._ring.find(ctx, request["KeyId"])
            await self._check(ctx, principal, key, name, request.get("EncryptionContext"))

    async def _account_wide(self, ctx: Context, principal: Principal, resource: str) -> None:
        action = f"kms:{ctx.operation}"
        (own,) = await verdicts(ctx, principal, action, [resource], facts(_asked(ctx, principal)))
        if not own.allowed:
            raise _denied(principal, action, resource, own.reason(action))

    async def _alias(self, ctx: Context, principal: Principal) -> None:
        """On the alias by IAM alone, and on each key that gains or loses it."""
        name = ctx.request["AliasName"]
        await self._account_wide(ctx, principal, str(Arn("kms", ctx.region, ctx.account, name)))
        present = self._ring.store.documents.get(alias_space(ctx.account, ctx.region), name)
        names = [ctx.request.get("TargetKeyId"), present and present.body["TargetKeyId"]]
        for key_id in dict.fromkeys(one for one in names if one):
            await self._check(ctx, principal, self._ring.find(ctx, key_id), ctx.operation, None)

    async def _re_encrypt(self, ctx: Context, principal: Principal) -> None:
        request = ctx.request
        algorithm = request.get("SourceEncryptionAlgorithm", SYMMETRIC)
        source = key_of(self._ring, ctx, request.get("CiphertextBlob", b""), request.get("SourceKeyId"), algorithm)
        target = self._ring.find(ctx, request["DestinationKeyId"])
        same = {"kms:ReEncryptOnSameKey": arn_of(source) == arn_of(target)}
        for key, name, side in ((source, "ReEncryptFrom", "Source"), (target, "ReEncryptTo", "Destination")):
            await self._check(ctx, principal, key, name, request.get(f"{side}EncryptionContext"), same)

    async def _retire(self, ctx: Context, principal: Principal) -> None:
        """Whom the grant names as retiring may; so may its grantee where it says RetireGrant."""
        request = ctx.request
        key, grant = self._grants.retired(ctx, request.get("GrantToken"), request.get("KeyId"), request.get("GrantId"))
        asked, own = grant.body["Asked"], Caller.of(principal).own
        if asked.get("RetiringPrincipal") in own:
            return
        if "RetireGrant" in asked["Operations"] and asked.get("GranteePrincipal") in own:
            return
        await self._check(ctx, principal, key, "RetireGrant", None)

    async def _check(
        self,
        ctx: Context,
        principal: Principal,
        key: Document,
        name: str,
        context: Mapping[str, str] | None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        action, arn = f"kms:{name}", arn_of(key)
        about = {**_asked(ctx, principal), **_of_key(self._ring, key), **_of_context(context), **(more or {})}
        known = facts(about)
        (own,) = await verdicts(ctx, principal, action, [arn], known)
        reason = _refused(principal, key, action, own, {**principal_facts(principal), **known})
        if reason and not (
            not own.denied and "explicit deny" not in reason and self._granted(principal, key, name, context)
        ):
            raise _denied(principal, action, arn, reason)

    def _granted(self, principal: Principal, key: Document, name: str, context: Mapping[str, str] | None) -> bool:
        own = Caller.of(principal).own
        return any(
            grant.body["Asked"].get("GranteePrincipal") in own
            and name in grant.body["Asked"]["Operations"]
            and _within(grant.body["Asked"].get("Constraints") or {}, context or {})
            for grant in self._ring.store.documents.find(grant_space(key), limit=_ALL)
        )


def _refused(principal: Principal, key: Document, action: str, own: Verdict, known: Facts) -> str:
    """Why key policy and IAM do not let the principal, empty where they do."""
    if own.denied:
        return own.reason(action)
    statements = parse(key.body["Policy"], "resource").statements
    decision = evaluate(statements, action, arn_of(key), known, Caller.of(principal))
    if decision.denied:
        return "with an explicit deny in a resource-based policy"
    if not decision.allowed:
        return f"because no resource-based policy allows the {action} action"
    at_home = principal.account == key.space.account
    limited = own.kind in ("session policy", "permissions boundary")
    if own.allowed or (decision.direct and at_home and not limited):
        return ""
    return own.reason(action)


def _within(constraints: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether a grant's constraints hold for an encryption context."""
    equals, subset = constraints.get("EncryptionContextEquals"), constraints.get("EncryptionContextSubset")
    if equals is not None and equals != dict(context):
        return False
    return subset is None or subset.items() <= context.items()


def _asked(ctx: Context, principal: Principal) -> dict[str, Any]:
    found = {key: ctx.request[member] for key, member in _MEMBERS.items() if member in ctx.request}
    via = f"{ctx.via}.{ctx.region}.amazonaws.com" if ctx.via else None
    named = next((ctx.request[member] for member in ("KeyId", "DestinationKeyId") if member in ctx.request), "")
    alias = named[named.index("alias/") :] if "alias/" in named else None
    about = {"kms:CallerAccount": principal.account, "kms:ViaService": via, "kms:RequestAlias": alias}
    about["aws:ViaAWSService"] = str(bool(ctx.via)).lower()
    return {**request_facts(ctx), **found, **about}


def _of_key(ring: Ring, key: Document) -> dict[str, Any]:
    arn, body = arn_of(key), key.body
    return {
        "kms:KeySpec": body["KeySpec"],
        "kms:KeyUsage": body["KeyUsage"],
        "kms:KeyOrigin": "AWS_KMS",
        "kms:MultiRegion": bool(body.get("MultiRegion")),
        "kms:ResourceAliases": [alias.key for alias in ring.aliases(key)],
        "aws:ResourceAccount": key.space.account,
        **{f"aws:ResourceTag/{name}": value for name, value in ring.tags.of(arn).items()},
    }


def _of_context(context: Mapping[str, str] | None) -> dict[str, Any]:
    if not context:
        return {}
    return {
        "kms:EncryptionContextKeys": list(context),
        **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
    }


def _unknown(operation: str) -> AwsError:
    """For a stranger on whose behalf a service calls: an unsigned request for an encrypted object."""
    return AwsError("AccessDeniedException", f"Unsigned requests are not authorized to perform: kms:{operation}")


def _denied(principal: Principal, action: str, resource: str, reason: str) -> AwsError:
    return refusal(principal, action, resource, reason, "AccessDeniedException", 400)
