"""Access control lists as data: what a request asks for, and what a list grants.

A list is kept as S3 shows it: ``[{"Grantee": {"Type", "ID" or "URI"}, "Permission"}]``.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import re
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import errors

Grants = list[dict[str, Any]]

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
PUBLIC = (ALL_USERS, AUTHENTICATED_USERS)
ANONYMOUS = "65a011a29cdf8ec533ec3d1ccaae921c"
"""The canonical user that owns what nobody in particular wrote."""

_IMAGES_READER = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
"""Amazon EC2's own canonical user, which aws-exec-read means."""
_HEADERS = {
    "GrantFullControl": ("x-amz-grant-full-control", "FULL_CONTROL"),
    "GrantRead": ("x-amz-grant-read", "READ"),
    "GrantWrite": ("x-amz-grant-write", "WRITE"),
    "GrantReadACP": ("x-amz-grant-read-acp", "READ_ACP"),
    "GrantWriteACP": ("x-amz-grant-write-acp", "WRITE_ACP"),
}
_PERMISSIONS = tuple(permission for _, permission in _HEADERS.values())
_MOST = 100
_ID = re.compile(r"[0-9a-f]{64}")
_PAIR = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^",]*)"?\s*', re.IGNORECASE)


def user(canonical: str, permission: str = "FULL_CONTROL") -> dict[str, Any]:
    return {"Grantee": {"ID": canonical, "Type": "CanonicalUser"}, "Permission": permission}


def group(uri: str, permission: str) -> dict[str, Any]:
    return {"Grantee": {"URI": uri, "Type": "Group"}, "Permission": permission}


def asked(request: dict[str, Any], owner: str, bucket_owner: str = "") -> Grants | None:
    """The list that a request's headers or body ask for; None where they do not speak of one. Raises AwsError.

    owner: the canonical user that owns what the list is for. bucket_owner: for an object, of its bucket.
    """
    canned, policy = request.get("ACL"), request.get("AccessControlPolicy")
    headers = [name for name in _HEADERS if request.get(name) is not None]
    if canned is not None and headers:
        raise errors.invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    if policy is not None and (canned is not None or headers):
        raise AwsError("UnexpectedContent", "This request does not support content")
    if canned is not None:
        return _canned(canned, owner, bucket_owner)
    if headers:
        found = [grant for name in headers for grant in _header(name, request[name])]
        return _checked_count(found)
    return _from_document(policy, owner) if policy is not None else None


def is_public(grants: Grants) -> bool:
    return any(grant["Grantee"].get("URI") in PUBLIC for grant in grants)


def only(grants: Grants, canonical: str) -> bool:
    """Whether a list gives all to one user and nothing to others."""
    return grants == [user(canonical)]


def permits(grants: Grants, permission: str, canonical: str, *, anonymous: bool, public: bool) -> bool:
    """Whether a list grants a permission. public: whether groups of everybody count."""
    for grant in grants:
        if grant["Permission"] not in (permission, "FULL_CONTROL"):
            continue
        uri = grant["Grantee"].get("URI")
        if uri is None:
            if canonical and grant["Grantee"]["ID"] == canonical:
                return True
        elif public and (uri == ALL_USERS or (uri == AUTHENTICATED_USERS and not anonymous)):
            return True
    return False


def _canned(name: str, owner: str, bucket_owner: str) -> Grants:
    more: dict[str, Grants] = {
        "private": [],
        "public-read": [group(ALL_USERS, "READ")],
        "public-read-write": [group(ALL_USERS, "READ"), group(ALL_USERS, "WRITE")],
        "authenticated-read": [group(AUTHENTICATED_USERS, "READ")],
        "aws-exec-read": [user(_IMAGES_READER, "READ")],
    }
    if bucket_owner:
        of_bucket = bucket_owner != owner
        more["bucket-owner-read"] = [user(bucket_owner, "READ")] if of_bucket else []
        more["bucket-owner-full-control"] = [user(bucket_owner)] if of_bucket else []
    else:
        more["log-delivery-write"] = [group(LOG_DELIVERY, "WRITE"), group(LOG_DELIVERY, "READ_ACP")]
    if name not in more:
        raise errors.invalid_argument("", "x-amz-acl", name)
    return [user(owner), *more[name]]


def _header(name: str, text: str) -> Grants:
    header, permission = _HEADERS[name]
    found: Grants = []
    for part in text.split(","):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise errors.invalid_argument("Argument format not recognized", header, text)
        match pair[1].lower():
            case "id":
                found.append(user(_known_id(pair[2], "id"), permission))
            case "uri":
                found.append(group(_known_group(pair[2], "uri"), permission))
            case _:
                raise _no_email(pair[2])
    return found


def _from_document(policy: dict[str, Any], owner: str) -> Grants:
    named = (policy.get("Owner") or {}).get("ID")
    if not named or policy.get("Grants") is None:
        raise _malformed()
    if named != owner:
        raise errors.access_denied()
    return _checked_count([_grant(grant) for grant in policy["Grants"]])


def _grant(grant: dict[str, Any]) -> dict[str, Any]:
    grantee, permission = grant.get("Grantee") or {}, grant.get("Permission")
    if permission not in _PERMISSIONS:
        raise _malformed()
    match grantee.get("Type"):
        case "CanonicalUser":
            return user(_known_id(grantee.get("ID", ""), "CanonicalUser/ID"), permission)
        case "Group":
            return group(_known_group(grantee.get("URI", ""), "Group/URI"), permission)
        case "AmazonCustomerByEmail":
            raise _no_email(grantee.get("EmailAddress", ""))
    raise _malformed()


def _known_id(canonical: str, argument: str) -> str:
    if canonical != ANONYMOUS and not _ID.fullmatch(canonical):
        raise errors.invalid_argument("Invalid id", argument, canonical)
    return canonical


def _known_group(uri: str, argument: str) -> str:
    if uri not in (*PUBLIC, LOG_DELIVERY):
        raise errors.invalid_argument("Invalid group uri", argument, uri)
    return uri


def _no_email(address: str) -> AwsError:
    message = "The e-mail address you provided does not match any account on record."
    return AwsError("UnresolvableGrantByEmailAddress", message, EmailAddress=address)


def _checked_count(grants: Grants) -> Grants:
    if len(grants) > _MOST:
        raise errors.invalid_request(f"The ACL has more than {_MOST} grants")
    return grants


def _malformed() -> AwsError:
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedACLError", message)
