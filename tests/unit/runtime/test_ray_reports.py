"""What nodes send of their workloads: checked, in order, and nobody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.local.folder import Folder, safe_name
from sagewright.runtime.ray.reports import LIMIT, LOST, Reports
from sagewright.runtime.workload import Workload

TOKEN = "secret"


def step(name: str, **changes: Any) -> bytes:
    return json.dumps({"at": 1.5, "name": name, "message": "", "detail": {}, **changes}).encode() + b"\n"


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    for name, gathers in (("w", {}), ("first", {"algo-2": "w"})):
        workload = Workload(name, "batch", ("true",), gathers=gathers)
        Folder(tmp_path / safe_name(name)).create({"workload": workload.to_json(), "report": TOKEN})
    return Reports(tmp_path, "key")


def test_lines_are_kept_in_order(reports: Reports, tmp_path: Path) -> None:
    first, second = step("Starting"), step("Training")
    assert reports.append("w", TOKEN, "journal", 0, first).document == {"server": "key", "size": len(first)}
    assert reports.append("w", TOKEN, "journal", len(first), second).status == 200
    again = reports.append("w", TOKEN, "journal", 0, first)
    assert (again.status, again.document["size"]) == (409, len(first + second)), "one that was sent already"
    assert reports.append("w", TOKEN, "log", 0, b"1500 a line\n").status == 200
    assert [each.name for each in Folder(tmp_path / safe_name("w")).steps()] == ["Starting", "Training"]
    assert [line.text for line in Folder(tmp_path / safe_name("w")).logs(0)[0]] == ["a line"]


@pytest.mark.parametrize("token", ["", "other", "secret ", "s\u00e9cret"])
def test_the_token_is_the_workloads(reports: Reports, token: str) -> None:
    assert reports.append("w", token, "log", 0, b"1 x\n").status == 403
    assert reports.files_of("first", token, "w").status == 403


def test_workloads_that_are_not_there(reports: Reports) -> None:
    for name in ("none", "../w", ""):
        answer = reports.append(name, TOKEN, "log", 0, b"")
        assert (answer.status, answer.document["server"]) == (404, "key")


def test_nothing_is_taken_of_what_was_given_up(reports: Reports, tmp_path: Path) -> None:
    (tmp_path / safe_name("w") / LOST).touch()
    assert reports.append("w", TOKEN, "journal", 0, step("Completed")).status == 410


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        ("journal", b"no json\n"),
        ("journal", b"[]\n"),
        ("journal", step("Starting")[:-1]),
        ("journal", step("Hacked")),
        ("journal", step("Failed", message=5)),
        ("journal", step("Failed", detail=[])),
        ("journal", step("Starting", at="now")),
        ("journal", step("Starting", more=1)),
        ("journal", step("Completed") + step("Training")),
        ("log", b"no time\n"),
        ("log", b"1 no end"),
        ("log", b"1 x\n" * (LIMIT // 4 + 1)),
        ("launch.json", b"1 x\n"),
        ("../log", b"1 x\n"),
    ],
)
def test_what_is_no_report(reports: Reports, tmp_path: Path, stream: str, data: bytes) -> None:
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert reports.append("w", TOKEN, stream, 0, data).status == 400
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


async def _chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def test_files_go_to_who_gathers_them(reports: Reports) -> None:
    assert reports.files_of("first", TOKEN, "w").status == 204
    assert asyncio.run(reports.take_files("w", TOKEN, _chunks(b"a", b"b"))).status == 200
    found = reports.files_of("first", TOKEN, "w").file
    assert found is not None
    assert found.read_bytes() == b"ab"
    assert reports.files_of("w", TOKEN, "first").status == 403, "it gathers nothing"
    assert reports.journal_of("w", TOKEN, "first", 0).status == 403


def test_the_journal_of_one_that_is_gathered(reports: Reports) -> None:
    lines = step("Starting")
    assert reports.journal_of("first", TOKEN, "w", 0).data == b""
    reports.append("w", TOKEN, "journal", 0, lines)
    assert reports.journal_of("first", TOKEN, "w", 0).data == lines
    assert reports.journal_of("first", TOKEN, "w", len(lines)).data == b""
