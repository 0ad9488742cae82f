"""The properties of a resource that Search knows, by dotted name: of what type they are, and their values in a record.

A name goes through structures by member (``ModelArtifacts.S3ModelArtifacts``), through lists without a word of its own
(``InputDataConfig.ChannelName`` has a value for each channel) and ends in a map's key, dots and all
(``HyperParameters.eta``). ``Tags.<key>`` and ``Metrics.<name>`` stand for what lists of pairs say.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Filter.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sagewright.core.errors import AwsError

if TYPE_CHECKING:
    from botocore.model import Shape

Record = Mapping[str, Any]
"""A resource as Search shows it."""

Kind = Literal["text", "number", "time", "boolean", "any", "structure"]
"""any: text that is a number where it looks like one, as hyperparameters are. structure: it is there or it is not."""

_KINDS: Mapping[str, Kind] = {
    "string": "text",
    "integer": "number",
    "long": "number",
    "float": "number",
    "double": "number",
    "timestamp": "time",
    "boolean": "boolean",
}
_PAIRS: Mapping[str, tuple[str, str, str, Kind]] = {
    "Tags": ("Tags", "Key", "Value", "text"),
    "Metrics": ("FinalMetricDataList", "MetricName", "Value", "number"),
}
"""First word of a name to the list that holds it, and the members of its pairs."""


@dataclass(frozen=True, slots=True)
class Property:
    """values: all that a record has for it, none where it is not there."""

    name: str
    kind: Kind
    values: Callable[[Any], Iterator[Any]]


def find_property(shape: Shape, name: str) -> Property:
    """The property of that name. Raises AwsError where resources of the shape have none.

    shape: of a record, or of what a list in it holds.
    """
    first, _, rest = name.partition(".")
    if first in _PAIRS and _PAIRS[first][0] in shape.members:
        member, key, value, kind = _PAIRS[first]
        if rest:
            return Property(name, kind, lambda record: _paired(record.get(member), key, rest, value))
    found = _walk(shape, name)
    if found is not None:
        kind, path = found
        return Property(name, kind, lambda record: _values(record, path))
    if "Model" in shape.members:  # a model's record holds the model itself beside what the dashboard says of it
        inner = find_property(shape.members["Model"], name.removeprefix("Model."))
        return Property(name, inner.kind, lambda record: inner.values(record["Model"]))
    raise AwsError("ValidationException", f"Unknown property name: {name}")


def nested_shape(shape: Shape, name: str) -> tuple[Shape, Callable[[Any], Iterator[Any]]]:
    """The shape of what a list property holds, and its elements in a record. Raises AwsError for what is no list."""
    path: list[str] = []
    here: Any = shape
    for word in name.split("."):
        here = here.members.get(word) if here.type_name == "structure" else None
        if here is None:
            raise AwsError("ValidationException", f"Unknown property name: {name}")
        path.append(word)
    if here.type_name != "list" or here.member.type_name != "structure":
        raise AwsError(
            "ValidationException", f"Property {name} is not a list of objects: it cannot be a nested filter's."
        )
    return here.member, lambda record: _values(record, tuple(path))


def _walk(shape: Shape, name: str) -> tuple[Kind, tuple[str, ...]] | None:
    """The kind of what a name leads to, and the way as members and keys."""
    path: list[str] = []
    here: Any = shape
    rest = name
    while True:
        while here.type_name == "list":
            here = here.member
        if not rest:
            return _KINDS.get(here.type_name, "structure"), tuple(path)
        if here.type_name == "map":
            return "any" if here.value.type_name == "string" else "structure", (*path, rest)
        word, _, rest = rest.partition(".")
        if here.type_name != "structure" or word not in here.members:
            return None
        path.append(word)
        here = here.members[word]


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if value is None:
        return
    if isinstance(value, list | tuple):
        for each in value:
            yield from _values(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        yield from _values(value.get(path[0]), path[1:])


def _paired(pairs: Any, key: str, name: str, value: str) -> Iterator[Any]:
    return (pair[value] for pair in pairs or () if pair[key] == name)
