"""SageMaker SDK v2 `fit()` with logs, then `deploy()`, on 600 rows under `sagewright run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.clients.harness import python_of

from benchmarks.common import csv_rows, median

_ROUNDS = 3

_PROGRAM = """
import json, sys, time
import sagemaker
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
role = "arn:aws:iam::111122223333:role/SageMakerRole"
data = session.upload_data(sys.argv[1], key_prefix="bench")
estimator = Estimator(image, role, instance_count=1, instance_type="ml.m5.large", sagemaker_session=session)
estimator.set_hyperparameters(objective="reg:squarederror", num_round=10)
start = time.perf_counter()
estimator.fit({"train": TrainingInput(data, content_type="text/csv")}, logs=True)
fitted = time.perf_counter()
predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer())
deployed = time.perf_counter()
predictor.predict([[0.0] * 10])
predictor.delete_endpoint()
print(json.dumps({"fit": fitted - start, "deploy": deployed - fitted}), file=open(sys.argv[2], "w"))
"""


def run() -> Iterator[str]:
    python = str(python_of("sdk_v2"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.csv").write_bytes(csv_rows(600, 10))
        (folder / "program.py").write_text(_PROGRAM)
        figures = [_one(python, folder, number) for number in range(_ROUNDS)]
    for step, reach in (("fit", 8), ("deploy", 5)):
        yield f"{step}() {median([figure[step] for figure in figures]):.1f} s (reach < {reach})"


def _one(python: str, folder: Path, number: int) -> dict[str, float]:
    answer = folder / f"answer-{number}.json"
    program = [python, str(folder / "program.py"), str(folder / "train.csv"), str(answer)]
    command = [sys.executable, "-m", "sagewright", "run", "--port", "21300", "--", *program]
    environment = {"SAGEWRIGHT_DATA_DIR": str(folder / f"data-{number}")}
    subprocess.run(command, check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    figures: dict[str, float] = json.loads(answer.read_text())
    return figures
