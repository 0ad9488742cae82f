"""The agent's signature under its requests to S3 (SigV4), with the keys of its workload.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

_PAYLOAD = "UNSIGNED-PAYLOAD"


class Signer:
    """keys: AWS's environment variables of a session; without them the account itself is the key."""

    def __init__(self, keys: Mapping[str, str], account: str, region: str) -> None:
        self._access_key = keys.get("AWS_ACCESS_KEY_ID", account)
        self._secret = keys.get("AWS_SECRET_ACCESS_KEY", "test")
        self._token = keys.get("AWS_SESSION_TOKEN", "")
        self._region = region

    def headers(self, method: str, target: str, host: str, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """headers, and those of the signature. target: path and query, each as encoded as SigV4 wants it."""
        import hashlib
        import hmac

        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        whole = [*headers, ("x-amz-content-sha256", _PAYLOAD), ("x-amz-date", moment)]
        if self._token:
            whole.append(("x-amz-security-token", self._token))
        signed = sorted([("host", host), *((name, value) for name, value in whole if name.startswith("x-amz-"))])
        names = ";".join(name for name, _ in signed)
        path, _, query = target.partition("?")
        lines = [method, path, "&".join(sorted(query.split("&"))), *(f"{name}:{value}" for name, value in signed)]
        canonical = "\n".join([*lines, "", names, _PAYLOAD])
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self._secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), "sha256").hex()
        credential = f"Credential={self._access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return [("Authorization", f"AWS4-HMAC-SHA256 {credential}"), *whole]
