"""The agent's signatures, checked as the server checks them."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from sagewright.runtime.agent.s3 import quote
from sagewright.runtime.agent.signer import Signer
from sagewright.wire import models
from sagewright.wire.http import Body, Headers, HttpRequest
from sagewright.wire.route import route
from sagewright.wire.signing.canonical import Key
from sagewright.wire.signing.verify import verify

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(_TEXT, st.lists(st.tuples(st.sampled_from(["prefix", "list-type", "a"]), _TEXT), max_size=3), st.booleans())
def test_good_signatures(name: str, query: list[tuple[str, str]], temporary: bool) -> None:
    key = Key("ASIAX", "secret", "to/ken" if temporary else "")
    keys = {"AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_SESSION_TOKEN": key.token}
    text = "&".join(f"{field}={quote(value).replace('/', '%2F')}" for field, value in query)
    target = f"/bucket/{quote(name)}" + (f"?{text}" if text else "")
    signed = Signer(keys, "111122223333", "eu-west-1").headers(
        "PUT", target, "127.0.0.1:4566", [("Content-Length", "0"), ("x-amz-checksum-crc32", "AAAAAA==")]
    )
    headers = Headers([("Host", "127.0.0.1:4566"), *signed])
    request = HttpRequest("PUT", target.partition("?")[0], text, headers, Body.of(b""))
    found = verify(request, route(request), models.operation("s3", "PutObject"), None, {"ASIAX": key}.get, time.time())
    assert found is key


def test_without_keys_the_account_is_the_key() -> None:
    headers = dict(Signer({}, "111122223333", "eu-west-1").headers("GET", "/b", "h", ()))
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=111122223333/")
