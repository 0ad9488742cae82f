"""Constraints of the models, checked with AWS's own words.

    2 validation errors detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy
    regular expression pattern: ...; Value null at 'roleArn' failed to satisfy constraint: Member must not be null

Where AWS names scalars in lists and maps by their container (``Member must satisfy constraint: [...]``,
``Map value must satisfy constraint: [...]``), so does this.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import patterns, shapes
from sagewright.wire.http import Body
from sagewright.wire.shapes import Memo

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

Where = tuple[Any, str]
"""A place in the input, as (the place above or None, the step): made into text only for what is wrong."""

Check = Callable[[Any, Where, list[str]], None]
"""Appends what is wrong with a value."""

Rule = tuple[Callable[[Any], bool], str]
"""A test of a scalar, and the words for its failure."""

_CODES = {
    "athena": "InvalidRequestException",
    "ecr": "InvalidParameterException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "sts": "ValidationError",
}
"""The error a service gives, where its model does not tell."""
_SHOWN = 2048
"""Characters of a value that a message shows."""
_LISTED = 64
"""Problems that a message lists."""


def validate(op: OperationModel, params: dict[str, Any]) -> None:
    """Raise AwsError for input that its model does not allow."""
    check = _operation(op)
    if check is None:
        return
    problems: list[str] = []
    try:
        check(params, (None, ""), problems)
    except RecursionError:
        problems = ["The input nests too deeply"]
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise AwsError(_code(op), f"{len(problems)} validation {noun} detected: {'; '.join(problems[:_LISTED])}")


@cache
def _code(op: OperationModel) -> str:
    service = op.service_model
    names = service.shape_names
    fixed = _CODES.get(service.service_name)
    if fixed is not None:
        return fixed
    if "ValidationException" not in names and "ValidationError" in names:
        return "ValidationError"
    return "ValidationError" if op.metadata["protocol"] in ("query", "ec2") else "ValidationException"


@cache
def _operation(op: OperationModel) -> Check | None:
    shape = op.input_shape
    if shape is None:
        return None
    if op.service_model.service_name == "s3":
        return _s3(shape)
    return Memo(_compile)(shape)


def _compile(shape: Shape, memo: Memo[Check | None]) -> Check | None:
    match shape.type_name:
        case "structure":
            free = shape.is_document_type or shape.serialization.get("eventstream")
            return None if free else _structure(shape, memo)
        case "list":
            return _list(shape, memo)
        case "map":
            return _map(shape, memo)
        case _:
            return _scalar(shape)


# Rules


def _rules(shape: Shape) -> list[Rule]:
    """A scalar's constraints, in AWS's order: lengths, values, pattern, enumeration."""
    rules: list[Rule] = []
    traits = shape.metadata
    if shape.type_name in ("string", "blob", "character", "list", "map"):
        rules += _length_rules(traits)
    elif shape.type_name in ("integer", "long", "float", "double"):
        rules += _value_rules(traits)
    matches = patterns.matcher(traits["pattern"]) if "pattern" in traits and shape.type_name == "string" else None
    if matches is not None:
        rules.append((matches, f"Member must satisfy regular expression pattern: {traits['pattern']}"))
    if traits.get("enum") and shape.type_name == "string":
        allowed = frozenset(traits["enum"])
        rules.append((allowed.__contains__, f"Member must satisfy enum value set: [{', '.join(traits['enum'])}]"))
    return rules


def _length_rules(traits: dict[str, Any]) -> list[Rule]:
    rules: list[Rule] = []
    if "max" in traits:
        high = int(traits["max"])
        rules.append((lambda value: len(value) <= high, f"Member must have length less than or equal to {high}"))
    if "min" in traits:
        low = int(traits["min"])
        rules.append((lambda value: len(value) >= low, f"Member must have length greater than or equal to {low}"))
    return rules


def _value_rules(traits: dict[str, Any]) -> list[Rule]:
    rules: list[Rule] = []
    if "max" in traits:
        high = traits["max"]
        rules.append((lambda value: value <= high, f"Member must have value less than or equal to {high}"))
    if "min" in traits:
        low = traits["min"]
        rules.append((lambda value: value >= low, f"Member must have value greater than or equal to {low}"))
    return rules


def _scalar(shape: Shape) -> Check | None:
    rules = _rules(shape)
    if not rules:
        return None
    sensitive = bool(shape.metadata.get("sensitive"))

    def check(value: Any, where: Where, problems: list[str]) -> None:
        if value is None:
            problems.append(_problem(None, where, "Member must not be null"))
            return
        if isinstance(value, Body):
            return
        for test, words in rules:
            if not test(value):
                problems.append(_problem(value, where, words, sensitive))
                if words.startswith("Member must have length less"):
                    return  # too long to match a pattern against

    return check


# Containers


def _structure(shape: Shape, memo: Memo[Check | None]) -> Check | None:
    required = frozenset(shape.required_members)
    union = bool(shape.is_tagged_union)
    checks: dict[str, Check] = {}
    pending = [True]

    def check(value: Any, where: Where, problems: list[str]) -> None:
        if pending:
            pending.clear()
            checks.update({n: made for n, member in shape.members.items() if (made := memo(member)) is not None})
        if value is None:
            problems.append(_problem(None, where, "Member must not be null"))
            return
        if union and len(value) != 1:
            problems.append(_problem(value, where, "Member must have exactly one of its members set"))
        if not required <= value.keys():
            for name in shape.required_members:
                if name not in value:
                    problems.append(_problem(None, (where, _lower(name)), "Member must not be null"))
        for name, item in value.items():
            check_member = checks.get(name)
            if check_member is not None:
                check_member(item, (where, _lower(name)), problems)

    return check


def _list(shape: Shape, memo: Memo[Check | None]) -> Check:
    rules = _rules(shape)
    member = shape.member
    inline = _is_scalar(member)
    item_rules = _rules(member) if inline else []
    words = _inline_words("Member must", item_rules)
    sensitive = bool(shape.metadata.get("sensitive") or (inline and member.metadata.get("sensitive")))

    def check(value: Any, where: Where, problems: list[str]) -> None:
        if value is None:
            problems.append(_problem(None, where, "Member must not be null"))
            return
        for test, failure in rules:
            if not test(value):
                problems.append(_problem(value, where, failure, sensitive))
        if inline:
            if not all(_passes(item, item_rules) for item in value):
                problems.append(_problem(value, where, words, sensitive))
            return
        check_item = memo(member)
        if check_item is not None:
            for number, item in enumerate(value, 1):
                check_item(item, (where, f"{number}.member"), problems)

    return check


def _map(shape: Shape, memo: Memo[Check | None]) -> Check:
    rules = _rules(shape)
    key_rules = _rules(shape.key)
    inline = _is_scalar(shape.value)
    value_rules = _rules(shape.value) if inline else []
    key_words = _inline_words("Map keys must", key_rules)
    value_words = _inline_words("Map value must", value_rules)
    sensitive = any(bool(part.metadata.get("sensitive")) for part in (shape, shape.key, shape.value))

    def check(value: Any, where: Where, problems: list[str]) -> None:
        if value is None:
            problems.append(_problem(None, where, "Member must not be null"))
            return
        for test, failure in rules:
            if not test(value):
                problems.append(_problem(value, where, failure, sensitive))
        if not all(_passes(key, key_rules) for key in value):
            problems.append(_problem(value, where, key_words, sensitive))
        if inline:
            if not all(_passes(item, value_rules) for item in value.values()):
                problems.append(_problem(value, where, value_words, sensitive))
            return
        check_item = memo(shape.value)
        if check_item is not None:
            for key, item in value.items():
                check_item(item, (where, f"{key}.member"), problems)

    return check


def _is_scalar(shape: Shape) -> bool:
    return shape.type_name not in ("structure", "list", "map")


def _passes(value: Any, rules: list[Rule]) -> bool:
    return value is not None and all(test(value) for test, _ in rules)


def _inline_words(start: str, rules: list[Rule]) -> str:
    constraints = [words for _, words in rules] or ["Member must not be null"]
    return f"{start} satisfy constraint: [{', '.join(constraints)}]"


# Words


def _lower(name: str) -> str:
    """``TrainingJobName`` as ``trainingJobName``, ``KMSKeyArn`` as ``kMSKeyArn``."""
    return name[:1].lower() + name[1:]


def _problem(value: Any, where: Where, words: str, sensitive: bool = False) -> str:
    shown = "Value null" if value is None else "Value" if sensitive else f"Value '{_show(value)[:_SHOWN]}'"
    return f"{shown} at '{_path(where)}' failed to satisfy constraint: {words}"


def _path(where: Where) -> str:
    steps = []
    place: Where | None = where
    while place is not None:
        if place[1]:
            steps.append(place[1])
        place = place[0]
    return ".".join(reversed(steps))


def _show(value: Any, level: int = 0) -> str:
    """A value as Java prints it: ``[a, b]``, ``{k=v}``."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | dict() if level > 3:
            return "..."
        case list():
            return f"[{', '.join(_show(item, level + 1) for item in value[:100])}]"
        case dict():
            pairs = list(value.items())[:100]
            return f"{{{', '.join(f'{key}={_show(item, level + 1)}' for key, item in pairs)}}}"
        case bytes():
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case datetime():
            return shapes.to_text(value, shapes.ISO)
    return str(value)


# S3, which answers in its own way


def _s3(shape: Shape) -> Check:
    inside = {name: member for name, member in shape.members.items() if member.type_name == "structure"}

    def check(value: Any, where: Where, problems: list[str]) -> None:
        for name in shape.required_members:
            if value.get(name) in (None, ""):
                raise _missing(shape, name)
        for name, member in inside.items():
            if name in value and not _complete(member, value[name]):
                message = "The XML you provided was not well-formed or did not validate against our published schema"
                raise AwsError("MalformedXML", message)

    return check


def _missing(shape: Shape, name: str) -> AwsError:
    member = shape.members[name]
    wire = shapes.wire_name(member, name)
    match member.serialization.get("location"):
        case "header":
            return AwsError("InvalidRequest", f"Missing required header for this request: {wire}")
        case "querystring":
            members: dict[str, Any] = {"ArgumentName": wire, "ArgumentValue": None}
            return AwsError("InvalidArgument", f"Missing required parameter for this request: '{wire}'", **members)
        case "uri":
            return AwsError("InvalidBucketName" if wire == "Bucket" else "InvalidURI", f"{wire} must not be empty.")
    return AwsError("MissingRequestBodyError", "Request Body is empty")


def _complete(shape: Shape, value: Any) -> bool:
    """Whether all required members of a document are there."""
    match shape.type_name:
        case "structure":
            return all(name in value for name in shape.required_members) and all(
                _complete(shape.members[name], item) for name, item in value.items()
            )
        case "list":
            return all(_complete(shape.member, item) for item in value)
        case _:
            return True
