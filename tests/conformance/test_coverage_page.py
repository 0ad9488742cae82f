"""The coverage page in docs/ is what the code says."""

from __future__ import annotations

from pathlib import Path

from sagewright.commands.ops import coverage, page

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"


def test_the_page_is_true() -> None:
    assert _PAGE.read_text() == page(coverage()), "run `make docs`"
