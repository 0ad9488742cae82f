"""What may be a bucket's name and an object's key.

Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
and https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from sagewright.core.errors import AwsError

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_KEY_BYTES = 1024


def check_bucket_name(name: str) -> None:
    """Raises AwsError InvalidBucketName."""
    if (
        not _NAME.fullmatch(name)
        or ".." in name
        or _ADDRESS.fullmatch(name)
        or name.startswith(_RESERVED_STARTS)
        or name.endswith(_RESERVED_ENDS)
    ):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)


def split_source(header: str) -> tuple[str, str, str | None]:
    """Bucket, key and version id that ``x-amz-copy-source`` names; empty where it is not readable."""
    path, _, query = header.partition("?")
    try:
        bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError:
        bucket, key = "", ""
    name, _, version = query.partition("=")
    return bucket, key, version if name == "versionId" else None


def check_key(key: str) -> None:
    """A key is any text of at most 1,024 bytes in UTF-8 but for NUL; it is never a path. Raises AwsError."""
    size = len(key.encode("utf-8", "surrogatepass"))
    if "\0" in key:
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.")
    if size > _KEY_BYTES:
        raise AwsError("KeyTooLongError", "Your key is too long", Size=size, MaxSizeAllowed=_KEY_BYTES)
