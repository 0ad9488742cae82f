"""The cache of compiled kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = "sagewright_algorithms.ip_insights"


@pytest.mark.slow
def test_a_job_compiles_nothing_anew(tmp_path: Path) -> None:
    cache, base = tmp_path / "cache", tmp_path / "job"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "SAGEMAKER_BASE_DIR": str(base)}
    subprocess.run([sys.executable, "-m", _PACKAGE], env=environment, check=True)
    compiled = {path.name for path in cache.rglob("*.nbc")}
    assert len(compiled) > 10
    for name in ("train", "validation"):
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text("".join(f"user {row % 9},10.0.{row % 7}.1\n" for row in range(3000)))
    config = base / "input" / "config"
    config.mkdir()
    given = {"num_entity_vectors": "50", "vector_dim": "64", "mini_batch_size": "1000", "num_ip_encoder_layers": "2"}
    (config / "hyperparameters.json").write_text(json.dumps(given))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}, "validation": {}}))
    command = [sys.executable, "-m", "sagewright_algorithms", "ip_insights", "train"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert "discriminator_auc" in done.stdout
    assert {path.name for path in cache.rglob("*.nbc")} == compiled
