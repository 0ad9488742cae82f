"""REST path templates of a service (``/endpoints/{EndpointName}/invocations``) as a tree that finds the operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from sagewright.wire import models

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from sagewright.wire.http import Headers


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An operation at a place in the tree.

    query: query keys its template holds, with their value or None for any; they must be there.
    wanted_query, wanted_headers: required members. They tell apart operations that share a template (UploadPart and
    PutObject); where all of them lack some, validation names what is missing.
    """

    operation: str
    labels: tuple[str, ...]
    query: tuple[tuple[str, str | None], ...]
    wanted_query: tuple[str, ...]
    wanted_headers: tuple[str, ...]
    deprecated: bool

    @property
    def wanted(self) -> int:
        return len(self.wanted_query) + len(self.wanted_headers)


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: list[tuple[tuple[str, ...], _Node]] = field(default_factory=list)
    """Greedy labels with the literal segments that follow them."""
    methods: dict[str, list[_Candidate]] = field(default_factory=dict)


class Paths:
    """The path templates of one service."""

    def __init__(self, service: str) -> None:
        self._root = _Node()
        for name in models.operation_names(service):
            self._add(models.operation(service, name))
        _sort(self._root)

    def match(self, method: str, path: str, query: str, headers: Headers) -> tuple[str, dict[str, str]] | None:
        """The operation and its decoded labels, or None. path and query are raw; raises UnicodeDecodeError."""
        segments = path.split("/")[1:]
        found = _walk(self._root, segments, 0, [], method, _Request(query, headers))
        if found is None and len(segments) > 1 and not segments[-1]:
            found = _walk(self._root, segments[:-1], 0, [], method, _Request(query, headers))
        if found is None:
            return None
        candidate, values = found
        if not values:
            return candidate.operation, {}
        return candidate.operation, {
            name: unquote(value, errors="strict") if "%" in value else value
            for name, value in zip(candidate.labels, values, strict=True)
        }

    def _add(self, op: OperationModel) -> None:
        path, _, query = op.http["requestUri"].partition("?")
        node = self._root
        labels: list[str] = []
        segments = path.split("/")[1:]
        if len(segments) > 1 and not segments[-1]:
            segments.pop()
        for index, segment in enumerate(segments):
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            labels.append(segment.strip("{}").removesuffix("+"))
            if segment.endswith("+}"):
                tail = tuple(segments[index + 1 :])
                ends = dict(node.greedy)
                if tail not in ends:
                    ends[tail] = _Node()
                    node.greedy = sorted(ends.items(), key=lambda end: -len(end[0]))
                node = ends[tail]
                break
            node.label = node = node.label or _Node()
        node.methods.setdefault(op.http["method"], []).append(_candidate(op, tuple(labels), query))


@cache
def paths(service: str) -> Paths:
    """The templates of a service, compiled once."""
    return Paths(service)


class _Request:
    """Query and headers, looked at only where a template does."""

    __slots__ = ("_query", "_text", "headers")

    def __init__(self, text: str, headers: Headers) -> None:
        self._text = text
        self._query: dict[str, str] | None = None
        self.headers = headers

    @property
    def query(self) -> Mapping[str, str]:
        if self._query is None:
            self._query = {}
            for part in self._text.split("&"):
                name, _, value = part.partition("=")
                self._query[unquote_plus(name)] = unquote_plus(value)
        return self._query


def _candidate(op: OperationModel, labels: tuple[str, ...], query: str) -> _Candidate:
    literals: list[tuple[str, str | None]] = []
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        literals.append((name, value if equals else None))
    wanted: dict[str, list[str]] = {"querystring": [], "header": []}
    shape = op.input_shape
    for name in shape.required_members if shape is not None else ():
        traits = shape.members[name].serialization
        wanted.get(traits.get("location", ""), []).append(traits.get("name", name))
    return _Candidate(
        op.name, labels, tuple(literals), tuple(wanted["querystring"]), tuple(wanted["header"]), op.deprecated
    )


def _sort(node: _Node) -> None:
    for candidates in node.methods.values():
        candidates.sort(key=lambda candidate: (-len(candidate.query), -candidate.wanted, candidate.deprecated))
    for child in (*node.literals.values(), *(end for _, end in node.greedy)):
        _sort(child)
    if node.label is not None:
        _sort(node.label)


def _walk(
    node: _Node, segments: list[str], index: int, values: list[str], method: str, request: _Request
) -> tuple[_Candidate, list[str]] | None:
    """Literals before labels before greedy labels; steps back where a branch ends in nothing."""
    if index == len(segments):
        candidate = _choose(node.methods.get(method), request)
        return None if candidate is None else (candidate, values)
    segment = segments[index]
    child = node.literals.get(segment)
    if child is not None:
        found = _walk(child, segments, index + 1, values, method, request)
        if found is not None:
            return found
    if node.label is not None and segment:
        found = _walk(node.label, segments, index + 1, [*values, segment], method, request)
        if found is not None:
            return found
    for tail, end in node.greedy:
        stop = len(segments) - len(tail)
        if stop > index and tuple(segments[stop:]) == tail:
            rest = "/".join(segments[index:stop])
            candidate = _choose(end.methods.get(method), request) if rest else None
            if candidate is not None:
                return candidate, [*values, rest]
    return None


def _choose(candidates: list[_Candidate] | None, request: _Request) -> _Candidate | None:
    if not candidates:
        return None
    if len(candidates) == 1 and not candidates[0].query:
        return candidates[0]
    best: tuple[int, _Candidate] | None = None
    for candidate in candidates:
        if best is not None and len(candidate.query) < len(best[1].query):
            break
        if not all(_has(request, name, value) for name, value in candidate.query):
            continue
        missing = sum(name not in request.query for name in candidate.wanted_query)
        missing += sum(name not in request.headers for name in candidate.wanted_headers)
        if not missing:
            return candidate
        if best is None or missing < best[0]:
            best = (missing, candidate)
    return None if best is None else best[1]


def _has(request: _Request, name: str, value: str | None) -> bool:
    found = request.query.get(name)
    return found is not None and (value is None or found == value)
