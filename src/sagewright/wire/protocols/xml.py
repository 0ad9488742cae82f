"""XML of a shape, read and written: bodies of rest-xml, answers of the query protocol.

Traits: https://smithy.io/2.0/spec/protocol-traits.html#xml-bindings
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from sagewright.wire import shapes
from sagewright.wire.protocols import faults
from sagewright.wire.shapes import Decode, Encode, Memo

if TYPE_CHECKING:
    from botocore.model import Shape

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_MOST_TAGS = 500_000
"""Start and end tags, or attributes, beyond which a document is refused; 10,000 parts of an upload have 180,000."""

Write = Callable[[list[str], str, Any], None]
"""Append a value under an element name to the parts of a document."""


class _NoDoctype(ElementTree.TreeBuilder):
    """A builder that refuses every DTD, and with it every entity: the C parser keeps its speed."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("a DTD is not allowed")


def parse(data: bytes) -> ElementTree.Element:
    """The root element. Raises ValueError for what is not well-formed, or has a DTD."""
    if data.count(b"<") > _MOST_TAGS or data.count(b"=") > _MOST_TAGS:
        raise ValueError("more elements than any request has")
    parser = ElementTree.XMLParser(target=_NoDoctype(), encoding="utf-8")  # noqa: S314 - see _NoDoctype
    try:
        parser.feed(data)
        root: ElementTree.Element = parser.close()
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    return root


def local_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2] if tag[:1] == "{" else tag


# Decoding


@cache
def decoder(shape: Shape) -> Decode:
    """A decoder of elements of a shape; it raises ValueError."""
    return Memo(_compile_decoder)(shape)


def _compile_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    match shape.type_name:
        case "structure":
            return _structure_decoder(shape, memo)
        case "list":
            return lambda node: [memo(shape.member)(child) for child in node]
        case "map":
            return lambda node: dict(_entry(shape, memo, child) for child in node)
        case _:
            decode = shapes.text_decoder(shape)
            return lambda node: decode(node.text or "")


def _structure_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    members: dict[str, tuple[str, Decode, str]] = {}
    attributes: dict[str, str] = {}

    def decode(node: ElementTree.Element) -> dict[str, Any]:
        if not members and not attributes:
            _bind(shape, memo, members, attributes)
        decoded: dict[str, Any] = {}
        for child in node:
            bound = members.get(local_name(child.tag))
            if bound is None:
                continue
            name, decode_child, flat = bound
            if not flat:
                decoded[name] = decode_child(child)
            elif flat == "list":
                decoded.setdefault(name, []).append(decode_child(child))
            else:
                key, value = decode_child(child)
                decoded.setdefault(name, {})[key] = value
        if attributes:
            for key, value in node.attrib.items():
                if local_name(key) in attributes:
                    decoded[attributes[local_name(key)]] = value
        return decoded

    return decode


def _bind(
    shape: Shape, memo: Memo[Decode], members: dict[str, tuple[str, Decode, str]], attributes: dict[str, str]
) -> None:
    for name, member in shape.members.items():
        key = shapes.wire_name(member, name)
        if member.serialization.get("xmlAttribute"):
            attributes[key.rpartition(":")[2]] = name
        elif not member.serialization.get("flattened"):
            members[key] = (name, memo(member), "")
        elif member.type_name == "list":
            # SDKs disagree on which of the two names a flattened list has.
            bound = (name, memo(member.member), "list")
            members.setdefault(shapes.wire_name(member.member, key), bound)
            members[key] = bound
        else:
            members[key] = (name, _entry_decoder(member, memo), "map")


def _entry_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    return lambda node: _entry(shape, memo, node)


def _entry(shape: Shape, memo: Memo[Decode], node: ElementTree.Element) -> tuple[str, Any]:
    parts = {local_name(child.tag): child for child in node}
    key = parts.get(shapes.wire_name(shape.key, "key"))
    value = parts.get(shapes.wire_name(shape.value, "value"))
    if key is None or value is None:
        raise ValueError("a map entry lacks its key or its value")
    return memo(shape.key)(key), memo(shape.value)(value)


# Writing


@cache
def writer(shape: Shape, millis: bool = False) -> Write:
    """A writer of values of a shape; it raises TypeError. millis: timestamps as S3 writes them."""

    def compile_(inner: Shape, memo: Memo[Write]) -> Write:
        match inner.type_name:
            case "structure":
                return _structure_writer(inner, memo, millis)
            case "list":
                return _list_writer(inner, memo)
            case "map":
                return _map_writer(inner, memo)
            case _:
                return _scalar_writer(inner, _encoder(inner, millis))

    return Memo(compile_)(shape)


def _encoder(shape: Shape, millis: bool) -> Encode:
    """A scalar as the text of an element."""
    return _string if shape.type_name in ("string", "character") else shapes.text_encoder(shape, millis=millis)


def _string(value: Any) -> str:
    return escape(shapes.string(value)) if not isinstance(value, str) or _SPECIAL.search(value) else value


def _scalar_writer(shape: Shape, encode: Encode) -> Write:
    namespace = _namespace(shape)

    def write(out: list[str], name: str, value: Any) -> None:
        out.append(f"<{name}{namespace}>{encode(value)}</{name}>")

    return write


def _structure_writer(shape: Shape, memo: Memo[Write], millis: bool) -> Write:
    members: dict[str, tuple[str, Encode | None, Write | None]] = {}
    namespace = _namespace(shape)

    def write(out: list[str], name: str, value: Any) -> None:
        if not members:
            members.update({key: _member(member, key, memo, millis) for key, member in _members(shape)})
        start = len(out)
        out.append("")  # the opening tag, once the attributes are known
        attributes = namespace
        key = ""
        try:
            for key, item in value.items():
                if item is None:
                    continue
                tag, encode, write_member = members[key]
                if encode is not None:
                    out.append(f"<{tag}>{encode(item)}</{tag}>")
                elif write_member is not None:
                    write_member(out, tag, item)
                else:
                    attributes += f' {tag}="{escape(shapes.string(item))}"'
        except (KeyError, TypeError, AttributeError) as error:
            raise shapes.misfit(shape, key, members, error) from None
        out[start] = f"<{name}{attributes}>"
        out.append(f"</{name}>")

    return write


def _members(shape: Shape) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in shape.members.items() if "location" not in member.serialization]


def _member(shape: Shape, key: str, memo: Memo[Write], millis: bool) -> tuple[str, Encode | None, Write | None]:
    """The name of a member's element, and the encoder of a plain scalar or the writer of another; of an attribute none.

    A listing has thousands of scalars: one without a namespace needs no call of a writer.
    """
    tag = element_name(shape, key)
    if shape.serialization.get("xmlAttribute"):
        return tag, None, None
    if shape.type_name not in ("structure", "list", "map") and not _namespace(shape):
        return tag, _encoder(shape, millis), None
    return tag, None, memo(shape)


def element_name(shape: Shape, name: str) -> str:
    """The element of a member; a flattened list's items carry their own name."""
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return shapes.wire_name(shape.member, shapes.wire_name(shape, name))
    return shapes.wire_name(shape, name)


def _list_writer(shape: Shape, memo: Memo[Write]) -> Write:
    flattened = shape.serialization.get("flattened")
    item_name = shapes.wire_name(shape.member, "member")
    namespace = _namespace(shape)

    def write(out: list[str], name: str, value: Any) -> None:
        if not isinstance(value, list | tuple):
            raise TypeError(f"not a list: {value!r:.80}")
        write_item = memo(shape.member)
        if not flattened:
            out.append(f"<{name}{namespace}>")
        for item in value:
            if item is not None:
                write_item(out, name if flattened else item_name, item)
        if not flattened:
            out.append(f"</{name}>")

    return write


def _map_writer(shape: Shape, memo: Memo[Write]) -> Write:
    flattened = shape.serialization.get("flattened")
    key_name = shapes.wire_name(shape.key, "key")
    value_name = shapes.wire_name(shape.value, "value")
    namespace = _namespace(shape)

    def write(out: list[str], name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise TypeError(f"not a map: {value!r:.80}")
        entry = name if flattened else "entry"
        if not flattened:
            out.append(f"<{name}{namespace}>")
        for key, item in value.items():
            if item is not None:
                out.append(f"<{entry}>")
                memo(shape.key)(out, key_name, key)
                memo(shape.value)(out, value_name, item)
                out.append(f"</{entry}>")
        if not flattened:
            out.append(f"</{name}>")

    return write


def _namespace(shape: Shape) -> str:
    trait = shape.serialization.get("xmlNamespace")
    if not trait:
        return ""
    uri, prefix = (trait, "") if isinstance(trait, str) else (trait["uri"], trait.get("prefix", ""))
    return f' xmlns:{prefix}="{uri}"' if prefix else f' xmlns="{uri}"'


_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SPECIAL = re.compile('[&<>"\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]')
_ODD = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]")
_NAMES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


def escape(text: str) -> str:
    """Text for an element or an attribute. Characters that XML 1.0 lacks become references, as S3 sends them."""
    if _SPECIAL.search(text) is None:
        return text
    for character, name in _NAMES:
        text = text.replace(character, name)
    return _ODD.sub(lambda found: f"&#x{ord(found[0]):x};", text)


def document(parts: list[str]) -> bytes:
    """The bytes of a document."""
    return (DECLARATION + "".join(parts)).encode("utf-8")


def told(text: str) -> str:
    """escape() for an error: a character that XML cannot hold would hide the whole of it from the client."""
    return escape(_UNFIT.sub("\ufffd", text))


def error_parts(fault: faults.Fault) -> list[str]:
    """``<Type>``, ``<Code>``, ``<Message>`` and the error's members: what is inside ``<Error>``."""
    kind = "Receiver" if fault.status >= 500 else "Sender"
    parts = [f"<Type>{kind}</Type><Code>{told(fault.code)}</Code><Message>{told(fault.message)}</Message>"]
    for name, value in fault.members.items():
        if name in ("message", "Message") or value is None:
            continue
        member = fault.shape.members.get(name) if fault.shape is not None else None
        if member is not None:
            writer(member)(parts, element_name(member, name), value)
        else:
            parts.append(f"<{name}>{told(str(value))}</{name}>")
    return parts
