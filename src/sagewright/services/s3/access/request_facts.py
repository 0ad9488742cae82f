"""The condition keys of a request to S3.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from sagewright.core.clock import as_datetime
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Context
from sagewright.kit.permissions import principal_facts, request_facts
from sagewright.kit.policy import Facts, facts
from sagewright.store import Document

_MEMBERS = {
    "s3:LocationConstraint": "LocationConstraint",
    "s3:VersionId": "VersionId",
    "s3:delimiter": "Delimiter",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
    "s3:max-keys": "MaxKeys",
    "s3:object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "s3:object-lock-mode": "ObjectLockMode",
    "s3:prefix": "Prefix",
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-object-ownership": "ObjectOwnership",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
_DAY = 86_400


def s3_facts(ctx: Context, principal: Principal, now: float) -> Facts:
    """All that is known before looking at a bucket or object."""
    known: dict[str, Any] = {
        **request_facts(ctx),
        "aws:CurrentTime": as_datetime(now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": int(now),
        **_of_wire(ctx, now),
        **_of_request(ctx.request, now),
    }
    return {**facts(known), **principal_facts(principal)}


def with_resource(known: Facts, bucket: Document | None, found: Document | None) -> Facts:
    """The same, with what is known of a bucket and of an object that is there."""
    more: dict[str, Any] = {}
    if bucket is not None:
        more = {"s3:ResourceAccount": bucket.body["Account"], "aws:ResourceAccount": bucket.body["Account"]}
    if found is not None:
        more |= {f"s3:ExistingObjectTag/{key}": value for key, value in (found.body.get("Tags") or {}).items()}
    return {**known, **facts(more)}


def _of_wire(ctx: Context, now: float) -> dict[str, Any]:
    http = ctx.http
    if http is None:
        return {}
    known: dict[str, Any] = {
        "aws:Referer": http.headers.get("referer") or None,
        "s3:x-amz-content-sha256": http.headers.get("x-amz-content-sha256") or None,
    }
    return known | _of_signature(ctx, now)


def _of_signature(ctx: Context, now: float) -> dict[str, Any]:
    if ctx.http is None or not ctx.access_key:
        return {}
    query = parse_qs(ctx.http.query)
    authorization = ctx.http.headers.get("authorization")
    if authorization:
        version = "AWS" if authorization.startswith("AWS ") else "AWS4-HMAC-SHA256"
        return {"s3:authType": "REST-HEADER", "s3:signatureversion": version}
    if "X-Amz-Signature" in query or "Signature" in query:
        version = "AWS4-HMAC-SHA256" if "X-Amz-Signature" in query else "AWS"
        known: dict[str, Any] = {"s3:authType": "REST-QUERY-STRING", "s3:signatureversion": version}
        began = _moment("".join(query.get("X-Amz-Date", [])[:1]))
        return known | ({"s3:signatureAge": max(0, int((now - began) * 1000))} if began is not None else {})
    version = "AWS4-HMAC-SHA256" if "x-amz-algorithm" in ctx.http.headers else "AWS"
    return {"s3:authType": "POST", "s3:signatureversion": version}


def _moment(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _of_request(request: dict[str, Any], now: float) -> dict[str, Any]:
    flat = request | (request.get("CreateBucketConfiguration") or {}) | _locks(request)
    known = {key: flat[member] for key, member in _MEMBERS.items() if isinstance(flat.get(member), str | int)}
    until = flat.get("ObjectLockRetainUntilDate")
    if isinstance(until, datetime):
        known["s3:object-lock-retain-until-date"] = until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        known["s3:object-lock-remaining-retention-days"] = int((until.timestamp() - now) / _DAY)
    tags = _tags(request.get("Tagging"))
    if tags:
        known |= {f"s3:RequestObjectTag/{key}": value for key, value in tags.items()}
        known["s3:RequestObjectTagKeys"] = list(tags)
    return known


def _locks(request: dict[str, Any]) -> dict[str, Any]:
    """Of PutObjectRetention and PutObjectLegalHold, by the members of PutObject."""
    retention, hold = request.get("Retention") or {}, request.get("LegalHold") or {}
    found = {"ObjectLockMode": retention.get("Mode"), "ObjectLockRetainUntilDate": retention.get("RetainUntilDate")}
    found["ObjectLockLegalHoldStatus"] = hold.get("Status")
    return {name: value for name, value in found.items() if value is not None}


def _tags(tagging: Any) -> dict[str, str]:
    if isinstance(tagging, str):
        return dict(parse_qsl(tagging, keep_blank_values=True))
    if isinstance(tagging, dict):
        return {tag.get("Key", ""): tag.get("Value", "") for tag in tagging.get("TagSet") or ()}
    return {}
