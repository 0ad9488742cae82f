"""The daily run of lifecycle rules: what is due expires, changes its storage class, or is aborted.

The store is the only memory: every change is one transaction that first looks whether its object is still the one that
was judged, so a run may be killed at any point, and the next finds what is left.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.s3 import lifecycle
from sagewright.services.s3.multipart.uploads import drop_upload, uploads
from sagewright.services.s3.records import BUCKETS, Condition, Records, Removed, objects
from sagewright.services.s3.versions import is_marker, key_of, old_versions, stored_key
from sagewright.store import Document, Space, StaleDocument

_BATCH = 100
"""Most documents read and judged at a time."""
_JUDGEMENTS = 1000
"""Most rules looked at for them, some milliseconds of the event loop."""

_Judge = Callable[[str, dict[str, Any], Document, float], Awaitable[bool]]
"""(bucket, its configuration, a document, now) to whether it changed something."""


class LifecycleRuns:
    """Acts on the rules of every bucket that has some."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._documents = records.store.documents

    async def tidy(self, now: float) -> None:
        """All that is due at now (epoch seconds)."""
        for bucket in self._documents.with_status(BUCKETS.kind, (lifecycle.HAS_RULES,)):
            await self._walk(bucket.key, objects(bucket.key), self._current, now)
            await self._walk(bucket.key, old_versions(bucket.key), _OldVersions(self).judge, now)
            await self._walk(bucket.key, uploads(bucket.key), self._upload, now)

    def _configuration(self, bucket: str) -> dict[str, Any] | None:
        """A bucket's rules as they are now: they may change while a run goes on."""
        document = self._documents.get(BUCKETS, bucket)
        if document is None or not lifecycle.rules_of(document.body):
            return None
        configuration: dict[str, Any] = document.body["Configurations"]["LifecycleConfiguration"]
        return configuration

    async def _walk(self, bucket: str, space: Space, judge: _Judge, now: float) -> None:
        after = ""
        while configuration := self._configuration(bucket):
            rules = lifecycle.enabled(configuration)
            prefix = _common_start([lifecycle.prefix_of(rule) for rule in rules])
            limit = min(_BATCH, max(1, _JUDGEMENTS // len(rules)))
            batch = self._documents.find(space, prefix=prefix, after=after, limit=limit)
            if not batch:
                return
            after = batch[-1].key
            for document in batch:
                if await judge(bucket, configuration, document, now):
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _current(self, bucket: str, configuration: dict[str, Any], document: Document, now: float) -> bool:
        key = document.key
        expiration = lifecycle.expiration(lifecycle.enabled(configuration), key, document.body)
        if expiration is not None and expiration.at <= now:
            # As DeleteObject: for good, or under a delete marker where there are versions.
            return await self._remove(lambda: self._records.remove(bucket, key, condition=_unchanged(document)))
        return self._move(document, lifecycle.transition(configuration, key, document.body, now))

    async def _upload(self, bucket: str, configuration: dict[str, Any], upload: Document, now: float) -> bool:
        due = lifecycle.abortion(lifecycle.enabled(configuration), upload.body["Key"], upload.created)
        if due is None or due.at > now:
            return False
        with self._records.store.transaction():
            if self._documents.get(upload.space, upload.key) is None:
                return False
            dropped = drop_upload(self._records.store, self._records.unnamed, bucket, upload)
        await self._records.unnamed.empty(dropped)
        return True

    async def old_version(
        self, bucket: str, configuration: dict[str, Any], document: Document, newer: int, now: float
    ) -> bool:
        """Judge a version that is not the current one. newer: how many of its key are neither, and newer."""
        key, body = key_of(document), {"Size": 0, "Storage": {}, **document.body}
        since = body["NoncurrentSince"]
        if lifecycle.noncurrent_expiration(lifecycle.enabled(configuration), key, body, since, newer, now) is not None:
            return await self._remove_version(bucket, document)
        if is_marker(body):
            return False
        return self._move(document, lifecycle.noncurrent_transition(configuration, key, body, since, newer, now))

    async def marker(self, bucket: str, configuration: dict[str, Any], document: Document, now: float) -> bool:
        """Judge a delete marker that is the current version: it goes once it hides nothing."""
        key = key_of(document)
        if not lifecycle.marker_expires(lifecycle.enabled(configuration), key, document.body, now):
            return False
        hidden = self._documents.find(old_versions(bucket), prefix=stored_key(key, ""), limit=2)
        return len(hidden) == 1 and await self._remove_version(bucket, document)

    async def _remove_version(self, bucket: str, document: Document) -> bool:
        version_id = document.body["VersionId"]
        return await self._remove(
            lambda: self._records.remove_version(bucket, key_of(document), version_id, condition=_unchanged(document))
        )

    async def _remove(self, change: Callable[[], Removed]) -> bool:
        """Whether something went: not what has changed meanwhile, nor what a lock protects."""
        try:
            removed = change()
        except (StaleDocument, AwsError):
            return False
        await self._records.unnamed.empty(removed.replaced)
        return True

    def _move(self, document: Document, due: lifecycle.Due | None) -> bool:
        """Change the storage class, unless the version has changed meanwhile."""
        if due is None or not _is_same(self._documents.get(document.space, document.key), document):
            return False
        storage = {**document.body["Storage"], "StorageClass": due.storage_class}
        self._documents.update(document, body={**document.body, "Storage": storage})
        return True


class _OldVersions:
    """Judges what s3:version holds, in its order: keys, and the versions of each from the newest on."""

    def __init__(self, runs: LifecycleRuns) -> None:
        self._runs = runs
        self._key = ""
        self._newer = 0

    async def judge(self, bucket: str, configuration: dict[str, Any], document: Document, now: float) -> bool:
        if "NoncurrentSince" not in document.body:
            return await self._runs.marker(bucket, configuration, document, now)
        if key_of(document) != self._key:
            self._key, self._newer = key_of(document), 0
        newer, self._newer = self._newer, self._newer + 1
        return await self._runs.old_version(bucket, configuration, document, newer, now)


def _common_start(prefixes: list[str]) -> str:
    """What all begin with, so that no other key need be read."""
    low, high = min(prefixes), max(prefixes)
    end = next((index for index, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:end]


def _unchanged(judged: Document) -> Condition:
    """Raises StaleDocument where somebody has written since."""

    def condition(present: Document | None) -> None:
        if not _is_same(present, judged):
            raise StaleDocument(judged.key)

    return condition


def _is_same(present: Document | None, judged: Document) -> bool:
    return present is not None and present.body == judged.body
