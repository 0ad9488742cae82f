"""Spark processing jobs by the SageMaker Python SDK v2's PySparkProcessor. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import boto3
import sagemaker
from sagemaker.spark.processing import PySparkProcessor
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = sagemaker.Session()
bucket = session.default_bucket()
s3 = boto3.client("s3")
for part in range(3):
    rows = "".join(f"{part * 100 + row},{'abc'[row % 3]},{row / 4}\n" for row in range(100))
    s3.put_object(Bucket=bucket, Key=f"spark/rows/part-{part}.csv", Body=rows.encode())
SCRIPT = """
import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from helper import FACTOR

parser = argparse.ArgumentParser()
parser.add_argument("--source")
parser.add_argument("--target")
given = parser.parse_args()
spark = SparkSession.builder.appName("sums").getOrCreate()
rows = spark.read.csv(given.source, schema="id INT, kind STRING, value DOUBLE")
sums = rows.groupBy("kind").agg(F.sum(F.col("value") * FACTOR).alias("total"), F.count("*").alias("rows"))
sums.coalesce(1).write.mode("overwrite").parquet(given.target)
back = spark.read.parquet(given.target).orderBy("kind").collect()
print("sums", [(row.kind, row.total, row.rows) for row in back], spark.conf.get("spark.sql.shuffle.partitions"))
spark.stop()
"""


@contextlib.contextmanager
def files(**texts):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / f"{name}.py").write_text(text)
        yield Path(folder)


def processor(name):
    return PySparkProcessor(
        base_job_name=name,
        framework_version="3.3",
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        max_runtime_in_seconds=1200,
    )


def step_read_and_write_s3():
    made, said = processor("sums"), io.StringIO()
    with files(app=SCRIPT, helper="FACTOR = 2") as folder, contextlib.redirect_stdout(said):
        made.run(
            submit_app=str(folder / "app.py"),
            submit_py_files=[str(folder / "helper.py")],
            arguments=["--source", f"s3://{bucket}/spark/rows/", "--target", f"s3a://{bucket}/spark/sums"],
            configuration=[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "3"}}],
            spark_event_logs_s3_uri=f"s3://{bucket}/spark/events",
        )
    log = said.getvalue()
    line = next(line for line in log.splitlines() if "sums [" in line)
    expected = [
        (kind, sum(row / 2 for row in range(100) if row % 3 == number) * 3, len(range(number, 100, 3)) * 3)
        for number, kind in enumerate("abc")
    ]
    assert f"sums {expected} 3" in line, line
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="spark/sums/")["Contents"]]
    assert "spark/sums/_SUCCESS" in keys
    assert any(key.endswith(".parquet") for key in keys)
    assert not [key for key in keys if "_temporary" in key], keys
    events = s3.list_objects_v2(Bucket=bucket, Prefix="spark/events/")["Contents"]
    body = s3.get_object(Bucket=bucket, Key=events[-1]["Key"])["Body"].read()
    assert b"SparkListenerApplicationEnd" in body
    assert json.loads(body.splitlines()[0])["Event"] == "SparkListenerLogStart"


def step_a_script_that_raises():
    made = processor("raises")
    text = "from pyspark.sql import SparkSession\nraise ValueError('not these rows')\n"
    with files(app=text) as folder, contextlib.redirect_stdout(io.StringIO()):
        error_of(lambda: made.run(submit_app=str(folder / "app.py")))
    job = made.latest_job.describe()
    assert job["ProcessingJobStatus"] == "Failed"
    assert "ValueError: not these rows" in job["FailureReason"], job["FailureReason"]
    assert "ValueError: not these rows" in job["ExitMessage"]


if __name__ == "__main__":
    main(globals())
