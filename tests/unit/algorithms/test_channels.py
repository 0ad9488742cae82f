"""Channels as streams: batches of any size over files and FIFOs, in bounded memory, with errors that say where."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
from pyarrow import parquet

from sagewright_algorithms.contract.channels import Channel, ContentType
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.formats import recordio
from sagewright_algorithms.formats.blocks import FIRST, LARGEST
from sagewright_algorithms.formats.examples import Examples, ReadOptions
from sagewright_algorithms.formats.record import record_class

from .conftest import csv_of
from .feeding import feeding

Array = np.ndarray[Any, Any]

FORMS = ("csv", "recordio-protobuf", "sparse recordio-protobuf", "libsvm", "parquet")
PIPED = tuple(form for form in FORMS if form != "libsvm")
ROWS = np.arange(1, 23 * 4 + 1, dtype=np.float32).reshape(23, 4)
"""Row n has the label 4n + 1 and the features 4n + 2, 4n + 3 and 4n + 4."""


def encoded(form: str, table: Array) -> bytes:
    """A file. table: (rows, 1 + d), labels first."""
    if form == "csv":
        return csv_of(table).encode()
    if form == "libsvm":
        return "".join(
            f"{row[0]:.9g} " + " ".join(f"{n}:{value:.9g}" for n, value in enumerate(row[1:])) + "\n" for row in table
        ).encode()
    if form == "parquet":
        sink = pa.BufferOutputStream()
        parquet.write_table(pa.table([*table.T], names=[f"c{n}" for n in range(table.shape[1])]), sink)
        content: bytes = sink.getvalue().to_pybytes()
        return content
    return b"".join(recordio.frame(record(row, sparse=form.startswith("sparse"))) for row in table)


def record(row: Array, *, sparse: bool) -> bytes:
    message = record_class()()
    tensor = message.features["values"].float32_tensor
    tensor.values.extend(row[1:].tolist())
    if sparse:
        tensor.keys.extend(range(len(row) - 1))
        tensor.shape.append(len(row) - 1)
    message.label["values"].float32_tensor.values.append(float(row[0]))
    content: bytes = message.SerializeToString()
    return content


def channel_of(folder: Path, form: str, *, pipe: bool = False) -> Channel:
    form = form.removeprefix("sparse ")
    return Channel("train", folder / "train", form, ContentType(form, {}), pipe=pipe)


def put(folder: Path, form: str, tables: Sequence[Array]) -> Channel:
    (folder / "train").mkdir()
    for number, table in enumerate(tables):
        (folder / "train" / f"part-{number}").write_bytes(encoded(form, table))
    return channel_of(folder, form)


def table_of(parts: Sequence[Examples]) -> Array:
    """Labels and features of all."""
    found = []
    for part in parts:
        features: Any = part.features
        dense = features if isinstance(features, np.ndarray) else features.toarray()
        assert part.labels is not None
        found.append(np.column_stack([part.labels, dense]))
    return np.concatenate(found)


@pytest.mark.parametrize("size", [1, 2, 5, 23, 100])
@pytest.mark.parametrize("form", FORMS)
def test_batches_are_of_one_size_over_several_files(form: str, size: int, tmp_path: Path) -> None:
    channel = put(tmp_path, form, [ROWS[:9], ROWS[9:10], ROWS[10:]])
    (tmp_path / "train" / "part-1-empty").touch()
    for _ in range(2):
        batches = list(channel.batches(size, ReadOptions()))
        assert [batch.rows for batch in batches] == [*[size] * (23 // size), *([23 % size] if 23 % size else [])]
        np.testing.assert_array_equal(table_of(batches), ROWS)
        places = [batch.where(row) for batch in batches for row in range(batch.rows)]
        files = [(0, 9), (1, 1), (2, 13)]
        assert places == [f"file part-{file}, row {row + 1}" for file, rows in files for row in range(rows)]


@pytest.mark.parametrize("form", FORMS)
def test_reading_whole_gives_the_same_rows(form: str, tmp_path: Path) -> None:
    found = put(tmp_path, form, [ROWS[:9], ROWS[9:]]).read(ReadOptions())
    assert found is not None
    np.testing.assert_array_equal(table_of([found]), ROWS)
    assert (found.where(8), found.where(9)) == ("file part-0, row 9", "file part-1, row 1")
    assert found.part(7, 11).where(3) == "file part-1, row 2"


@pytest.mark.parametrize("form", FORMS)
def test_rows_across_many_blocks(form: str, tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(30_000, 4)).astype(np.float32)
    channel = put(tmp_path, form, [table[:20_000], table[20_000:]])
    assert (tmp_path / "train" / "part-0").stat().st_size > 3 * FIRST
    batches = list(channel.batches(7_001, ReadOptions()))
    assert [batch.rows for batch in batches] == [7_001] * 4 + [1_996]
    np.testing.assert_array_equal(table_of(batches), table)
    assert (batches[0].where(7_000), batches[2].where(7_000)) == ("file part-0, row 7001", "file part-1, row 1003")


@pytest.mark.parametrize("form", PIPED)
def test_a_fifo_an_epoch(form: str, tmp_path: Path) -> None:
    channel = channel_of(tmp_path, form, pipe=True)
    with feeding(tmp_path / "train", encoded(form, ROWS[:9]), encoded(form, ROWS[9:])) as feeder:
        for epoch in range(3):
            batches = list(channel.batches(5, ReadOptions(), epoch=epoch))
            np.testing.assert_array_equal(table_of(batches), ROWS)
            assert [batch.rows for batch in batches] == [5, 5, 5, 5, 3]
            assert batches[-1].where(2) == f"file train_{epoch}, row 23"
        assert feeder.passes >= 2


def test_the_first_rows_are_there_before_the_last_are_sent(tmp_path: Path) -> None:
    content = encoded("recordio-protobuf", np.tile(ROWS, (400, 1)))
    assert len(content) > 4 * FIRST
    seen = threading.Event()

    def wait(number: int) -> None:
        # The rest is not sent before the first batch has been taken.
        assert number == 0 or seen.wait(30)

    with feeding(tmp_path / "train", content[: 2 * FIRST], content[2 * FIRST :], between=wait):
        batches = channel_of(tmp_path, "recordio-protobuf", pipe=True).batches(10, ReadOptions())
        first = next(batches)
        seen.set()
        np.testing.assert_array_equal(table_of([first, *batches]), np.tile(ROWS, (400, 1)))


def test_a_reader_that_stops_early_ends_the_writer(tmp_path: Path) -> None:
    content = encoded("csv", np.tile(ROWS, (2000, 1)))
    with feeding(tmp_path / "train", *[content] * 20) as feeder:
        channel = channel_of(tmp_path, "csv", pipe=True)
        batches = channel.batches(10, ReadOptions())
        np.testing.assert_array_equal(table_of([next(batches)]), ROWS[:10])
        batches.close()  # type: ignore[attr-defined]
        # The next pass begins afresh.
        np.testing.assert_array_equal(table_of([next(channel.batches(10, ReadOptions(), epoch=1))]), ROWS[:10])
        assert feeder.broken


@pytest.mark.parametrize(
    ("form", "kept", "words"),
    [
        ("recordio-protobuf", -30, "record 23 at byte 1232: 48 bytes long, but the file ends after 18"),
        ("recordio-protobuf", -49, "record 23 at byte 1232: the file ends within its header"),
        ("sparse recordio-protobuf", -3, "record 23"),
        ("csv", -7, "row 23: expected 4 columns as in row 1, found 2"),
        ("parquet", -30, "not a Parquet file"),
    ],
)
def test_a_writer_that_dies_within_a_record(form: str, kept: int, words: str, tmp_path: Path) -> None:
    with feeding(tmp_path / "train", encoded(form, ROWS)[:kept]):
        channel = channel_of(tmp_path, form, pipe=True)
        with pytest.raises(ClientError) as caught:
            list(channel.batches(5, ReadOptions()))
    for word in ("train channel", "file train_0", words):
        assert word in str(caught.value)


@pytest.mark.parametrize("form", ["recordio-protobuf", "sparse recordio-protobuf"])
@pytest.mark.parametrize("pipe", [False, True])
def test_memory_does_not_grow_with_the_data(form: str, pipe: bool, tmp_path: Path) -> None:
    piece = encoded(form, np.tile(ROWS, (3000, 1)))
    count = (12 * LARGEST) // len(piece)

    def consume(channel: Channel) -> tuple[int, int]:
        tracemalloc.start()
        rows = sum(batch.rows for batch in channel.batches(1000, ReadOptions()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return rows, peak

    if pipe:
        with feeding(tmp_path / "train", *[piece] * count):
            rows, peak = consume(channel_of(tmp_path, form, pipe=True))
    else:
        (tmp_path / "train").mkdir()
        (tmp_path / "train" / "a").write_bytes(piece * count)
        rows, peak = consume(channel_of(tmp_path, form))
    assert rows == count * 3000 * len(ROWS)
    # Blocks of small rows are larger taken apart than together; the data are 48 MiB.
    assert peak < 9 * LARGEST


_PEAK = """
import sys
from pathlib import Path
from sagewright_algorithms.contract.channels import Channel, ContentType
from sagewright_algorithms.formats.examples import ReadOptions
channel = Channel("train", Path(sys.argv[1]), "csv", ContentType("text/csv", {}))
rows = sum(batch.rows for batch in channel.batches(1000, ReadOptions()))
status = Path("/proc/self/status").read_text()  # getrusage also counts what this process was before its exec
print(rows, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""


def test_memory_does_not_grow_with_a_csv_file(tmp_path: Path) -> None:
    """In a process of its own: Arrow's memory is not Python's."""
    piece = encoded("csv", np.tile(ROWS, (3000, 1)))
    peaks = []
    for count in (20, 100):
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "a").write_bytes(piece * count)
        done = subprocess.run([sys.executable, "-c", _PEAK, str(folder)], capture_output=True, text=True, check=True)
        rows, peak = map(int, done.stdout.split())
        assert rows == count * 3000 * len(ROWS)
        peaks.append(peak)
    assert 80 * len(piece) > 60 << 20
    assert peaks[1] - peaks[0] < 40 << 20


@pytest.mark.parametrize(
    ("count", "where"), [(0, ""), (2, "file part-0, part-1: "), (5, "file part-0, part-1, part-2 and 2 more: ")]
)
def test_too_few_records(count: int, where: str, tmp_path: Path) -> None:
    for number in range(count):
        (tmp_path / f"part-{number}").write_text("1,2\n")
    channel = Channel("train", tmp_path, "csv", ContentType.parse("text/csv"))
    text = f"train channel: {where}k is 9, but there are only {count} records"
    assert str(channel.too_few(count, "k is 9")).endswith(text)


@pytest.mark.parametrize("form", ["csv", "recordio-protobuf", "parquet"])
def test_files_of_other_widths(form: str, tmp_path: Path) -> None:
    channel = put(tmp_path, form, [ROWS, ROWS[:, :3]])
    for reading in (lambda: list(channel.batches(7, ReadOptions())), lambda: channel.read(ReadOptions())):
        with pytest.raises(ClientError) as caught:
            reading()
        assert "train channel: file part-1, row 1: 2 features, but the file part-0 has 3 a row" in str(caught.value)


def test_files_with_and_without_labels(tmp_path: Path) -> None:
    channel = put(tmp_path, "recordio-protobuf", [ROWS])
    message = record_class()()
    message.features["values"].float32_tensor.values.extend([1, 2, 3])
    (tmp_path / "train" / "part-1").write_bytes(recordio.frame(message.SerializeToString()))
    with pytest.raises(ClientError, match="file part-1, row 1: no labels, but the file part-0 has labels"):
        channel.read(ReadOptions())
    found = channel.read(ReadOptions(label_size=0))
    assert found is not None
    assert (found.rows, found.labels) == (24, None)


def test_dense_and_sparse_files_are_sparse_together(tmp_path: Path) -> None:
    channel = put(tmp_path, "recordio-protobuf", [ROWS[:9]])
    (tmp_path / "train" / "part-1").write_bytes(encoded("sparse recordio-protobuf", ROWS[9:]))
    found = channel.read(ReadOptions())
    assert found is not None
    assert scipy.sparse.issparse(found.features)
    np.testing.assert_array_equal(table_of([found]), ROWS)
    np.testing.assert_array_equal(table_of(list(channel.batches(4, ReadOptions()))), ROWS)


def test_parquet_files_one_after_the_other_in_a_fifo(tmp_path: Path) -> None:
    """The magic that ends one and begins the next may also be data."""
    table = pa.table({"label": [0.0, 1.0], "a": [1.0, float(np.frombuffer(b"PAR1PAR1", "<f8")[0])]})
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="none", use_dictionary=False)
    content = sink.getvalue().to_pybytes()
    assert content.count(b"PAR1PAR1") >= 1
    with feeding(tmp_path / "train", content * 3):
        batches = list(channel_of(tmp_path, "parquet", pipe=True).batches(4, ReadOptions()))
    np.testing.assert_array_equal(table_of(batches)[:, 0], [0, 1] * 3)
