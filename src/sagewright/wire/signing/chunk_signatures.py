"""Signatures of the chunks of an aws-chunked body: each is over its chunk and the signature before it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and, with trailers,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hashlib
import hmac

from sagewright.core.errors import AwsError

STREAMED = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
"""Values of x-amz-content-sha256 that announce such signatures, without and with one over trailers."""

_NOTHING = hashlib.sha256(b"").hexdigest()
_PREFIX = b"chunk-signature="


class ChunkSignatures:
    """Told of a body as it is decoded; raises AwsError (SignatureDoesNotMatch) where a chunk is not what was signed.

    key: the signing key. moment, scope: of the request's string to sign. seed: the request's own signature.
    trailers: whether a signature over the trailers ends the body.
    """

    def __init__(self, access_key: str, key: bytes, moment: str, scope: str, seed: str, *, trailers: bool) -> None:
        self._access_key = access_key
        self._key = key
        self._place = f"{moment}\n{scope}"
        self._last = seed
        self._trailers = trailers
        self._claimed = ""
        self._digest = hashlib.sha256()
        self._lines: list[str] = []
        self._trailing = ""

    def begin(self, extension: bytes) -> None:
        """extension: what follows the size of a chunk."""
        extension = extension.strip()
        self._claimed = extension[len(_PREFIX) :].decode("latin-1") if extension.startswith(_PREFIX) else ""
        self._digest = hashlib.sha256()

    def update(self, piece: memoryview) -> None:
        self._digest.update(piece)

    def end(self) -> None:
        """The chunk is over."""
        middle = f"{_NOTHING}\n{self._digest.hexdigest()}"
        self._check(f"AWS4-HMAC-SHA256-PAYLOAD\n{self._place}\n{self._last}\n{middle}", self._claimed)

    def trailer(self, name: str, value: str) -> bool:
        """Take a line behind the body; False for the signature of the others, which is none of them itself."""
        if name == "x-amz-trailer-signature":
            self._trailing = value
            return False
        self._lines.append(f"{name}:{value}\n")
        return True

    def finish(self) -> None:
        """The body is over."""
        if self._trailers:
            digest = hashlib.sha256("".join(self._lines).encode("latin-1")).hexdigest()
            self._check(f"AWS4-HMAC-SHA256-TRAILER\n{self._place}\n{self._last}\n{digest}", self._trailing)
        elif self._lines:
            message = "The request contained trailing data that was not well-formed or did not conform to our "
            raise AwsError("MalformedTrailerError", f"{message}published schema.")

    def _check(self, text: str, claimed: str) -> None:
        right = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(right.encode(), claimed.encode()):
            raise AwsError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
                403,
                AWSAccessKeyId=self._access_key,
                StringToSign=text,
                SignatureProvided=claimed,
                StringToSignBytes=text.encode().hex(" "),
            )
        self._last = right
