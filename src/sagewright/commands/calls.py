"""Calls of a server's operations, and the credentials for them, without an AWS SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagewright.commands import CommandFailed
from sagewright.commands.servers import Running

_IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"
_JSON = "application/x-amz-json-1.1"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


def call(
    running: Running, service: str, target: str, members: Mapping[str, Any], environment: Mapping[str, str]
) -> Any:
    """One call of a json-protocol operation, for the account and region of an environment. Raises CommandFailed."""
    import json

    headers = {"Content-Type": _JSON, "X-Amz-Target": target}
    status, answer = _post(running, service, headers, json.dumps(members), environment)
    if status != 200:
        raise CommandFailed(f"{target}: {answer.decode(errors='replace')}")
    return json.loads(answer)


def credentials(running: Running, base: Mapping[str, str]) -> dict[str, str]:
    """What to set on top of base, so that the server takes the keys; nothing where it takes base's own.

    A server that checks signatures knows but the keys it handed out: any other, as of a real account, gives way to its
    root key. Raises CommandFailed where that is not ours to read.
    """
    if "AWS_ACCESS_KEY_ID" in base and (running.auth == "off" or _takes(running, base)):
        return {}
    if running.auth == "off":
        return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    from sagewright.kit.root_key import read_root_key

    try:
        root = read_root_key(running.data_dir)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"the server checks signatures, and its root key cannot be read: {error}") from None
    found = {"AWS_ACCESS_KEY_ID": root.access_key, "AWS_SECRET_ACCESS_KEY": root.secret}
    return {**found, "AWS_SESSION_TOKEN": ""} if "AWS_SESSION_TOKEN" in base else found


def _takes(running: Running, base: Mapping[str, str]) -> bool:
    return _post(running, "sts", {"Content-Type": _FORM}, _IDENTITY, base)[0] == 200


def _post(
    running: Running, service: str, headers: Mapping[str, str], body: str, environment: Mapping[str, str]
) -> tuple[int, bytes]:
    """Status and body of the answer. Raises CommandFailed where there is none."""
    import http.client

    connection = http.client.HTTPConnection(running.host, running.port, timeout=30)
    try:
        connection.request("POST", "/", body, _signed(running, service, headers, body, environment))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CommandFailed(f"the server at {running.url} gave no answer: {error}") from None
    finally:
        connection.close()


def _signed(
    running: Running, service: str, headers: Mapping[str, str], body: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """headers, and those of a signature with the keys of an environment."""
    import hashlib
    import time

    from sagewright.wire.http import Body, Headers, HttpRequest
    from sagewright.wire.signing.canonical import ALGORITHM, canonical_requests, sign, signing_key, string_to_sign

    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    address = f"[{running.host}]" if ":" in running.host else running.host
    whole = {**headers, "Host": f"{address}:{running.port}", "X-Amz-Date": moment}
    if token := environment.get("AWS_SESSION_TOKEN"):
        whole["X-Amz-Security-Token"] = token
    names = sorted(name.lower() for name in whole)
    request = HttpRequest("POST", "/", "", Headers(whole.items()), Body.of(b""))
    (canonical,) = canonical_requests(request, names, hashlib.sha256(body.encode()).hexdigest(), s3=False)
    key = signing_key(environment.get("AWS_SECRET_ACCESS_KEY", "test"), moment[:8], region, service)
    signature = sign(key, string_to_sign(moment, scope, canonical))
    credential = f"Credential={environment.get('AWS_ACCESS_KEY_ID', 'test')}/{scope}"
    whole["Authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return whole
