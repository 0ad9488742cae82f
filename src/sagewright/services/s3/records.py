"""How buckets and objects lie in the store.

``s3:bucket`` holds one document a bucket, over all accounts and regions, because bucket names are global.
``s3:object`` (parent: the bucket) holds the current version of each key, so that a listing reads nothing else. An
object document's body:

    VersionId       "null" in a bucket without versioning
    Blob            the blob with its bytes
    Size, ETag      bytes; the ETag without quotes
    LastModified    epoch seconds
    Checksums       {"CRC32": base64 ...}, with ChecksumType
    Headers         ContentType and other system headers as output members
    Metadata        user metadata
    Storage         StorageClass, ServerSideEncryption and such as output members, as far as they were given
    Tags            {key: value}
    PartsCount      of a multipart upload; the parts are in ``s3:parts`` under the blob's id
    UploadId        of a multipart upload, by which a repeated Complete is known
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import errors
from sagewright.services.s3.names import check_key
from sagewright.services.s3.storage.blobs import Unnamed, blobs_of
from sagewright.store import Document, Space, Store

BUCKETS = Space("s3:bucket")
NULL_VERSION = "null"

Condition = Callable[[Document | None], None]
"""Looks at what is there before a write replaces it; raises AwsError to stop the write."""


def objects(bucket: str) -> Space:
    return Space("s3:object", parent=bucket)


def parts(bucket: str) -> Space:
    return Space("s3:parts", parent=bucket)


def owner(account: str) -> dict[str, str]:
    """The canonical user of an account."""
    return {"ID": hashlib.sha256(f"s3:{account}".encode()).hexdigest()}


def no_condition(present: Document | None) -> None:
    """Always holds."""


class Records:
    """Buckets and objects, as the operations read and write them."""

    def __init__(self, store: Store, clock: Clock, unnamed: Unnamed) -> None:
        self.store = store
        self.clock = clock
        self.unnamed = unnamed

    def bucket(self, ctx: Context, name: str) -> Document:
        """Raises AwsError NoSuchBucket, or AccessDenied where it is not the ExpectedBucketOwner's."""
        document = self.home(name)
        expected = ctx.request.get("ExpectedBucketOwner")
        if expected and expected != document.body["Account"]:
            raise errors.access_denied()
        return document

    def home(self, name: str) -> Document:
        """A bucket, whoever owns it. Raises AwsError NoSuchBucket."""
        document = self.store.documents.get(BUCKETS, name)
        if document is None:
            raise errors.no_such_bucket(name)
        return document

    def find(self, bucket: str, key: str) -> Document | None:
        """The current version of a key."""
        return self.store.documents.get(objects(bucket), key)

    def version(self, bucket: str, key: str, version_id: str | None = None) -> Document:
        """Raises AwsError NoSuchKey, NoSuchVersion."""
        document = self.find(bucket, key)
        if version_id is None:
            if document is None:
                raise errors.no_such_key(key)
            return document
        if document is None or document.body["VersionId"] != version_id:
            if version_id != NULL_VERSION:
                raise errors.invalid_argument("Invalid version id specified", "versionId", version_id)
            message = "The specified version does not exist."
            raise AwsError("NoSuchVersion", message, 404, Key=key, VersionId=version_id)
        return document

    def get(self, ctx: Context, bucket: str, key: str) -> Document:
        """The version a request names. Raises AwsError NoSuchBucket, NoSuchKey, NoSuchVersion."""
        self.bucket(ctx, bucket)
        check_key(key)
        return self.version(bucket, key, ctx.request.get("VersionId"))

    def place(
        self,
        bucket: str,
        key: str,
        body: dict[str, Any],
        *,
        announced: str | None = None,
        condition: Condition = no_condition,
        part_list: list[dict[str, Any]] | None = None,
    ) -> str | None:
        """Make body the current version of key, in one transaction; the entry of what it replaced, to be emptied.

        announced: the entry of body's blob, unless a document has named it before. Raises AwsError NoSuchBucket or what
        condition raises; nothing is changed then.
        """
        with self.store.transaction():
            self.home(bucket)
            space = objects(bucket)
            present = self.store.documents.get(space, key)
            condition(present)
            body = {"VersionId": NULL_VERSION, "LastModified": self.clock.now(), **body}
            if present is None:
                self.store.documents.insert(space, key, body)
            else:
                self.store.documents.update(present, body=body)
            if announced is not None:
                self.unnamed.take(announced)
            if part_list is not None:
                self.store.documents.insert(parts(bucket), body["Blob"], {"Parts": part_list})
            return self._drop(bucket, present)

    def remove(self, bucket: str, key: str, condition: Condition = no_condition) -> str | None:
        """Delete the current version, where there is one; the entry of its blob, to be emptied."""
        with self.store.transaction():
            present = self.find(bucket, key)
            condition(present)
            if present is None:
                return None
            self.store.documents.delete(present.space, key)
            return self._drop(bucket, present)

    def part_list(self, bucket: str, document: Document) -> list[dict[str, Any]]:
        """The parts of an object from a multipart upload: PartNumber, Size, Checksums; else empty."""
        if not document.body.get("PartsCount"):
            return []
        found = self.store.documents.get(parts(bucket), document.body["Blob"])
        return list(found.body["Parts"]) if found is not None else []

    def _drop(self, bucket: str, gone: Document | None) -> str | None:
        if gone is None or not blobs_of(gone.body):
            return None
        if gone.body.get("PartsCount"):
            self.store.documents.delete(parts(bucket), gone.body["Blob"])
        return self.unnamed.announce(blobs_of(gone.body))
