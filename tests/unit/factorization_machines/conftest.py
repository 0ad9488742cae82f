from __future__ import annotations

from pathlib import Path

import pytest

from sagewright_algorithms.factorization_machines.spec import SPEC
from unit.algorithms.folders import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, SPEC)
