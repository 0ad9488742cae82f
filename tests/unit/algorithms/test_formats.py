"""The codecs, on small data written by hand or by other libraries."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import dump_svmlight_file

from sagewright_algorithms.formats import codec, csv, libsvm, recordio, recordio_protobuf
from sagewright_algorithms.formats.examples import Examples, FormatError, ReadOptions, concatenate
from sagewright_algorithms.formats.files import stream
from sagewright_algorithms.formats.record import record_class


def rows(matrix: Any) -> list[list[float]]:
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    assert dense.dtype == np.float32
    return [[None if np.isnan(value) else value for value in row] for row in dense.tolist()]


def read(form: str, path: Path, options: ReadOptions) -> Examples:
    found = concatenate(stream(form, path, options))
    assert found is not None
    return found


def record(
    features: list[float], label: float | None = None, *, keys: Any = (), shape: Any = (), kind: str = "float32"
) -> bytes:
    message = record_class()()
    tensor = getattr(message.features["values"], f"{kind}_tensor")
    tensor.values.extend(features)
    tensor.keys.extend(keys)
    tensor.shape.extend(shape)
    if label is not None:
        getattr(message.label["values"], f"{kind}_tensor").values.append(label)
    content: bytes = message.SerializeToString()
    return content


# CSV


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"1,2.5,-3e2", [[1, 2.5, -300]]),
        (b"1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        (b"1,,3\n", [[1, None, 3]]),
        (b"1,,3\n4,NaN,6\n", [[1, None, 3], [4, None, 6]]),
        (b"1\t2\n3\t4", [[1, 2], [3, 4]]),
        (b"1;2", [[1, 2]]),
        (b"1 2 3", [[1, 2, 3]]),
        (b'"1","2"\n"3","4"', [[1, 2], [3, 4]]),
        (b"7", [[7]]),
        (b"7\n8\n", [[7], [8]]),
        (b" 1, 2\n 3, 4", [[1, 2], [3, 4]]),
        ("\ufeff1,2".encode(), [[1, 2]]),
    ],
)
def test_csv_bodies(body: bytes, expected: Any) -> None:
    assert rows(csv.decode(body)) == expected


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"1,x", "row 1, column 2: 'x' is not a number"),
        (b"1,2\n3", "row 2: expected 2 columns as in row 1, found 1"),
        (b"a,b\n1,2", "row 1, column 1: 'a' is not a number"),
        (b"1,2\n3,4\n5,\xff\n", "row 3, column 2"),
    ],
)
def test_csv_bodies_that_are_none(body: bytes, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        csv.decode(body)


def test_csv_files_have_label_weight_and_features(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1|0.5|2|3\n\n0|2||5\n")
    found = read("csv", path, ReadOptions(label_size=1, weights=True))
    assert rows(found.features) == [[2, 3], [None, 5]]
    assert found.labels is not None
    assert found.weights is not None
    assert (found.labels.tolist(), found.weights.tolist()) == ([1, 0], [0.5, 2])
    assert found.where(1) == "file a.csv, row 2"
    assert rows(read("csv", path, ReadOptions(label_size=0)).features)[0] == [1, 0.5, 2, 3]


def test_a_csv_file_of_many_blocks(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(60_000, 6)).astype(np.float32)
    path = tmp_path / "a.csv"
    np.savetxt(path, table, delimiter=",", fmt="%.9g")
    assert path.stat().st_size > 3 << 20
    found = read("csv", path, ReadOptions(label_size=1))
    np.testing.assert_array_equal(np.column_stack([found.labels, found.features]), table)


# libsvm


def test_libsvm_files_as_scikit_learn_writes_them(tmp_path: Path) -> None:
    features = scipy.sparse.random(50, 9, 0.4, "csr", random_state=1, dtype=np.float32)
    labels, queries = np.arange(50) % 3, np.repeat(np.arange(10), 5)
    dump_svmlight_file(features, labels, str(tmp_path / "a.libsvm"), query_id=queries, comment="by scikit-learn")
    found = read("libsvm", tmp_path / "a.libsvm", ReadOptions())
    np.testing.assert_allclose(found.features.toarray(), features.toarray(), rtol=1e-6)
    assert found.labels is not None
    assert found.groups is not None
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.groups, queries)


def test_libsvm_weights_and_empty_rows(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1:0.5 0:2 3:4\n\n-1\n-1:2\t1:7  # the end\n")
    found = read("libsvm", tmp_path / "a", ReadOptions())
    assert rows(found.features) == [[2, 0, 0, 4], [0, 0, 0, 0], [0, 7, 0, 0]]
    assert found.labels is not None
    assert found.weights is not None
    assert found.labels.tolist() == [1, -1, -1]
    assert found.weights.tolist() == [0.5, 1, 2]


def test_libsvm_bodies_start_at_zero() -> None:
    assert rows(libsvm.decode(b"0:1 2:3\n1:5")) == [[1, 0, 3], [0, 5, 0]]
    assert rows(libsvm.decode(b"1 1:1 3:3\n0 2:5\n")) == [[1, 0, 3], [0, 5, 0]]
    with pytest.raises(FormatError, match="row 2: '2:x' is not index:value"):
        libsvm.decode(b"0:1\n1:1 2:x")


# RecordIO and protobuf


def test_the_worked_example_of_a_record() -> None:
    message = bytes.fromhex(
        "0a160a0676616c756573120c120a0a080000803f0000004012120a0676616c7565731208120 60a0400004040".replace(" ", "")
    )
    assert record([1, 2], 3) == message
    assert recordio.frame(message) == bytes.fromhex("0a23d7ce2c000000") + message
    assert rows(recordio_protobuf.decode(recordio.frame(message))) == [[1, 2]]


def test_records_in_parts_are_joined() -> None:
    magic = b"\x0a\x23\xd7\xce"

    def part(flag: int, payload: bytes) -> bytes:
        word = (flag << 29 | len(payload)).to_bytes(4, "little")
        return magic + word + payload + bytes(-len(payload) % 4)

    data = part(1, b"abcd") + part(2, b"") + part(3, b"ef") + part(0, b"g")
    assert list(recordio.records(data)) == [(0, b"abcd" + magic + magic + b"ef"), (len(data) - 12, b"g")]
    with pytest.raises(FormatError, match="record 1 at byte 0: its last part is missing"):
        list(recordio.records(part(1, b"abcd")))


@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
def test_dense_records(kind: str, tmp_path: Path) -> None:
    values = [[1, 2, 3], [4, 5, 600], [7, 8, 9]]
    path = tmp_path / "a.pbr"
    path.write_bytes(b"".join(recordio.frame(record(row, n, kind=kind)) for n, row in enumerate(values)))
    found = read("recordio-protobuf", path, ReadOptions())
    assert rows(found.features) == values
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2]


def test_alike_and_unlike_records_are_read_the_same() -> None:
    table = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    alike = b"".join(recordio.frame(record(row.tolist(), float(n % 2))) for n, row in enumerate(table))
    np.testing.assert_array_equal(recordio_protobuf.decode(alike), table)
    other = alike + recordio.frame(record([1, 2, 3, 4, 5], 9, kind="float64"))
    np.testing.assert_array_equal(recordio_protobuf.decode(other), [*table.tolist(), [1, 2, 3, 4, 5]])


@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
@pytest.mark.parametrize("width", [3, 40, 20_000])
def test_long_and_short_records_are_read_side_by_side(width: int, kind: str) -> None:
    """Lengths of one, two and three bytes; rows without values; keys of several bytes."""
    random = np.random.default_rng(0)
    table = np.where(random.random((30, width)) < 0.3, random.integers(-500, 500, (30, width)), 0).astype(np.float32)
    table[5] = 0
    whole = int if kind == "int32" else float

    def framed(row: Any, *, sparse: bool) -> bytes:
        keys = np.flatnonzero(row).tolist() if sparse else ()
        values = [whole(value) for value in (row[list(keys)] if sparse else row)]
        return recordio.frame(record(values, 1, keys=keys, shape=[width] if sparse else (), kind=kind))

    for sparse in (False, True):
        blocks = recordio.blocks(io.BytesIO(b"".join(framed(row, sparse=sparse) for row in table)))
        form = recordio_protobuf._Form(wanted=True)
        found = [recordio_protobuf._side_by_side(block, form) for block in blocks]
        assert None not in found
        examples = concatenate(part for part in found if part is not None)
        assert examples is not None
        assert rows(examples.features) == table.tolist()


def test_sparse_records() -> None:
    data = b"".join(
        recordio.frame(content)
        for content in (
            record([1, 2], 0, keys=[0, 3], shape=[5]),
            record([], 1, shape=[5]),
            record([3], 1, keys=[4], shape=[5]),
        )
    )
    assert rows(recordio_protobuf.decode(data)) == [[1, 0, 0, 2, 0], [0] * 5, [0, 0, 0, 0, 3]]


def test_records_with_and_without_labels_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.pbr"
    path.write_bytes(recordio.frame(record([1, 2], 3)) + recordio.frame(record([1, 2])))
    with pytest.raises(FormatError, match="record 2 at byte 52: no label"):
        read("recordio-protobuf", path, ReadOptions())
    assert rows(read("recordio-protobuf", path, ReadOptions(label_size=0)).features) == [[1, 2], [1, 2]]


# JSON


@pytest.mark.parametrize(
    "instance",
    [{"features": [1, 2]}, {"data": {"features": {"values": [1, 2]}}}, {"features": {"values": [1, 2]}}],
    ids=str,
)
def test_json_instances(instance: Any) -> None:
    assert rows(codec("json").decode(json.dumps({"instances": [instance, instance]}).encode())) == [[1, 2], [1, 2]]
    assert rows(codec("jsonlines").decode(json.dumps(instance).encode() + b"\n")) == [[1, 2]]


def test_sparse_json_instances() -> None:
    instance = {"data": {"features": {"keys": [0, 3], "shape": [4], "values": [5, 6]}}}
    assert rows(codec("json").decode(json.dumps({"instances": [instance]}).encode())) == [[5, 0, 0, 6]]


@pytest.mark.parametrize(
    ("keys", "shape", "words"),
    [
        ([4], [4], "key 4 is out of range"),
        ([-1], [4], "key -1 is out of range"),
        ([0.5], [4], "key 0.5 is out of range"),
        ([1 << 70], [4], "out of range"),
        ([0], [1e30], "too large"),
        ([0, 1], [4], "same size"),
        ([0], [5], "instance 2: expected 4 features as in instance 1, found 5"),
        ([0], 4, "keys, values and shape"),
    ],
)
def test_wrong_sparse_json_instances(keys: Any, shape: Any, words: str) -> None:
    features = [{"keys": [3], "shape": [4], "values": [1]}, {"keys": keys, "shape": shape, "values": [1]}]
    body = json.dumps({"instances": [{"data": {"features": one}} for one in features]}).encode()
    with pytest.raises(FormatError, match="instance 2") as refused:
        codec("json").decode(body)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"instances": []}', b'{"instances": [{}]}', b'{"instances": [{"features": ["x"]}]}']
)
def test_json_that_has_no_instances(body: bytes) -> None:
    with pytest.raises(FormatError):
        codec("json").decode(body)


def test_responses() -> None:
    columns = {"score": np.array([0.1, 2], np.float32)}
    assert codec("csv").encode(columns) == b"0.10000000149011612\n2.0\n"
    assert json.loads(codec("json").encode(columns)) == {
        "predictions": [{"score": 0.10000000149011612}, {"score": 2.0}]
    }
    assert codec("jsonlines").encode(columns) == b'{"score": 0.10000000149011612}\n{"score": 2.0}\n'
    both = {"a": np.array([1, 2]), "b": np.array([[0.5, 1], [2, 3]], np.float32)}
    assert codec("csv").encode(both) == b"1,0.5,1.0\n2,2.0,3.0\n"
    messages = [
        record_class().FromString(content) for _, content in recordio.records(codec("recordio-protobuf").encode(both))
    ]
    assert [list(message.label["b"].float32_tensor.values) for message in messages] == [[0.5, 1], [2, 3]]
    assert codec("csv").encode({"score": np.array([[0.5, 1]])}) == b"0.5,1.0\n"
