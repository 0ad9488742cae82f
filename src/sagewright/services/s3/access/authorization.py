"""Whether a principal may do what it asks of S3: its own policies, the bucket's, and the access control lists.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html and, for messages,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context
from sagewright.kit.permissions import Verdict, verdicts
from sagewright.kit.policy import Caller, Facts, Statement, evaluate, parse
from sagewright.services.s3 import errors
from sagewright.services.s3.access import grants
from sagewright.services.s3.access.ownership import (
    ENFORCED,
    blocks,
    bucket_grants,
    bucket_owner,
    object_grants,
    object_owner,
    ownership,
)
from sagewright.services.s3.access.permissions import DELETION, LISTING, OF_LISTS, READS, Need, needs
from sagewright.services.s3.access.publicity import is_public
from sagewright.services.s3.access.region import check_region
from sagewright.services.s3.access.request_facts import s3_facts, with_resource
from sagewright.services.s3.names import split_source
from sagewright.services.s3.records import Records, owner
from sagewright.store import Document

_OWNERS_ALONE = ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy")
_CHANGES_BUCKET = ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload")
"""Actions on objects that are the bucket's owner's to allow, whoever owns what is there."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One action on one resource. bucket: None where it is not there, or not asked. found: the object's version."""

    action: str
    arn: str
    bucket: Document | None = None
    found: Document | None = None
    is_object: bool = False


class Authorization:
    """The guard of S3's operations. Called where there is a principal to be checked."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def __call__(self, ctx: Context) -> None:
        """Raises AwsError: AccessDenied (403), or one about the signature's region."""
        principal = ctx.principal
        if principal is None:
            return
        home = self._bucket(ctx.request.get("Bucket", ""))
        if home is not None and principal.kind != "anonymous":
            check_region(ctx, home)
        free = home is not None and _may_all(principal, home)
        for need in needs(ctx.operation, ctx.request):
            asked = self._asked(ctx, need) if need.level == "source" or not free else None
            if asked is not None:
                await self._check(ctx, principal, asked)

    async def refused(self, ctx: Context, bucket: str, items: Sequence[dict[str, Any]]) -> list[AwsError | None]:
        """For each object (Key, VersionId) that DeleteObjects is to delete, why it may not."""
        principal, home = ctx.principal, self._bucket(bucket)
        found: list[AwsError | None] = [None] * len(items)
        if principal is None or home is None:
            return found
        for need in (DELETION, *needs("DeleteObject", ctx.request)[1:]):
            by_action: dict[str, list[int]] = {}
            for place, item in enumerate(items):
                action = need.of(ctx.request, item.get("VersionId"))
                if action and found[place] is None:
                    by_action.setdefault(action, []).append(place)
            for action, places in by_action.items():
                asked = [self._object(action, home, items[place]["Key"], None) for place in places]
                for place, error in zip(places, await self._errors(ctx, principal, asked), strict=True):
                    found[place] = error
        return found

    async def _check(self, ctx: Context, principal: Principal, asked: _Asked) -> None:
        error = (await self._errors(ctx, principal, [asked]))[0]
        if error is not None:
            raise error
        if asked.action in READS and asked.found is None and asked.bucket is not None:
            # Whether an object is there is known only to who may list.
            listing = _Asked(LISTING, _arn(asked.bucket.key), asked.bucket)
            error = (await self._errors(ctx, principal, [listing]))[0]
            if error is not None:
                raise error

    async def _errors(self, ctx: Context, principal: Principal, asked: Sequence[_Asked]) -> list[AwsError | None]:
        """For each (of one action): why it is refused, or None."""
        known = s3_facts(ctx, principal, self._records.clock.now())
        errors_of: dict[int, AwsError | None] = {}
        for about, places in _alike([with_resource(known, one.bucket, one.found) for one in asked]):
            same = [asked[place] for place in places]
            own = await verdicts(ctx, principal, same[0].action, [one.arn for one in same], about)
            for place, one, verdict in zip(places, same, own, strict=True):
                errors_of[place] = _refusal(ctx, principal, one, verdict, about)
        return [errors_of[place] for place in range(len(asked))]

    def _asked(self, ctx: Context, need: Need) -> _Asked | None:
        request = ctx.request
        if need.level == "source":
            name, key, version = split_source(request.get("CopySource") or "")
            home = self._bucket(name)
            action = need.of(request, version)
            return self._object(action, home, key, version) if home is not None and key else None
        action = need.of(request, request.get("VersionId"))
        if not action:
            return None
        name = request.get("Bucket", "")
        if need.level == "account":
            return _Asked(action, _arn(name or "*"))
        home = self._bucket(name)
        if home is None:
            return None  # the operation says so itself
        if need.level == "bucket":
            return _Asked(action, _arn(name), home)
        return self._object(action, home, request["Key"], request.get("VersionId"))

    def _object(self, action: str, home: Document, key: str, version: str | None) -> _Asked:
        try:
            found = self._records.version(home.key, key, version)
        except AwsError:
            found = None
        return _Asked(action, f"{_arn(home.key)}/{key}", home, found, is_object=True)

    def _bucket(self, name: str) -> Document | None:
        try:
            return self._records.home(name)
        except AwsError:
            return None


def _may_all(principal: Principal, bucket: Document) -> bool:
    """Whether nothing could refuse root there: not a policy, nor another account that owns what is in it."""
    is_owner = principal.kind == "root" and not principal.policies and principal.account == bucket.body["Account"]
    return is_owner and ownership(bucket) == ENFORCED and "Policy" not in bucket.body["Configurations"]


def _alike(known: Sequence[Facts]) -> list[tuple[Facts, list[int]]]:
    """What is known of resources, each with the places of those it is known of."""
    groups: dict[tuple[tuple[str, tuple[str, ...]], ...], list[int]] = {}
    for place, about in enumerate(known):
        groups.setdefault(tuple(sorted(about.items())), []).append(place)
    return [(known[places[0]], places) for places in groups.values()]


def _arn(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _refusal(ctx: Context, principal: Principal, asked: _Asked, own: Verdict, known: Facts) -> AwsError | None:
    bucket = asked.bucket
    if bucket is None:
        return None if own.allowed else _denied_by(principal, asked, own)
    if ctx.operation in _OWNERS_ALONE:
        if principal.kind == "root" and principal.account == bucket.body["Account"]:
            return None
        if principal.account != bucket.body["Account"] and principal.account:
            message = "The specified method is not allowed against this resource."
            return AwsError("MethodNotAllowed", message, 405)
    canonical = owner(principal.account)["ID"] if principal.account else ""
    decision = evaluate(_statements(bucket), asked.action, asked.arn, known, Caller.of(principal, canonical))
    if decision.denied:
        return _denied(principal, bucket, asked, "with an explicit deny in a resource-based policy")
    if own.effect == "explicitDeny":
        return _denied_by(principal, asked, own)
    same = principal.account == bucket.body["Account"]
    bucket_owners = _is_the_bucket_owners(bucket, asked)
    by_policy = decision.allowed and bucket_owners and (same or not _is_restricted(bucket))
    by_list = _by_list(bucket, asked, principal, canonical)
    if principal.kind == "anonymous":
        allowed = (by_policy and decision.direct) or by_list
    elif same and bucket_owners:
        allowed = own.allowed or (by_policy and decision.direct and own.kind == "identity-based policy")
    else:
        allowed = own.allowed and (by_policy or by_list)
    return None if allowed else _denied_by(principal, asked, own)


def _statements(bucket: Document) -> Sequence[Statement]:
    text = bucket.body["Configurations"].get("Policy")
    return parse(text, "resource").statements if text else ()


def _is_restricted(bucket: Document) -> bool:
    """Whether a policy that allows more than the bucket's own account counts for that account alone."""
    return blocks(bucket, "RestrictPublicBuckets") and is_public(bucket.body["Configurations"]["Policy"])


def _is_the_bucket_owners(bucket: Document, asked: _Asked) -> bool:
    """Whether the bucket's owner decides, rather than another account that owns the object."""
    if not asked.is_object or asked.found is None or asked.action in _CHANGES_BUCKET:
        return True
    return object_owner(bucket, asked.found.body) == bucket_owner(bucket)


def _by_list(bucket: Document, asked: _Asked, principal: Principal, canonical: str) -> bool:
    where, permission = OF_LISTS.get(asked.action, ("", ""))
    if where == "bucket":
        listed = bucket_grants(bucket)
    elif where == "object" and asked.found is not None:
        listed = object_grants(bucket, asked.found.body)
    else:
        return False
    anonymous = principal.kind == "anonymous"
    public = not blocks(bucket, "IgnorePublicAcls")
    return grants.permits(listed, permission, canonical, anonymous=anonymous, public=public)


def _denied_by(principal: Principal, asked: _Asked, own: Verdict) -> AwsError:
    why = own.reason(asked.action)
    if own.allowed:
        why = f"because no resource-based policy allows the {asked.action} action"
    return _denied(principal, asked.bucket, asked, why)


def _denied(principal: Principal, bucket: Document | None, asked: _Asked, reason: str) -> AwsError:
    """Only who is of the bucket's own account is told why."""
    if principal.kind == "anonymous" or (bucket is not None and principal.account != bucket.body["Account"]):
        return errors.access_denied()
    message = f'User: {principal.arn} is not authorized to perform: {asked.action} on resource: "{asked.arn}" {reason}'
    return AwsError("AccessDenied", message, 403)
