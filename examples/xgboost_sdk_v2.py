"""Train XGBoost on a table, deploy the model and ask it for predictions, with the SageMaker Python SDK v2.

    python xgboost_sdk_v2.py breast_cancer.csv

Nothing in here knows where it runs: on AWS it costs money, under `sagewright run` it does not. The table is
scikit-learn's breast cancer set (569 rows, 30 measurements; its CSV file ships with the package): is a tumour benign?
"""

import csv
import os
import random
import sys
import tempfile
import time

import sagemaker
from sagemaker import image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

ROLE = os.environ.get("SAGEMAKER_ROLE", "arn:aws:iam::000000000000:role/SageMakerExecutionRole")
INSTANCE_TYPE = "ml.m5.large"


def read_table(path):
    """Rows with the label first, as SageMaker's algorithms want them: training, validation and test part."""
    with open(path, newline="") as file:
        _counts, *rows = csv.reader(file)
    rows = [[row[-1], *row[:-1]] for row in rows]
    random.Random(7).shuffle(rows)
    return rows[:400], rows[400:484], rows[484:]


def upload(session, rows, name):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name + ".csv")
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows(rows)
        location = session.upload_data(path, key_prefix="breast-cancer/" + name)
    return TrainingInput(location, content_type="text/csv")


def area_under_curve(labels, scores):
    """The share of pairs of a positive and a negative that the scores put in the right order."""
    positives = [score for label, score in zip(labels, scores, strict=True) if label == 1]
    negatives = [score for label, score in zip(labels, scores, strict=True) if label == 0]
    right = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return right / (len(positives) * len(negatives))


class Step:
    """Says what is done and how long it took."""

    def __init__(self, title):
        self.title = title

    def __enter__(self):
        print(f"\n== {self.title}", flush=True)
        self.start = time.perf_counter()

    def __exit__(self, *error):
        if not error[0]:
            print(f"== {self.title}: {time.perf_counter() - self.start:.1f} s", flush=True)


def main(path):
    train, validation, test = read_table(path)
    session = sagemaker.Session()
    image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")

    with Step("upload to S3"):
        channels = {
            "train": upload(session, train, "train"),
            "validation": upload(session, validation, "validation"),
        }

    estimator = Estimator(
        image,
        ROLE,
        instance_count=1,
        instance_type=INSTANCE_TYPE,
        output_path=f"s3://{session.default_bucket()}/breast-cancer/output",
        sagemaker_session=session,
    )
    estimator.set_hyperparameters(objective="binary:logistic", eval_metric="auc", num_round=20, max_depth=4)
    with Step("fit"):
        estimator.fit(channels)
    job = session.describe_training_job(estimator.latest_training_job.name)
    print("model:", job["ModelArtifacts"]["S3ModelArtifacts"])
    print("metrics:", {metric["MetricName"]: round(metric["Value"], 4) for metric in job["FinalMetricDataList"]})
    print(f"billable seconds: {job['BillableTimeInSeconds']} on {INSTANCE_TYPE}")

    with Step("deploy"):
        predictor = estimator.deploy(1, INSTANCE_TYPE, serializer=CSVSerializer(), deserializer=CSVDeserializer())
        print()  # deploy() leaves its line of dashes open
    try:
        with Step(f"predict {len(test)} rows"):
            answer = predictor.predict([row[1:] for row in test])
    finally:
        predictor.delete_endpoint()

    labels = [int(row[0]) for row in test]
    scores = [float(value) for line in answer for value in line]
    print("\n  label  predicted")
    for label, score in list(zip(labels, scores, strict=True))[:6]:
        print(f"  {label:5d}  {score:9.4f}")
    accuracy = sum((score > 0.5) == (label == 1) for label, score in zip(labels, scores, strict=True)) / len(test)
    print(f"\ntest accuracy {accuracy:.3f}, AUC {area_under_curve(labels, scores):.4f} on {len(test)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
