import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.runtime.agent.archive import Stream, files_below, merged, pack
from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.fetch import _refuse_collisions
from sagewright.runtime.agent.gzipped import GzipWriter
from sagewright.runtime.agent.journal import LINE_LIMIT, Log, printable
from sagewright.runtime.agent.s3 import _error, _unescape, _unquote, quote, split
from sagewright.runtime.agent.source import _check, _relative, share


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        ("é 漢 🎉".encode(), "é 漢 🎉"),
        (b"a\tb\rc\x1b[0m\x00\x7f", "a#011b#015c#033[0m#000#177"),
        (b"\xff\xfe", "#377#376"),
    ],
)
def test_log_lines_are_printable(raw: bytes, shown: str) -> None:
    assert printable(raw) == shown


@given(st.binary())
def test_no_control_character_is_left(raw: bytes) -> None:
    text = printable(raw)
    text.encode()
    assert not any(ord(character) < 32 or ord(character) == 127 for character in text)


def test_long_lines_are_cut_between_characters(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "log"))
    log.write(b"x" + "é".encode() * LINE_LIMIT)
    lines = [line.split(b" ", 1)[1] for line in (tmp_path / "log").read_bytes().splitlines()]
    assert all(len(line) <= LINE_LIMIT for line in lines)
    assert b"".join(lines).decode() == "x" + "é" * LINE_LIMIT


@pytest.mark.parametrize(
    ("key", "prefix", "name"),
    [
        ("p/a", "p/", "a"),
        ("p/a", "p", "a"),
        ("p/d/a", "p", "d/a"),
        ("p.csv", "p.csv", "p.csv"),
        ("d/p.csv", "d/p.csv", "p.csv"),
        ("d/part-1", "d/part-", "part-1"),
        ("d/part/x", "d/pa", "part/x"),
        ("a/b", "", "a/b"),
    ],
)
def test_where_keys_go(key: str, prefix: str, name: str) -> None:
    assert _relative(key, prefix) == name


@pytest.mark.parametrize("name", ["../x", "a/../b", "a//b", "/a", "a/./b", "a\0b", ""])
def test_names_that_are_no_files(name: str) -> None:
    with pytest.raises(Fault, match=r"illegal char sub-sequence"):
        _check("b", "k", name)


def test_files_and_folders_of_one_name() -> None:
    _refuse_collisions([("b", "p/a", "a"), ("b", "p/ab/c", "ab/c")])
    with pytest.raises(Fault, match="s3://b/p/a is a file"):
        _refuse_collisions([("b", "p/a", "a"), ("b", "p/a/b/c", "a/b/c")])
    with pytest.raises(Fault, match="both go to"):
        _refuse_collisions([("b", "p/a", "a"), ("c", "q/a", "a")])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoting_and_back(text: str) -> None:
    assert _unquote(quote(text)) == text


def test_s3_words() -> None:
    assert split("s3://b/k/x") == ("b", "k/x")
    assert split("s3://b") == ("b", "")
    with pytest.raises(Fault):
        split("http://b/k")
    assert _unescape("&lt;a&gt; &amp;amp; &#13;&#x41;") == "<a> &amp; \rA"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400_000)), max_size=5))
@settings(max_examples=30)
def test_gzip_of_anything(pieces: list[tuple[bool, int]]) -> None:
    data = b"".join(random.Random(size).randbytes(size) if wild else b"abc" * size for wild, size in pieces)
    target = io.BytesIO()
    writer = GzipWriter(target)
    for start in range(0, len(data), 100_001):
        writer.write(data[start : start + 100_001])
    writer.close()
    assert gzip.decompress(target.getvalue()) == data


class _Answer:
    status = 404

    def body(self) -> bytes:
        return b""


def test_an_error_without_a_body_has_the_usual_words() -> None:
    assert str(_error(_Answer())) == "NoSuchKey (404): The specified key does not exist."  # type: ignore[arg-type]


def test_the_same_content_packs_to_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "d" / "x").write_text("1")
        (tmp_path / name / "in").symlink_to("d/x")
        (tmp_path / name / "out").symlink_to("/etc/passwd")
        assert pack(files_below(str(tmp_path / name)), str(tmp_path / f"{name}.tar.gz")) == 2
    raw = (tmp_path / "one.tar.gz").read_bytes()
    assert raw == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert {(each.name, each.mtime, each.uid) for each in archive} == {(n, 0, 0) for n in ("d", "d/x", "in")}


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(1, 15), min_size=1))
def test_a_stream_gives_what_is_asked_for(pieces: list[bytes], sizes: list[int]) -> None:
    source = iter([piece for piece in pieces if piece])
    stream = Stream(lambda size: next(source, b""))
    got = b"".join(stream.read(size) for size in sizes)
    assert got + stream.read() == b"".join(pieces)


@given(st.integers(0, 40), st.integers(1, 7), st.none() | st.integers(-(2**40), 2**40), st.integers(0, 3))
def test_shares_are_all_there_is_once(count: int, shards: int, seed: int | None, epoch: int) -> None:
    shares = [
        list(share(range(count), {"shard": shard, "shards": shards, "shuffle": seed}, epoch)) for shard in range(shards)
    ]
    assert sorted(item for part in shares for item in part) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    if seed is None:
        assert shares[0] == list(range(0, count, shards))


def test_files_of_several_hosts(tmp_path: Path) -> None:
    for name in ("a/m", "a/d/x", "b/m", "b/d", "b/n/y", "c/n", "c/d/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    files, left_out = merged((host, str(tmp_path / host)) for host in ("a", "b", "c"))
    assert [(name, Path(path).read_text()) for name, path in files] == [
        ("d/x", "a/d/x"),
        ("d/z", "c/d/z"),
        ("m", "a/m"),
        ("n/y", "b/n/y"),
    ]
    assert left_out == {"b": ["d", "m"], "c": ["n"]}
