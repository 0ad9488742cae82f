"""What all protocols share: scalars as text, timestamps, and plans compiled once a shape.

A decoder makes Python values of what came in and raises ValueError; an encoder makes the wire's form of a result
and raises TypeError, since a result of the wrong type is our own bug.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from botocore.model import Shape

Decode = Callable[[Any], Any]
Encode = Callable[[Any], Any]
_Plan = TypeVar("_Plan")

LIMITS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
"""Bounds of AWS's integer types."""

EPOCH, ISO, HTTP = "unixtimestamp", "iso8601", "rfc822"
"""The formats of a timestamp, as models name them."""


class Memo(Generic[_Plan]):
    """Plans by shape, made on first use. A recursive shape meets its own plan; compile() must not walk into members."""

    def __init__(self, compile_: Callable[[Any, Memo[_Plan]], _Plan]) -> None:
        self._compile = compile_
        self._plans: dict[str, _Plan] = {}
        self._seen: dict[Shape, _Plan] = {}

    def __call__(self, shape: Shape) -> _Plan:
        plan = self._seen.get(shape)
        if plan is None:  # botocore makes a new object for each reference to a shape
            key = f"{shape.name} {shape.serialization}"
            plan = self._plans.get(key)
            if plan is None:
                plan = self._plans[key] = self._compile(shape, self)
            self._seen[shape] = plan
        return plan


def wire_name(shape: Shape, name: str) -> str:
    """A member's name on the wire: its locationName, else its own."""
    return str(shape.serialization.get("name", name))


def timestamp_format(shape: Shape, default: str) -> str:
    return str(shape.serialization.get("timestampFormat", default)).lower()


def misfit(shape: Shape, member: str, members: Any, error: Exception) -> TypeError:
    """The error for a result that does not fit its shape; nested ones make up the path."""
    if isinstance(error, AttributeError):
        return TypeError(f"{shape.name}: not a structure")
    if isinstance(error, KeyError) and member not in members:
        return TypeError(f"{shape.name} has no member {member}")
    return TypeError(f"{shape.name}.{member}: {error}")


# Timestamps


def from_epoch(value: float) -> datetime:
    """An aware datetime for seconds since the epoch. Raises ValueError."""
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError):
        raise ValueError("timestamp out of range") from None


def from_text(text: str, form: str) -> datetime:
    """An aware datetime for a timestamp in one of the three formats; some SDKs send another than the model says."""
    text = text.strip()
    if not text.isascii() or "_" in text:
        raise ValueError("not a timestamp")
    if form == HTTP and text[:1].isalpha():
        return _aware(_from_http(text))
    if text[4:5] == "-":
        return _aware(datetime.fromisoformat(text))
    if text[:1].isalpha():
        return _aware(_from_http(text))
    return from_epoch(float(text))


def _from_http(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except (TypeError, IndexError, OverflowError):
        raise ValueError("not a timestamp") from None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def to_epoch(value: Any) -> float:
    """Seconds since the epoch, to the millisecond, whole ones as int: what AWS's JSON has."""
    if isinstance(value, datetime):
        value = _aware(value).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a timestamp: {value!r}")
    seconds = round(value, 3)
    return int(seconds) if seconds == int(seconds) else seconds


def to_text(value: Any, form: str, millis: bool = False) -> str:
    """A timestamp in one of the three formats. millis: ISO 8601 always with milliseconds, as S3 writes it."""
    seconds = to_epoch(value)
    if form == EPOCH:
        return str(seconds)
    if form == HTTP:
        return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
    return _iso_text(seconds, millis)


@lru_cache(maxsize=1024)
def _iso_text(seconds: float, millis: bool) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    fraction = "milliseconds" if millis or moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=fraction) + "Z"


# Scalars as text: in headers, in paths, in queries, in XML


def text_decoder(shape: Shape, timestamps: str = ISO) -> Decode:
    """A decoder of a scalar's text; timestamps: the format where the model names none."""
    kind = shape.type_name
    if kind == "timestamp":
        form = timestamp_format(shape, timestamps)
        return lambda text: from_text(text, form)
    if kind in LIMITS:
        low, high = LIMITS[kind]
        return lambda text: _integer(text, low, high)
    return _DECODERS[kind]


def text_encoder(shape: Shape, timestamps: str = ISO, millis: bool = False) -> Encode:
    """An encoder of a scalar as text."""
    if shape.type_name == "timestamp":
        form = timestamp_format(shape, timestamps)
        return lambda value: to_text(value, form, millis)
    return _ENCODERS[shape.type_name]


def _string(text: str) -> str:
    return text


def _integer(text: str, low: int, high: int) -> int:
    value = int(_plain(text))
    if not low <= value <= high:
        raise ValueError("out of range")
    return value


def _plain(text: str) -> str:
    """Python reads ``1_000`` and Arabic digits; AWS does not."""
    text = text.strip()
    if not text.isascii() or "_" in text:
        raise ValueError("not a number")
    return text


def _float(text: str) -> float:
    return float(_plain(text))


def _boolean(text: str) -> bool:
    match text.strip().lower():
        case "true":
            return True
        case "false":
            return False
    raise ValueError("not a boolean")


def from_base64(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        pass
    try:  # wrapped lines
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def to_base64(value: Any) -> str:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"not bytes: {value!r:.80}")
    return base64.b64encode(value).decode("ascii")


_DECODERS: dict[str, Decode] = {
    "string": _string,
    "character": _string,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "blob": from_base64,
}


# Scalars of results, checked


def string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a string: {value!r:.80}")
    return value


def integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"not an integer: {value!r:.80}")
    return value


def number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"not a number: {value!r:.80}")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"not a boolean: {value!r:.80}")
    return value


def float_text(value: Any) -> str:
    """A number as AWS writes it in text: ``NaN`` and ``Infinity`` by name."""
    number(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


_ENCODERS: dict[str, Encode] = {
    "string": string,
    "character": string,
    "integer": lambda value: str(integer(value)),
    "long": lambda value: str(integer(value)),
    "float": float_text,
    "double": float_text,
    "boolean": lambda value: "true" if boolean(value) else "false",
    "blob": to_base64,
}
