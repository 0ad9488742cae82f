"""What an object keeps of the headers it came with, and gives back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sagewright.core.errors import AwsError, not_implemented
from sagewright.services.s3 import errors
from sagewright.services.s3.storage import checksums

SYSTEM = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
STORAGE = ("StorageClass", "WebsiteRedirectLocation")
_STORAGE_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
)
_METADATA_BYTES = 2048
_DEFAULT_TYPE = "binary/octet-stream"


def described(request: dict[str, Any]) -> dict[str, Any]:
    """Headers, Metadata and Storage of a new object's document. Raises AwsError."""
    _check_storage(request)
    headers = {name: request[name] for name in SYSTEM if request.get(name)}
    headers.setdefault("ContentType", _DEFAULT_TYPE)
    if isinstance(headers.get("Expires"), datetime):
        headers["Expires"] = headers["Expires"].timestamp()
    if "ContentEncoding" in headers:
        kept = [item for item in headers["ContentEncoding"].split(",") if item.strip().lower() != "aws-chunked"]
        headers["ContentEncoding"] = ",".join(kept).strip()
        if not headers["ContentEncoding"]:
            del headers["ContentEncoding"]
    metadata = dict(request.get("Metadata") or {})
    size = sum(len(name.encode()) + len(text.encode()) for name, text in metadata.items())
    if size > _METADATA_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise AwsError("MetadataTooLarge", message, Size=size, MaxSizeAllowed=_METADATA_BYTES)
    storage = {name: request[name] for name in STORAGE if request.get(name)}
    return {"Headers": headers, "Metadata": metadata, "Storage": storage}


def refuse_unsupported(request: dict[str, Any]) -> None:
    """What would be a false promise to accept. Raises AwsError 501."""
    if request.get("ObjectLockEventHold"):
        raise not_implemented("s3", "event holds")
    if request.get("WriteOffsetBytes") is not None:
        raise errors.unsupported_header("x-amz-write-offset-bytes")


def _check_storage(request: dict[str, Any]) -> None:
    refuse_unsupported(request)
    chosen = request.get("StorageClass")
    if chosen and chosen not in _STORAGE_CLASSES:
        raise AwsError(
            "InvalidStorageClass", "The storage class you specified is not valid", StorageClassRequested=chosen
        )


def storage_class(body: dict[str, Any]) -> str:
    return str(body["Storage"].get("StorageClass", "STANDARD"))


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """Output members of a GET or HEAD that are the same for the whole object and for a part of it."""
    storage = {name: value for name, value in body["Storage"].items() if (name, value) != ("StorageClass", "STANDARD")}
    return {
        **body["Headers"],
        **storage,
        "Metadata": body["Metadata"] or None,
        "ETag": f'"{body["ETag"]}"',
        "LastModified": whole_seconds(body["LastModified"]),
        "AcceptRanges": "bytes",
        "TagCount": len(body.get("Tags") or ()) or None,
    }


def written(body: dict[str, Any]) -> dict[str, Any]:
    """Output members of an operation that wrote an object or a part."""
    return {
        "ETag": f'"{body["ETag"]}"',
        **checksums.members(body["Checksums"], body.get("ChecksumType")),
    }


def whole_seconds(at: float) -> float:
    """S3's times have no fraction."""
    return float(int(at))
