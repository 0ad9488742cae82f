"""Values of a shape to and from trees of dicts and lists: what JSON and CBOR have in common.

The scalars are each protocol's own: it gives a function from a shape to its decoder or encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sagewright.core.errors import AwsError
from sagewright.wire import shapes
from sagewright.wire.shapes import Decode, Encode, Memo

if TYPE_CHECKING:
    from botocore.model import Shape

Name = Callable[[Any, str], str]
"""A member's name on the wire, of its shape and its own name."""

DEPTH = 128
"""Levels of nesting beyond which a body is refused; no AWS shape comes near."""


def unfit(value: Any, wanted: str) -> AwsError:
    """SerializationException in the words of AWS's servers, for a value of the wrong type."""
    return AwsError("SerializationException", _unfit(value, wanted))


def _unfit(value: Any, wanted: str) -> str:
    if wanted in ("list", "map"):
        return f"Expected {wanted} or null"
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    if isinstance(value, list):
        return "Start of list found where not expected."
    token = str(value).upper() if isinstance(value, bool) else _TOKENS.get(type(value), "VALUE")
    return f"{token}_VALUE can not be converted to {'an' if wanted == 'Integer' else 'a'} {wanted}"


_TOKENS: dict[type, str] = {str: "STRING", int: "NUMBER", float: "NUMBER", bytes: "BLOB"}


def depth(value: Any) -> int:
    """Levels of dicts and lists, counted up to one beyond DEPTH."""
    level, levels = [value], 0
    while level and levels <= DEPTH:
        levels += 1
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return levels


# Decoding


def decoder(shape: Shape, scalar: Callable[[Any], Decode]) -> Decode:
    """A decoder of values of a shape; it raises AwsError SerializationException."""

    def compile_(inner: Shape, memo: Memo[Decode]) -> Decode:
        match inner.type_name:
            case "structure":
                return _as_is if inner.is_document_type else _structure_decoder(inner, memo)
            case "list":
                return _list_decoder(inner, memo)
            case "map":
                return _map_decoder(inner, memo)
        return scalar(inner)

    return Memo(compile_)(shape)


def _as_is(value: Any) -> Any:
    return value


def _structure_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    members: dict[str, tuple[str, Decode]] = {}

    def decode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise unfit(value, "map")
        if not members:
            members.update({shapes.wire_name(m, name): (name, memo(m)) for name, m in shape.members.items()})
        decoded = {}
        for key, item in value.items():
            if item is not None and key in members:
                name, decode_member = members[key]
                decoded[name] = decode_member(item)
        return decoded

    return decode


def _list_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    def decode(value: Any) -> list[Any]:
        if type(value) is not list:
            raise unfit(value, "list")
        decode_item = memo(shape.member)
        return [None if item is None else decode_item(item) for item in value]

    return decode


def _map_decoder(shape: Shape, memo: Memo[Decode]) -> Decode:
    def decode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise unfit(value, "map")
        decode_key, decode_item = memo(shape.key), memo(shape.value)
        return {decode_key(key): None if item is None else decode_item(item) for key, item in value.items()}

    return decode


# Encoding


def encoder(shape: Shape, scalar: Callable[[Any], Encode], name: Name) -> Encode:
    """An encoder of results of a shape; it raises TypeError that names shape and member."""

    def compile_(inner: Shape, memo: Memo[Encode]) -> Encode:
        match inner.type_name:
            case "structure":
                return _as_is if inner.is_document_type else _structure_encoder(inner, memo, name)
            case "list":
                return _list_encoder(inner, memo)
            case "map":
                return _map_encoder(inner, memo)
        return scalar(inner)

    return Memo(compile_)(shape)


def _structure_encoder(shape: Shape, memo: Memo[Encode], wire_name: Name) -> Encode:
    members: dict[str, tuple[str, Encode]] = {}

    def encode(value: Any) -> dict[str, Any]:
        if not members:
            members.update({name: (wire_name(m, name), memo(m)) for name, m in shape.members.items()})
        encoded = {}
        key = ""
        try:
            for key, item in value.items():
                if item is not None:
                    name, encode_member = members[key]
                    encoded[name] = encode_member(item)
        except (KeyError, TypeError, AttributeError) as error:
            raise shapes.misfit(shape, key, members, error) from None
        return encoded

    return encode


def _list_encoder(shape: Shape, memo: Memo[Encode]) -> Encode:
    def encode(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise TypeError(f"not a list: {value!r:.80}")
        encode_item = memo(shape.member)
        return [None if item is None else encode_item(item) for item in value]

    return encode


def _map_encoder(shape: Shape, memo: Memo[Encode]) -> Encode:
    def encode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError(f"not a map: {value!r:.80}")
        encode_item = memo(shape.value)
        return {shapes.string(key): None if item is None else encode_item(item) for key, item in value.items()}

    return encode


# Scalars that need no wire form of their own


def string(value: Any) -> str:
    if type(value) is not str:
        raise unfit(value, "String")
    return value


def boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise unfit(value, "Boolean")
    return value


def integer_decoder(kind: str) -> Decode:
    """A decoder of ``integer`` or ``long``, within its bounds."""
    low, high = shapes.LIMITS[kind]
    title = kind.title()

    def decode(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise unfit(value, title)
        return value

    return decode
