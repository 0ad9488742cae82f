"""Which pages of other sites may read S3's answers: a bucket's CORS rules.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.policy import like
from sagewright.services.s3 import errors
from sagewright.services.s3.records import Records
from sagewright.wire.http import HttpRequest, HttpResponse

_METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
_MOST = 100
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def check_rules(configuration: dict[str, Any]) -> None:
    """What PutBucketCors may set. Raises AwsError."""
    rules = configuration.get("CORSRules") or []
    if not rules:
        raise errors.malformed_xml()
    if len(rules) > _MOST:
        message = f"The number of CORS rules should not exceed allowed limit of {_MOST} rules."
        raise errors.invalid_request(message)
    for rule in rules:
        _check_rule(rule)


def _check_rule(rule: dict[str, Any]) -> None:
    if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
        raise errors.malformed_xml()
    for method in rule["AllowedMethods"]:
        if method not in _METHODS:
            message = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            raise errors.invalid_request(message)
    for name, member in (("AllowedOrigin", "AllowedOrigins"), ("AllowedHeader", "AllowedHeaders")):
        for value in rule.get(member) or ():
            if value.count("*") > 1:
                raise errors.invalid_request(f'{name} "{value}" can not have more than one wildcard.')
    for value in rule.get("ExposeHeaders") or ():
        if "*" in value:
            message = (
                f'ExposeHeader "{value}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )
            raise errors.invalid_request(message)


class CrossOrigin:
    """Answers to browsers."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def preflight(self, ctx: Context) -> HttpResponse:
        """An OPTIONS request; ctx.request has Bucket and, for an object, Key. Raises AwsError BadRequest,
        AccessForbidden."""
        if ctx.http is None:
            raise RuntimeError("no request to answer")
        headers = ctx.http.headers
        origin, method = headers.get("origin"), headers.get("access-control-request-method")
        if not origin:
            raise AwsError("BadRequest", "Insufficient information. Origin request header needed.")
        if method not in _METHODS:
            raise AwsError("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
        asked = headers.get("access-control-request-headers")
        wanted = [name.strip().lower() for name in asked.split(",") if name.strip()]
        rules = self._rules(ctx.request.get("Bucket", ""))
        more: dict[str, Any] = {"Method": method, "ResourceType": "OBJECT" if ctx.request.get("Key") else "BUCKET"}
        if rules is None:
            raise AwsError("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", 403, **more)
        rule = _rule(rules, origin, method, wanted)
        if rule is None:
            message = (
                "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
            )
            message += "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not "
            message += "whitelisted by the resource's CORS spec."
            raise AwsError("AccessForbidden", message, 403, **more)
        allowed = {"Access-Control-Allow-Headers": ", ".join(wanted)} if wanted else {}
        return HttpResponse(200, _allowing(rule, origin) | allowed)

    def headers(self, request: HttpRequest, names: dict[str, str]) -> dict[str, str]:
        """What an answer says to the page that asked; nothing where no rule lets it. names: Bucket."""
        origin = request.headers.get("origin")
        rules = self._rules(names.get("Bucket", "")) if origin else None
        rule = _rule(rules or [], origin, request.method, [])
        return _allowing(rule, origin) if rule is not None else {}

    def _rules(self, bucket: str) -> list[dict[str, Any]] | None:
        try:
            settings = self._records.home(bucket).body["Configurations"]
        except AwsError:
            return None
        found: list[dict[str, Any]] | None = settings.get("CORSConfiguration", {}).get("CORSRules")
        return found


def _rule(rules: list[dict[str, Any]], origin: str, method: str, wanted: list[str]) -> dict[str, Any] | None:
    """The first rule that allows it."""
    return next((rule for rule in rules if _allows(rule, origin, method, wanted)), None)


def _allows(rule: dict[str, Any], origin: str, method: str, wanted: list[str]) -> bool:
    if method not in rule["AllowedMethods"] or not any(_fits(one, origin) for one in rule["AllowedOrigins"]):
        return False
    headers = [one.lower() for one in rule.get("AllowedHeaders") or ()]
    return all(any(_fits(one, name) for one in headers) for name in wanted)


def _fits(pattern: str, text: str) -> bool:
    """A pattern has no wildcard but one ``*``."""
    return like(pattern, text) if "*" in pattern and "?" not in pattern else pattern == text


def _allowing(rule: dict[str, Any], origin: str) -> dict[str, str]:
    anybody = "*" in rule["AllowedOrigins"]
    found = {
        "Access-Control-Allow-Origin": "*" if anybody else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
    }
    if rule.get("ExposeHeaders"):
        found["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    if rule.get("MaxAgeSeconds") is not None:
        found["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    if not anybody:
        found["Access-Control-Allow-Credentials"] = "true"
    return found | {"Vary": _VARY}
