"""Uploads by an HTML form: a PUT whose headers are the form's fields.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.sax.saxutils import escape

from sagewright.core.errors import AwsError, request_timeout
from sagewright.kit.operation import Context
from sagewright.services.s3 import errors
from sagewright.services.s3.access import form_policy
from sagewright.services.s3.access.form_parts import Form, FormReader, boundary_of
from sagewright.services.s3.access.form_policy import Sizes
from sagewright.services.s3.records import Records
from sagewright.wire import models, protocols, validate
from sagewright.wire.http import Body, Headers, HttpRequest, HttpResponse
from sagewright.wire.route import Route

Put = Callable[[Context], Awaitable[dict[str, Any]]]
"""PutObject."""
SignIn = Callable[[Context, Mapping[str, str]], None]
"""Who sent a form: sets account, access key and principal of a context by the form's fields (names in lower case).

Raises AwsError for a signature that does not fit.
"""

_PATIENCE = 60.0
"""Seconds for all fields before the file."""
_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-type", "expires")
_NOT_HEADERS = (
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
)
_KEPT = ("content-length", "host", "origin", "referer", "transfer-encoding", "user-agent")
"""Headers of the POST itself that say something of its sender and its length."""
_SIGNED = ("x-amz-signature", "x-amz-credential", "signature", "awsaccesskeyid")


class Posting:
    """POST Object."""

    def __init__(self, records: Records, put: Put, sign_in: SignIn) -> None:
        self._records = records
        self._put = put
        self._sign_in = sign_in

    async def post_object(self, ctx: Context) -> HttpResponse:
        """ctx.request has Bucket. Raises AwsError."""
        http = ctx.http
        if http is None:
            raise RuntimeError("no form to read")
        bucket = ctx.request["Bucket"]
        if "content-length" not in http.headers:
            raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
        reader = FormReader(http.body, boundary_of(http.headers.get("content-type")))
        try:
            async with asyncio.timeout(_PATIENCE):
                form = await reader.head()
        except TimeoutError:
            raise request_timeout() from None
        fields = _texts(form)
        self._sign_in(ctx, fields)
        self._records.home(bucket)
        sizes = self._sizes(bucket, fields)
        request = _as_put(http, form, _limited(reader.file(), sizes))
        put = _context(ctx, bucket, fields["key"], request)
        result = await self._put(put)
        answer = protocols.codec("rest-xml").serialize(models.operation("s3", "PutObject"), result, ctx.request_id)
        return _answer(http, bucket, fields, answer.headers)

    def _sizes(self, bucket: str, fields: dict[str, str]) -> Sizes:
        """What the form's policy allows, once it is met; without a policy, nothing is signed."""
        if "key" not in fields:
            raise _lacks("key")
        if "policy" in fields:
            return form_policy.check(fields["policy"], fields, bucket, self._records.clock.now())
        if any(name in fields for name in _SIGNED):
            raise _lacks("policy")
        return Sizes()


def _lacks(name: str) -> AwsError:
    message = f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the "
    return errors.invalid_argument(f"{message}fields.", name, "")


def _texts(form: Form) -> dict[str, str]:
    """The fields as text, the file's name in its place in the key. Raises AwsError."""
    found = {name: value.decode("utf-8", "replace") for name, value in form.fields.items()}
    if "key" in found:
        found["key"] = found["key"].replace("${filename}", form.filename.decode("utf-8", "replace"))
        if not found["key"]:
            message = "User key must have a length greater than 0."
            raise errors.invalid_argument(message, "key", "")
    return found


async def _limited(chunks: AsyncIterator[bytes], sizes: Sizes) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        sizes.check(size, whole=False)
        yield chunk
    sizes.check(size, whole=True)


def _as_put(http: HttpRequest, form: Form, file: AsyncIterator[bytes]) -> HttpRequest:
    """The same upload as a PUT. Its values are read as headers are, one character a byte."""
    headers = [(name, text) for name, text in http.headers.items() if name in _KEPT]
    for name, value in form.fields.items():
        text = value.decode("latin-1")
        if name == "acl":
            headers.append(("x-amz-acl", text))
        elif name == "tagging":
            headers.append(("x-amz-tagging", _tagging(value)))
        elif name in _HEADERS or (name.startswith("x-amz-") and name not in _NOT_HEADERS):
            headers.append((name, text))
    body = Body(file, None)
    return HttpRequest("PUT", http.path, "", Headers(headers), body, scheme=http.scheme, client=http.client)


def _tagging(document: bytes) -> str:
    """A form's tags are a document, those of a PUT a query. Raises AwsError MalformedXML."""
    op = models.operation("s3", "PutObjectTagging")
    request = HttpRequest("PUT", "/", "", Headers(), Body.of(b""))
    route = _route("PutObjectTagging", {})
    tags = protocols.codec("rest-xml").parse(op, request, route, document).get("Tagging") or {}
    return urlencode([(tag.get("Key", ""), tag.get("Value", "")) for tag in tags.get("TagSet") or ()])


def _route(operation: str, names: dict[str, str]) -> Route:
    return Route("s3", operation, "rest-xml", "", "", "", names, False)


def _context(ctx: Context, bucket: str, key: str, request: HttpRequest) -> Context:
    op = models.operation("s3", "PutObject")
    route = _route("PutObject", {"Bucket": bucket, "Key": key})
    members = protocols.codec("rest-xml").parse(op, request, route, request.body)
    validate.validate(op, members)
    return replace(ctx, operation="PutObject", request=members, http=request)


def _answer(http: HttpRequest, bucket: str, fields: dict[str, str], headers: dict[str, str]) -> HttpResponse:
    key, etag = fields["key"], headers.get("ETag", "")
    root = "" if http.path.strip("/") == "" else f"/{bucket}"
    location = f"{http.scheme}://{http.host}{root}/{quote(key, safe='')}"
    kept = {name: value for name, value in headers.items() if name.lower() not in ("content-length", "content-type")}
    kept |= {"Location": location}
    target = _target(fields.get("success_action_redirect") or fields.get("redirect") or "")
    if target is not None:
        query = [*parse_qsl(target.query, keep_blank_values=True), ("bucket", bucket), ("key", key), ("etag", etag)]
        return HttpResponse(303, kept | {"Location": target._replace(query=urlencode(query)).geturl()})
    status = fields.get("success_action_status")
    if status == "201":
        body = f"<Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key>"
        body = f"<PostResponse>{body}<ETag>{escape(etag)}</ETag></PostResponse>"
        document = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
        return HttpResponse(201, kept | {"Content-Type": "application/xml"}, document.encode())
    return HttpResponse(200 if status == "200" else 204, kept)


def _target(url: str) -> Any:
    """A page to go to; None for what is no address of one."""
    try:
        target = urlsplit(url)
    except ValueError:
        return None
    return target if target.scheme in ("http", "https") and target.netloc and url.isprintable() else None
