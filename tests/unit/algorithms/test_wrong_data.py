"""Data that is not in its format: the error names channel, file and record, and costs no memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.formats import codec, recordio, recordio_protobuf
from sagewright_algorithms.formats.blocks import LONGEST
from sagewright_algorithms.formats.examples import FormatError, ReadOptions, concatenate
from sagewright_algorithms.formats.record import record_class

from .test_channels import ROWS, channel_of, encoded, record


def sparse(keys: list[int], shape: list[int], values: int | None = None) -> bytes:
    message = record_class()()
    tensor = message.features["values"].float32_tensor
    tensor.values.extend([1.0] * (len(keys) if values is None else values))
    tensor.keys.extend(keys)
    tensor.shape.extend(shape)
    message.label["values"].float32_tensor.values.append(1)
    return recordio.frame(message.SerializeToString())


def labelled(*labels: float) -> bytes:
    message = record_class()()
    message.features["values"].float32_tensor.values.extend([1, 2, 3])
    message.label["values"].float32_tensor.values.extend(labels)
    return recordio.frame(message.SerializeToString())


def header(length: int, part: int = 0) -> bytes:
    return recordio.HEADER.pack(recordio.MAGIC, part << 29 | length)


GOOD = encoded("recordio-protobuf", ROWS[:2])
SPARSE = encoded("sparse recordio-protobuf", ROWS[:2])
CASES: dict[str, tuple[bytes, str]] = {
    "gigantic": (GOOD + header((1 << 29) - 1) + b"x", "record 3 at byte 112: declared to be 536870911 bytes long"),
    "gigantic first": (header(LONGEST + 1) + bytes(64), f"record 1 at byte 0: declared to be {LONGEST + 1} bytes long"),
    "bad magic": (GOOD + b"\x0a\x23\xd7\xcf" + GOOD[4:], "record 3 at byte 112: not RecordIO, found 0xcfd7230a"),
    "no magic": (b"1,2,3\n4,5,6\n", "record 1 at byte 0: not RecordIO"),
    "cut off": (GOOD[:-1], "record 2 at byte 56: 48 bytes long, but the file ends after 47"),
    "cut off header": (GOOD + GOOD[:5], "record 3 at byte 112: the file ends within its header"),
    "cut off magic": (GOOD + GOOD[:3], "record 3 at byte 112: the file ends within its header"),
    "a part without its first": (GOOD + header(4, 3) + b"abcd", "record 3 at byte 112: its first part is missing"),
    "a part without its last": (GOOD + header(4, 1) + b"abcd", "record 3 at byte 112: its last part is missing"),
    "a part within parts": (header(4, 1) + b"abcd" + GOOD, "record 1 at byte 0: its last part is missing"),
    "an unknown part": (GOOD + header(4, 5) + b"abcd", "record 3 at byte 112: part 5"),
    "not protobuf": (GOOD + recordio.frame(b"\xff" * 9), "record 3 at byte 112: not a protobuf Record"),
    "gigantic field": (recordio.frame(b"\x0a\xff\xff\xff\xff\x07" + bytes(8)), "record 1 at byte 0: not a protobuf"),
    "empty record": (GOOD + recordio.frame(b""), "record 3 at byte 112: no features named 'values'"),
    "wider": (GOOD + recordio.frame(record(ROWS[0].repeat(2), sparse=False)), "expected 3 features"),
    "two labels": (GOOD + labelled(1, 2), "record 3 at byte 112: expected one label, found 2"),
    "no label": (GOOD + labelled(), "record 3 at byte 112: no label"),
    "key out of range": (SPARSE + sparse([0, 3], [3]), "record 3 at byte 128: the key 3 is out of range"),
    "gigantic key": (SPARSE + sparse([1 << 63], [3]), "the key 9223372036854775808 is out of range"),
    "gigantic key, no shape": (sparse([1 << 40], []), "record 1 at byte 0: the key 1099511627776 is out of range"),
    "gigantic shape": (sparse([1], [1 << 40]), "record 1 at byte 0: a shape of [1099511627776] has more than"),
    "another shape": (SPARSE + sparse([1], [4]), "record 3 at byte 128: expected 3 features"),
    "keys without values": (SPARSE + sparse([1, 2], [3], 1), "record 3 at byte 128: 2 keys for 1 values"),
    "values beyond the shape": (sparse([], [3], 4), "record 1 at byte 0: 4 values for a shape of [3]"),
}
TEXTS: dict[str, tuple[str, bytes, str]] = {
    "csv word": ("csv", b"1,2,3\n4,x,6\n", "row 2, column 2: 'x' is not a number"),
    "csv header": ("csv", b"a,b\n1,2\n", "row 1, column 1: 'a' is not a number. The file seems to begin with a header"),
    "csv width": ("csv", b"1,2,3\n4,5\n", "row 2: expected 3 columns as in row 1, found 2"),
    "csv late": ("csv", b"1,2,3\n" * 50_000 + b"1,2\n", "row 50001: expected 3 columns as in row 1, found 2"),
    "csv label only": ("csv", b"1\n2\n", "row 1: 1 columns, expected 1 for label"),
    "csv long cell": ("csv", b"1,2\n" * 50_000 + b"1," + b"x" * 200_000, "row 50001: field larger than field limit"),
    "libsvm": ("libsvm", b"1 0:1\n0 1:2 3\n", "row 2: '3' is not index:value"),
    "libsvm late": ("libsvm", b"1 0:1 # one\n" * 50_000 + b"0 1:a\n", "row 50001: '1:a' is not index:value"),
    "libsvm index": ("libsvm", b"1 0:1\n0 4294967296:2\n", "row 2: the index 4294967296 is out of range"),
    "parquet": ("parquet", b"PAR1" + bytes(99), "not a Parquet file"),
}


@pytest.mark.parametrize(
    ("form", "content", "words"),
    [
        *(pytest.param("recordio-protobuf", content, words, id=name) for name, (content, words) in CASES.items()),
        *(pytest.param(form, content, words, id=name) for name, (form, content, words) in TEXTS.items()),
    ],
)
def test_the_error_names_channel_file_and_record(form: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "b-bad").write_bytes(content)
    channel = channel_of(tmp_path, form)
    readings: tuple[Callable[[], Any], ...] = (
        lambda: list(channel.batches(1, ReadOptions())),
        lambda: channel.read(ReadOptions()),
    )
    for reading in readings:
        with pytest.raises(ClientError) as caught:
            reading()
        for word in ("train channel", "file b-bad", words):
            assert word in str(caught.value)


def test_rows_before_the_wrong_one_are_read(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    content = encoded("recordio-protobuf", np.tile(ROWS, (300, 1)))
    (tmp_path / "train" / "a").write_bytes(content + b"no record")
    batches = channel_of(tmp_path, "recordio-protobuf").batches(1000, ReadOptions())
    assert next(batches).rows == 1000
    with pytest.raises(ClientError, match=f"record 6901 at byte {len(content)}"):
        list(batches)


@pytest.mark.parametrize("form", ["csv", "libsvm"])
def test_a_line_without_end_is_refused_in_bounded_memory(form: str) -> None:
    class Endless(io.RawIOBase):
        """Ones for ever."""

        def readinto(self, buffer: Any) -> int:
            buffer[:] = b"1" * len(buffer)
            return len(buffer)

    tracemalloc.start()
    with pytest.raises(FormatError, match=f"the line at byte 0 is longer than {LONGEST} bytes"):
        list(codec(form).stream(Endless(), ReadOptions()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * LONGEST


# Random bytes: data or a FormatError, and no more memory than a block takes.

_BOUND = 8 << 20
_SETTINGS = settings(max_examples=100, suppress_health_check=list(HealthCheck))


def _reads(form: str, content: bytes) -> None:
    for options in (ReadOptions(), ReadOptions(label_size=0)):
        with suppress(FormatError):
            found = concatenate(codec(form).stream(io.BytesIO(content), options))
            assert found is None or found.features.dtype == np.float32
    with suppress(FormatError):
        assert codec(form).decode(content).dtype == np.float32


def _reads_records(content: bytes) -> None:
    # Not with Arrow's formats: to stop tracing while threads of Arrow's come and go is a race in Python before 3.12.9.
    tracemalloc.start()
    try:
        _reads("recordio-protobuf", content)
        assert tracemalloc.get_traced_memory()[1] < _BOUND
    finally:
        tracemalloc.stop()


@_SETTINGS
@given(st.binary(max_size=300))
def test_random_bytes_as_recordio(content: bytes) -> None:
    _reads_records(content)


@_SETTINGS
@given(st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 7)), max_size=5))
def test_random_records(found: list[tuple[bytes, int]]) -> None:
    framed = [header(len(payload), part) + payload + bytes(-len(payload) % 4) for payload, part in found]
    _reads_records(b"".join(framed))


_FILES = (
    encoded("recordio-protobuf", ROWS[:6]),
    encoded("sparse recordio-protobuf", ROWS[:6]),
    b"".join(sparse([index], []) for index in range(5)),
)


@_SETTINGS
@given(
    st.sampled_from(_FILES), st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=6)), max_size=4)
)
def test_damaged_records(content: bytes, damage: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(content)
    for at, wrong in damage:
        begin = at % len(damaged)
        damaged[begin : begin + len(wrong)] = wrong
    _reads_records(bytes(damaged))


@_SETTINGS
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=6)), min_size=1, max_size=3))
def test_damaged_parquet(damage: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(encoded("parquet", ROWS))
    for at, wrong in damage:
        begin = at % len(damaged)
        damaged[begin : begin + len(wrong)] = wrong
    with suppress(FormatError):
        concatenate(codec("parquet").stream(io.BytesIO(damaged), ReadOptions()))


_NUMBERS = st.one_of(st.floats(width=32).map(str), st.integers().map(str), st.text(max_size=4), st.just(""))
_TEXT = st.lists(st.lists(_NUMBERS, max_size=4).map(",".join), max_size=5).map("\n".join).map(lambda s: s.encode())


@_SETTINGS
@given(st.one_of(st.binary(max_size=200), _TEXT))
def test_random_text_as_csv(content: bytes) -> None:
    _reads("csv", content)


@_SETTINGS
@given(st.binary(max_size=200) | st.text("0123456789:. #qid\n-+e", max_size=60).map(lambda text: text.encode()))
def test_random_text_as_libsvm(content: bytes) -> None:
    _reads("libsvm", content)


@_SETTINGS
@given(st.data())
def test_records_side_by_side_are_what_protobuf_reads(data: st.DataObject) -> None:
    """The two ways to read records agree: on whole blocks, and where protobuf must read them one by one."""
    kind = data.draw(st.sampled_from(("float32", "float64", "int32")))
    numbers = st.integers(-(1 << 31), (1 << 31) - 1) if kind == "int32" else st.floats(width=32)
    width = data.draw(st.integers(1, 300))
    sparse_rows, shaped, odd = data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans())
    messages, expected, labels = [], [], []
    for _ in range(data.draw(st.integers(1, 5))):
        keys = data.draw(st.lists(st.integers(0, width - 1), unique=True, max_size=6)) if sparse_rows else range(width)
        values = [data.draw(numbers) for _ in keys]
        message, label = record_class()(), record_class()()
        tensor = getattr(message.features["values"], f"{kind}_tensor")
        tensor.values.extend(values)
        if sparse_rows:
            tensor.keys.extend(keys)
        if sparse_rows or shaped:
            tensor.shape.append(width)
        label.uid = data.draw(st.text(max_size=3))
        labels.append(data.draw(numbers))
        getattr(label.label["values"], f"{kind}_tensor").values.append(labels[-1])
        fields = [message.SerializeToString(), label.SerializeToString()]
        # protobuf takes the fields in any order.
        messages.append(b"".join(reversed(fields) if odd else fields))
        row = np.zeros(width, np.float32)
        row[list(keys)] = np.array(values, np.float32)
        expected.append(row)
    (block,) = recordio.blocks(io.BytesIO(b"".join(map(recordio.frame, messages))))
    for reading in (recordio_protobuf._side_by_side, recordio_protobuf._one_by_one):
        found = reading(block, recordio_protobuf._Form(wanted=True))
        if found is None:
            assert odd
            continue
        dense = found.features if isinstance(found.features, np.ndarray) else found.features.toarray()
        np.testing.assert_array_equal(dense[:, : len(expected[0])], np.array(expected))
        np.testing.assert_array_equal(found.labels, np.array(labels, np.float32))


@_SETTINGS
@given(st.sampled_from(_FILES), st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=6))))
def test_damaged_records_side_by_side(content: bytes, damage: list[tuple[int, bytes]]) -> None:
    """What is read side by side is what protobuf reads; what protobuf refuses is not."""
    damaged = bytearray(content)
    for at, wrong in damage:
        begin = at % len(damaged)
        damaged[begin : begin + len(wrong)] = wrong
    with suppress(FormatError):
        for block in recordio.blocks(io.BytesIO(damaged)):
            found = recordio_protobuf._side_by_side(block, recordio_protobuf._Form(wanted=True))
            if found is not None:
                other = recordio_protobuf._one_by_one(block, recordio_protobuf._Form(wanted=True))
                pairs = [(found.features, other.features), (found.labels, other.labels)]
                for one, two in pairs:
                    assert type(one) is type(two)
                    if one is not None:
                        arrays = [part if isinstance(part, np.ndarray) else part.toarray() for part in (one, two)]
                        np.testing.assert_array_equal(*arrays)
