"""How buckets and objects lie in the store.

``s3:bucket`` holds one document a bucket, over all accounts and regions, because bucket names are global.
``s3:object`` (parent: the bucket) holds the current version of each key, so that a listing reads nothing else. What is
not current, and every delete marker, is in ``s3:version`` (see versions.py). An object document's body:

    VersionId       "null" for what was written without versioning
    Sequence        place in time of a "null" version beside others, in microseconds
    DeleteMarker    true of a delete marker, which has no more than that, LastModified and the account of its maker
    NoncurrentSince epoch seconds, of a version that is not current
    Blob            the blob with its bytes
    Size, ETag      bytes; the ETag without quotes
    LastModified    epoch seconds
    Checksums       {"CRC32": base64 ...}, with ChecksumType
    Headers         ContentType and other system headers as output members
    Metadata        user metadata
    Storage         StorageClass and such as output members, as far as they were given
    Runs            how the blob's bytes are verified; see storage/blocks.py
    Seal            how they are encrypted; see objects/encryption.py
    Corrupt         epoch seconds: when the bytes were found to be damaged
    Tags            {key: value}
    Lock            see locks.py
    Restore         see archive.py
    PartsCount      of a multipart upload; the parts are in ``s3:parts`` under the blob's id
    UploadId        of a multipart upload, by which a repeated Complete is known
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.services.s3 import errors, locks, versions
from sagewright.services.s3.names import check_key
from sagewright.services.s3.storage import blocks
from sagewright.services.s3.storage.blobs import Unnamed, blobs_of
from sagewright.services.s3.versions import ENABLED, NULL_VERSION, is_marker, old_versions, stored_key
from sagewright.store import Document, Space, Store

BUCKETS = Space("s3:bucket")

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


@dataclass(frozen=True, slots=True)
class Placed:
    """A write. version_id: None in a bucket that never had versioning. replaced: an entry to be emptied."""

    version_id: str | None
    replaced: str | None


@dataclass(frozen=True, slots=True)
class Removed:
    """A delete. version_id: of the delete marker it made, or of the version gone; marker: whether that is a delete
    marker. replaced: an entry to be emptied."""

    version_id: str | None = None
    marker: bool = False
    replaced: str | None = None


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

    # Reading

    def find(self, bucket: str, key: str) -> Document | None:
        """The current version of a key, unless that is a delete marker."""
        return self.store.documents.get(objects(bucket), key)

    def stored(self, bucket: str, key: str, version_id: str) -> Document | None:
        """Any version, a delete marker too."""
        current = self.find(bucket, key)
        if current is not None and current.body["VersionId"] == version_id:
            return current
        if version_id != NULL_VERSION:
            return self.store.documents.get(old_versions(bucket), stored_key(key, version_id))
        return self._newest_old(bucket, key, NULL_VERSION)

    def version(self, bucket: str, key: str, version_id: str | None = None) -> Document:
        """Raises AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker.

        Its key in the store may not be the object's: see versions.key_of.
        """
        if version_id is None:
            document = self.find(bucket, key)
            if document is None:
                raise self._absent(bucket, key)
            return document
        versions.check_id(version_id)
        document = self.stored(bucket, key, version_id)
        if document is None:
            raise versions.no_such_version(key, version_id)
        if is_marker(document.body):
            raise _is_a_marker(document.body)
        return document

    def get(self, ctx: Context, bucket: str, key: str) -> Document:
        """The version a request names. Raises AwsError NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed."""
        self.bucket(ctx, bucket)
        check_key(key)
        return self.version(bucket, key, ctx.request.get("VersionId"))

    def told_version(self, bucket: str, document: Document) -> str | None:
        """A version's id as answers tell it: not at all in a bucket that never had versioning."""
        return document.body["VersionId"] if versions.status_of(self.home(bucket)) else None

    def part_list(self, bucket: str, document: Document) -> list[dict[str, Any]]:
        """The parts of an object from a multipart upload: PartNumber, Size, Checksums; else empty."""
        if not document.body.get("PartsCount"):
            return []
        found = self.store.documents.get(parts(bucket), document.body["Blob"])
        return list(found.body["Parts"]) if found is not None else []

    # Writing: each is one transaction

    def place(
        self,
        bucket: str,
        key: str,
        body: dict[str, Any],
        *,
        announced: str | None = None,
        condition: Condition = no_condition,
        part_list: list[dict[str, Any]] | None = None,
    ) -> Placed:
        """Make body the current version of key.

        announced: body's blob, unless a document has named it before. Raises AwsError NoSuchBucket or what
        condition raises; nothing is changed then.
        """
        with self.store.transaction():
            home = self.home(bucket)
            present = self.find(bucket, key)
            condition(present)
            now = self.clock.now()
            identity, overwritten = self._make_room(home, key, present, now)
            body = blocks.keep(self.store, {"LastModified": now, **body, **identity})
            if overwritten is not None and overwritten is present:
                self.store.documents.update(present, body=body)
            else:
                self._delete(overwritten)
                self.store.documents.insert(objects(bucket), key, body)
            if announced is not None:
                self.unnamed.take(announced)
            if part_list is not None:
                self.store.documents.insert(parts(bucket), body["Blob"], {"Parts": part_list})
            version_id = body["VersionId"] if versions.status_of(home) else None
            return Placed(version_id, self._drop(bucket, overwritten))

    def remove(self, bucket: str, key: str, condition: Condition = no_condition) -> Removed:
        """Delete a key: for good, or, in a bucket with versioning, under a delete marker.

        condition: looks at the current version, a delete marker too.
        """
        with self.store.transaction():
            home = self.home(bucket)
            present = self.find(bucket, key)
            versioned = bool(versions.status_of(home))
            condition(present or (self._newest_old(bucket, key) if versioned else None))
            if not versioned:
                self._delete(present)
                return Removed(replaced=self._drop(bucket, present))
            now = self.clock.now()
            identity, overwritten = self._make_room(home, key, present, now)
            self._delete(overwritten)
            self._keep(bucket, key, {**identity, "LastModified": now, "DeleteMarker": True})
            return Removed(identity["VersionId"], True, self._drop(bucket, overwritten))

    def remove_version(
        self, bucket: str, key: str, version_id: str, *, bypass: bool = False, condition: Condition = no_condition
    ) -> Removed:
        """Delete one version for good, and uncover the one before where it was the current one.

        bypass: of a retention in GOVERNANCE mode. condition: looks at that version. Raises AwsError InvalidArgument,
        AccessDenied.
        """
        versions.check_id(version_id)
        with self.store.transaction():
            document = self.stored(bucket, key, version_id)
            condition(document)
            told = version_id if versions.status_of(self.home(bucket)) else None
            if document is None:
                return Removed(told)
            locks.check_removal(document.body, self.clock.now(), bypass=bypass)
            self._delete(document)
            if self.find(bucket, key) is None:
                self._uncover(bucket, key)
            return Removed(told, is_marker(document.body), self._drop(bucket, document))

    def _make_room(
        self, home: Document, key: str, present: Document | None, now: float
    ) -> tuple[dict[str, Any], Document | None]:
        """The identity of a new current version, once the one it supersedes has been put aside; and what it
        overwrites, which is still there: the current version without versioning, the null one where it is suspended."""
        status = versions.status_of(home)
        if not status:
            return {"VersionId": NULL_VERSION}, present
        newest = present or self._newest_old(home.key, key)
        sequence = max(int(now * 1e6), versions.sequence_of(newest.body) + 1 if newest is not None else 0)
        if status == ENABLED:
            identity: dict[str, Any] = {"VersionId": versions.new_id(sequence)}
            overwritten = None
        else:
            identity = {"VersionId": NULL_VERSION, "Sequence": sequence}
            current = present is not None and present.body["VersionId"] == NULL_VERSION
            overwritten = present if current else self._newest_old(home.key, key, NULL_VERSION)
        if newest is not None and (overwritten is None or newest.body["VersionId"] != NULL_VERSION):
            self._delete(newest)
            self._keep(home.key, key, {**newest.body, "NoncurrentSince": now})
        return identity, overwritten

    def _uncover(self, bucket: str, key: str) -> None:
        """Make the newest version the current one."""
        newest = self._newest_old(bucket, key)
        if newest is None or (is_marker(newest.body) and "NoncurrentSince" not in newest.body):
            return
        body = {name: value for name, value in newest.body.items() if name != "NoncurrentSince"}
        self._delete(newest)
        if is_marker(body):
            self._keep(bucket, key, body)
        else:
            self.store.documents.insert(objects(bucket), key, body)

    def _newest_old(self, bucket: str, key: str, status: str = "") -> Document | None:
        """status: NULL_VERSION for the null version."""
        prefix = stored_key(key, "")
        found = self.store.documents.find(old_versions(bucket), prefix=prefix, status=status, limit=1)
        return found[0] if found else None

    def _keep(self, bucket: str, key: str, body: dict[str, Any]) -> None:
        status = NULL_VERSION if body["VersionId"] == NULL_VERSION else ""
        self.store.documents.insert(old_versions(bucket), stored_key(key, versions.place_of(body)), body, status=status)

    def _delete(self, document: Document | None) -> None:
        if document is not None:
            self.store.documents.delete(document.space, document.key)

    def _drop(self, bucket: str, gone: Document | None) -> str | None:
        if gone is None or not blobs_of(gone.body):
            return None
        blocks.forget(self.store, gone.body)
        if gone.body.get("PartsCount"):
            self.store.documents.delete(parts(bucket), gone.body["Blob"])
        return self.unnamed.announce(blobs_of(gone.body))

    def _absent(self, bucket: str, key: str) -> AwsError:
        error = errors.no_such_key(key)
        marker = self._newest_old(bucket, key)
        if marker is not None:
            error.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": marker.body["VersionId"]}
        return error


def _is_a_marker(body: dict[str, Any]) -> AwsError:
    headers = {
        "Allow": "DELETE",
        "Last-Modified": formatdate(int(body["LastModified"]), usegmt=True),
        "x-amz-delete-marker": "true",
        "x-amz-version-id": body["VersionId"],
    }
    message = "The specified method is not allowed against this resource."
    return AwsError("MethodNotAllowed", message, 405, headers=headers, ResourceType="DeleteMarker")
