"""PySpark processing of a 200 MB CSV in S3, Create to Completed, against the script under spark-submit on files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import ROLE, ROOT, client, median, server

_ROUNDS = 5
_ROWS = 4_000_000
_IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu"
_SCRIPT = """
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.getOrCreate()
schema = "id LONG, kind STRING, a DOUBLE, b DOUBLE, c DOUBLE"
rows = spark.read.csv(sys.argv[1], schema=schema)
made = rows.withColumn("d", F.sqrt(F.abs(F.col("a") * F.col("b")))).filter(F.col("c") > 0.1)
made.groupBy("kind").agg(F.avg("d"), F.stddev("a"), F.count("*")).coalesce(1).write.parquet(sys.argv[2] + "/sums")
made.repartition(4, "kind").write.parquet(sys.argv[2] + "/rows")
"""


def run() -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tests"))
    from clients.spark import spark_settings

    settings = spark_settings()
    if settings is None:
        yield "not run: no Java, or pyspark cannot be had"
        return
    with tempfile.TemporaryDirectory() as folder, server(**settings) as handle:
        base = Path(folder)
        (base / "app.py").write_text(_SCRIPT)
        size = _table(base / "rows.csv")
        s3, sagemaker = client("s3", handle.url), client("sagemaker", handle.url)
        s3.create_bucket(Bucket="bench")
        s3.upload_file(str(base / "rows.csv"), "bench", "rows/rows.csv")
        s3.upload_file(str(base / "app.py"), "bench", "code/app.py")
        _job(sagemaker, "warm")  # the layer is made once
        ours, theirs = [], []
        for number in range(_ROUNDS):
            theirs.append(_submitted(settings, base))
            ours.append(_job(sagemaker, f"job-{number}"))
    ratio = median([a / b for a, b in zip(ours, theirs, strict=True)])
    yield (
        f"{size / 1e6:.0f} MB: processing job {median(ours):.1f} s, spark-submit {median(theirs):.1f} s, ratio "
        f"{ratio:.2f} (reach < 1.15)"
    )


def _table(path: Path) -> int:
    import numpy as np

    random = np.random.default_rng(0)
    with path.open("w") as file:
        for start in range(0, _ROWS, 500_000):
            values = random.random((500_000, 3))
            kinds = random.integers(0, 50, 500_000)
            file.writelines(
                f"{start + row},k{kind},{a:.9f},{b:.9f},{c:.9f}\n"
                for row, (kind, (a, b, c)) in enumerate(zip(kinds, values.tolist(), strict=True))
            )
    return path.stat().st_size


def _submitted(settings: dict[str, str], base: Path) -> float:
    """Seconds of the script by itself."""
    python = settings["SAGEWRIGHT_SCRIPT_PYTHON"]
    home = subprocess.run(
        [python, "-c", "import pyspark; print(pyspark.__path__[0])"], capture_output=True, text=True, check=True
    ).stdout.strip()
    target = base / "out"
    shutil.rmtree(target, ignore_errors=True)
    words = ["--master", f"local[{len(os.sched_getaffinity(0))}]", "--driver-memory", "5600m"]
    start = time.perf_counter()
    subprocess.run(
        [f"{home}/bin/spark-submit", *words, str(base / "app.py"), f"file://{base}/rows.csv", f"file://{target}"],
        env={**os.environ, "SPARK_HOME": home, "PYSPARK_PYTHON": python, "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - start


def _job(sagemaker: Any, name: str) -> float:
    code = {"S3Uri": "s3://bench/code/app.py", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    start = time.perf_counter()
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={
            "ImageUri": _IMAGE,
            "ContainerEntrypoint": ["smspark-submit", "/opt/ml/processing/input/code/app.py"],
            "ContainerArguments": ["s3://bench/rows/", f"s3://bench/{name}"],
        },
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        ProcessingInputs=[{"InputName": "code", "S3Input": {**code, "LocalPath": "/opt/ml/processing/input/code"}}],
    )

    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
    return time.perf_counter() - start
