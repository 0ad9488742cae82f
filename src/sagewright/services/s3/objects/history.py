"""ListObjectVersions.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from __future__ import annotations

from typing import Any

from sagewright.kit.operation import Context, operation
from sagewright.services.s3 import errors, versions
from sagewright.services.s3.access.ownership import holder
from sagewright.services.s3.objects.headers import whole_seconds
from sagewright.services.s3.objects.listing import Asked, contents
from sagewright.services.s3.objects.walking import LAST, Fetch, page
from sagewright.services.s3.records import Records, objects
from sagewright.services.s3.versions import NULL_VERSION, is_marker, key_of, old_versions, place_of, stored_key
from sagewright.store import Document


class History:
    """The listing of versions."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @operation()
    def list_object_versions(self, ctx: Context, bucket: str, **members: Any) -> dict[str, Any]:
        request = ctx.request
        home = self._records.bucket(ctx, bucket)
        asked = Asked.of(request)
        listed = page(
            self._fetch(bucket, asked.prefix),
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            after=self._start(bucket, request),
            limit=asked.limit,
            name=lambda place: place.partition("\0")[0],
        )
        holders = holder(home)
        content = contents(request, asked.encode, holders, self._records.clock.now())
        shown: dict[str, list[dict[str, Any]]] = {"Versions": [], "DeleteMarkers": []}
        for document in listed.documents:
            body = document.body
            latest = document.space.kind == "s3:object" or (is_marker(body) and "NoncurrentSince" not in body)
            entry = {"VersionId": body["VersionId"], "IsLatest": latest}
            if is_marker(body):
                entry |= {"Key": asked.encode(key_of(document)), "Owner": holders(body)}
                shown["DeleteMarkers"].append(entry | {"LastModified": whole_seconds(body["LastModified"])})
            else:
                shown["Versions"].append(content(key_of(document), body) | entry)
        key, found, _ = listed.last.partition("\0")
        last = listed.documents[-1].body["VersionId"] if found else None
        return (
            asked.shown(bucket, listed)
            | shown
            | {
                "KeyMarker": asked.encode(request.get("KeyMarker") or ""),
                "VersionIdMarker": request.get("VersionIdMarker") or "",
                "NextKeyMarker": asked.encode(key) if listed.truncated else None,
                "NextVersionIdMarker": last if listed.truncated else None,
            }
        )

    def _start(self, bucket: str, request: dict[str, Any]) -> str:
        """The place of the markers. Raises AwsError InvalidArgument."""
        key, version_id = request.get("KeyMarker") or "", request.get("VersionIdMarker")
        if version_id is not None:
            if not key:
                message = "A version-id marker cannot be specified without a key marker."
                raise errors.invalid_argument(message, "version-id-marker", version_id)
            versions.check_id(version_id)
        if not key:
            return ""
        if version_id is None:
            return stored_key(key, LAST)
        if version_id != NULL_VERSION:
            return stored_key(key, version_id)
        document = self._records.stored(bucket, key, NULL_VERSION)
        return stored_key(key, place_of(document.body) if document is not None else "")

    def _fetch(self, bucket: str, prefix: str) -> Fetch:
        """The current versions merged with the others."""
        documents = self._records.store.documents

        def fetch(after: str, size: int) -> list[tuple[str, Document]]:
            key, inside, _ = after.partition("\0")
            current = documents.find(objects(bucket), prefix=prefix, after=key, limit=size)
            own = documents.get(objects(bucket), key) if inside else None
            old = documents.find(old_versions(bucket), prefix=prefix, after=after, limit=size)
            merged = [(stored_key(found.key, place_of(found.body)), found) for found in current]
            ends = [merged[-1][0]] if len(current) == size else []
            ends += [old[-1].key] if len(old) == size else []
            if own is not None and (place := stored_key(key, place_of(own.body))) > after:
                merged.append((place, own))
            merged += [(found.key, found) for found in old]
            merged.sort(key=lambda item: item[0])
            return [item for item in merged if item[0] <= min(ends)] if ends else merged

        return fetch
