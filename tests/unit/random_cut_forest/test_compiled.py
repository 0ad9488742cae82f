"""The cache of compiled kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = "sagewright_algorithms.random_cut_forest.forest"
_HITS = f"""
import numpy as np
from {_PACKAGE}.forest import Forest, scoring
Forest.build(np.eye(3)[None]).score(np.eye(3))
print(sum(scoring.expectations.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_what_one_process_compiles_others_load(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-m", _PACKAGE], env=environment, check=True)
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("kernels-")
    compiled = {path.name for path in folder.rglob("*.nbc")}
    assert compiled
    done = subprocess.run([sys.executable, "-c", _HITS], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "1"
    assert {path.name for path in folder.rglob("*.nbc")} == compiled
