"""Tags of any resource, by ARN, under the rules every AWS service shares.

At most 50 tags a resource, keys of at most 128 and values of at most 256 characters, keys unique within a request, and
the prefix ``aws:`` kept for AWS. Which error code says so differs from service to service: ``TagErrors``.

    self.tags = Tags(store)                              # SageMaker's codes; Tags(store, TagErrors(...)) for others
    self.tags.add(arn, request.get("Tags", ()))          # AddTags, or the Tags member of a Create
    return {"Tags": self.tags.list(arn)}
    self.tags.remove(arn, tag_keys)
    self.tags.forget(arn)                                # with the resource's own delete, in the same transaction

Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html#tag-conventions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sagewright.core.arn import Arn
from sagewright.core.errors import AwsError
from sagewright.store import Document, Space, Store

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256

Tag = Mapping[str, str]
"""``{"Key": ..., "Value": ...}`` as most services spell it."""


@dataclass(frozen=True, slots=True)
class TagErrors:
    """A service's error codes for bad tags.

    case_insensitive: keys that differ in case only are the same key (IAM).
    """

    invalid: str = "ValidationException"
    too_many: str = "ValidationException"
    too_many_status: int = 400
    case_insensitive: bool = False


class Tags:
    """Add, remove and list the tags of resources; each resource's tags are one document."""

    def __init__(self, store: Store, errors: TagErrors | None = None) -> None:
        self._documents = store.documents
        self._transaction = store.transaction
        self._errors = errors or TagErrors()

    def add(self, arn: str, tags: Iterable[Tag]) -> list[dict[str, str]]:
        """Set tags, over those with the same keys; all tags of the resource afterwards.

        Raises AwsError for a reserved, duplicate or oversized key and for more than 50 tags; nothing is changed then.
        """
        added = self.check(tags)
        with self._transaction():
            document = self._read(arn)
            kept = dict(document.body) if document else {}
            for key, value in added.items():
                kept[self._same_key(kept, key)] = value
            if len(kept) > MAX_TAGS:
                raise self._too_many(len(kept))
            if added:
                self._documents.put(_space(arn), arn, kept)
        return _listed(kept)

    def remove(self, arn: str, keys: Iterable[str]) -> None:
        """Take keys away; those that are not there do not matter."""
        with self._transaction():
            document = self._read(arn)
            if document is None:
                return
            body = dict(document.body)
            for key in keys:
                body.pop(self._same_key(body, key), None)
            if body:
                self._documents.update(document, body=body)
            else:
                self._documents.delete(document.space, arn)

    def list(self, arn: str) -> list[dict[str, str]]:
        """``[{"Key": ..., "Value": ...}]`` in the order they were first set; empty for an unknown ARN."""
        return _listed(self.of(arn))

    def of(self, arn: str) -> dict[str, str]:
        """The same as a dict."""
        document = self._read(arn)
        return dict(document.body) if document else {}

    def forget(self, arn: str) -> None:
        """The resource is gone, and its tags with it."""
        self._documents.delete(_space(arn), arn)

    def check(self, tags: Iterable[Tag]) -> dict[str, str]:
        """The tags of one request as a dict. Raises AwsError where they break a rule."""
        found: dict[str, str] = {}
        for tag in tags:
            key, value = tag["Key"], tag.get("Value", "")
            self._check_one(key, value)
            if self._same_key(found, key) in found:
                note = " Please note that Tag keys are case insensitive." if self._errors.case_insensitive else ""
                raise self._invalid(f"Duplicate tag keys found.{note}")
            found[key] = value
        if len(found) > MAX_TAGS:
            raise self._too_many(len(found))
        return found

    def _check_one(self, key: str, value: str) -> None:
        if key.lower().startswith("aws:"):
            raise self._invalid("aws: prefixed tag key names are not allowed for external use.")
        for text, member, longest in ((key, "key", MAX_KEY), (value, "value", MAX_VALUE)):
            if len(text) > longest:
                raise self._invalid(
                    f"1 validation error detected: Value '{text}' at 'tags.1.member.{member}' failed to satisfy "
                    f"constraint: Member must have length less than or equal to {longest}"
                )

    def _same_key(self, tags: Mapping[str, str], key: str) -> str:
        """The spelling under which tags already holds key, else key itself."""
        if not self._errors.case_insensitive or key in tags:
            return key
        return next((other for other in tags if other.lower() == key.lower()), key)

    def _read(self, arn: str) -> Document | None:
        return self._documents.get(_space(arn), arn)

    def _invalid(self, message: str) -> AwsError:
        return AwsError(self._errors.invalid, message)

    def _too_many(self, count: int) -> AwsError:
        message = f"The number of tags has reached the maximum limit of {MAX_TAGS}: the resource would have {count}."
        return AwsError(self._errors.too_many, message, self._errors.too_many_status)


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _space(arn: str) -> Space:
    try:
        owner = Arn.parse(arn)
    except ValueError:
        return Space("tags")
    return Space("tags", owner.account, owner.region)
