"""What may be a bucket's encryption, website, logging, replication, payer, acceleration and tags.

Each check raises AwsError; what it returns, where it returns something, is kept instead of what was sent. Pages:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html, API_PutBucketWebsite.html,
API_PutBucketLogging.html, API_PutBucketReplication.html and their kin.
"""

from __future__ import annotations

import re
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.core.ids import short_id
from sagewright.services.s3 import errors
from sagewright.services.s3.buckets.setting import Asked
from sagewright.services.s3.objects.tagging import check
from sagewright.services.s3.records import BUCKETS
from sagewright.services.s3.versions import ENABLED, status_of

_BUCKET_TAGS = 50
_KMS = ("aws:kms", "aws:kms:dsse")
_MAX_ROUTES = 50
_MAX_REPLICATION_RULES = 1000
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::(.+)")


def tagging(asked: Asked) -> None:
    check(asked.value.get("TagSet") or [], _BUCKET_TAGS)


def encryption(asked: Asked) -> None:
    rules = asked.value.get("Rules") or []
    if len(rules) != 1:
        raise errors.malformed_xml()
    default = rules[0].get("ApplyServerSideEncryptionByDefault")
    blocked = (rules[0].get("BlockedEncryptionTypes") or {}).get("EncryptionType")
    if default is None and blocked is None:
        raise errors.malformed_xml()
    if blocked is not None and not set(blocked) <= {"NONE", "SSE-C"}:
        raise errors.malformed_xml()
    if default is None:
        return
    if default["SSEAlgorithm"] not in ("AES256", *_KMS):
        raise errors.malformed_xml()
    if "KMSMasterKeyID" in default and default["SSEAlgorithm"] not in _KMS:
        message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise errors.invalid_argument(message, "ApplyServerSideEncryptionByDefault", default["KMSMasterKeyID"])


def website(asked: Asked) -> None:
    site = asked.value
    if "RedirectAllRequestsTo" in site:
        others = [name for name in ("IndexDocument", "ErrorDocument", "RoutingRules") if name in site]
        if others:
            name = "RoutingRules" if others == ["RoutingRules"] else others[0]
            message = f"{name} cannot be provided in conjunction with RedirectAllRequestsTo."
            raise errors.invalid_argument(message, name, "not null")
        _check_protocol(site["RedirectAllRequestsTo"])
        return
    if "IndexDocument" not in site:
        message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        raise errors.invalid_argument(message, "IndexDocument", "null")
    suffix = site["IndexDocument"]["Suffix"]
    if not suffix or "/" in suffix:
        raise errors.invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    if not site.get("ErrorDocument", {"Key": "-"})["Key"]:
        raise errors.invalid_argument("The ErrorDocument Key is not well formed", "ErrorDocument", "")
    routes = site.get("RoutingRules")
    if routes is not None:
        if not routes:
            raise errors.malformed_xml()
        if len(routes) > _MAX_ROUTES:
            message = (
                f"{len(routes)} routing rules provided, the number of routing rules in a website configuration is "
            )
            raise errors.invalid_request(f"{message}limited to {_MAX_ROUTES}.")
        for route in routes:
            _check_route(route)


def _check_route(route: dict[str, Any]) -> None:
    redirect, condition = route["Redirect"], route.get("Condition")
    _check_protocol(redirect)
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        raise errors.invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    if not redirect:
        raise errors.malformed_xml()
    code = redirect.get("HttpRedirectCode")
    if code is not None and not re.fullmatch(r"3\d\d", code):
        message = f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
        raise errors.invalid_request(message)
    if condition is None:
        return
    if not condition:
        message = "Condition cannot be empty. To redirect all requests without a condition, the condition element "
        raise errors.invalid_request(f"{message}shouldn't be present.")
    returned = condition.get("HttpErrorCodeReturnedEquals")
    if returned is not None and not re.fullmatch(r"[45]\d\d", returned):
        message = f"The provided HTTP error code ({returned}) is not valid. Valid codes are 4XX or 5XX."
        raise errors.invalid_request(message)


def _check_protocol(redirect: dict[str, Any]) -> None:
    if redirect.get("Protocol", "http") not in ("http", "https"):
        message = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
        raise errors.invalid_request(f"{message}automatically.")


def logging(asked: Asked) -> None:
    enabled = asked.value.get("LoggingEnabled")
    if enabled is None:
        return
    name = enabled["TargetBucket"]
    target = asked.records.store.documents.get(BUCKETS, name)
    if target is None:
        message = "The target bucket for logging does not exist"
        raise AwsError("InvalidTargetBucketForLogging", message, TargetBucket=name)
    if target.body["Account"] != asked.bucket.body["Account"]:
        message = "The owner for the bucket to be logged and the target bucket must be the same."
        raise AwsError("InvalidTargetBucketForLogging", message, TargetBucket=name)
    here, there = asked.bucket.body["Region"], target.body["Region"]
    if here != there:
        # AWS writes the code with two t.
        message = "Cross S3 location logging not allowed. "
        raise AwsError("CrossLocationLoggingProhibitted", message, 403, TargetBucketLocation=there)


def replication(asked: Asked) -> dict[str, Any]:
    """The configuration with an ID for each rule."""
    wanted = asked.value
    if status_of(asked.bucket) != ENABLED:
        message = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise errors.invalid_request(message)
    if not _ROLE.fullmatch(wanted["Role"]):
        raise errors.invalid_argument("Invalid Role specified in replication configuration", "Role", wanted["Role"])
    rules = wanted["Rules"]
    if not rules or any(rule["Status"] not in ("Enabled", "Disabled") for rule in rules):
        raise errors.malformed_xml()
    if len(rules) > _MAX_REPLICATION_RULES:
        raise errors.invalid_request("The number of replication rules must not exceed the allowed limit of 1000 rules.")
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(ids)) < len(ids):
        raise errors.invalid_argument("Rule Id must be unique", "ID", next(i for i in ids if ids.count(i) > 1))
    for rule in rules:
        _check_destination(asked, rule)
    return {**wanted, "Rules": [{**rule, "ID": rule.get("ID") or short_id(48)} for rule in rules]}


def _check_destination(asked: Asked, rule: dict[str, Any]) -> None:
    if len(rule.get("ID", "")) > 255:
        raise errors.invalid_argument("Rule Id cannot be greater than 255", "ID", rule["ID"])
    if ("Filter" in rule) == ("Prefix" in rule):
        raise errors.malformed_xml()
    if "Filter" in rule and ("Priority" not in rule or "DeleteMarkerReplication" not in rule):
        message = "This XML format requires both Priority and DeleteMarkerReplication for each rule."
        raise errors.invalid_request(message)
    found = _BUCKET_ARN.fullmatch(rule["Destination"]["Bucket"])
    if found is None:
        raise errors.invalid_argument("Invalid bucket ARN", "Bucket", rule["Destination"]["Bucket"])
    target = asked.records.store.documents.get(BUCKETS, found[1])
    if target is None:
        raise errors.invalid_request("Destination bucket must exist.")
    if status_of(target) != ENABLED:
        raise errors.invalid_request("Destination bucket must have versioning enabled.")


def payment(asked: Asked) -> None:
    if asked.value["Payer"] not in ("BucketOwner", "Requester"):
        raise errors.malformed_xml()


def acceleration(asked: Asked) -> None:
    if "." in asked.bucket.key:
        message = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
        raise errors.invalid_request(message)
    if asked.value.get("Status") not in ("Enabled", "Suspended"):
        raise errors.malformed_xml()
