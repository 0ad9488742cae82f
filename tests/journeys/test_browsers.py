"""What a web page may do to a server on the loopback address."""

from __future__ import annotations

import urllib.error
import urllib.request
import uuid

from sagewright.testing.server import ServerHandle

SCOPE = "test/20260101/us-east-1/iam/aws4_request"
SIGNATURE = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0"


def _submit(server: ServerHandle, **headers: str) -> tuple[int, bool]:
    """An HTML form's request that makes a user: its HTTP status, and whether access was denied."""
    body = f"Action=CreateUser&Version=2010-05-08&UserName=user-{uuid.uuid4().hex}".encode()
    request = urllib.request.Request(f"{server.url}/", body, {"Host": "iam.amazonaws.com", **headers})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, b"AccessDenied" in answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b"AccessDenied" in error.read()


def test_a_page_elsewhere_changes_nothing(sagewright_server: ServerHandle) -> None:
    assert _submit(sagewright_server, **{"Sec-Fetch-Site": "cross-site"}) == (403, True)


def test_a_program_may_and_so_may_what_is_signed(sagewright_server: ServerHandle) -> None:
    assert _submit(sagewright_server) == (200, False)
    assert _submit(sagewright_server, **{"Sec-Fetch-Site": "cross-site", "Authorization": SIGNATURE}) == (200, False)
