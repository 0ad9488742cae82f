"""An image of one's own by the SageMaker Python SDK v2: training, an endpoint, processing. argv: its name."""

from __future__ import annotations

import contextlib
import io
import sys

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.serializers import CSVSerializer
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
IMAGE = sys.argv.pop(1)
session = sagemaker.Session()
bucket = session.default_bucket()
ROWS = session.upload_string_as_file_body("1\n2\n3\n", bucket, "own/rows.csv")


def estimator(**options):
    metrics = [{"Name": "loss", "Regex": "loss=(.*?);"}]
    return Estimator(IMAGE, ROLE, 1, "ml.m5.large", sagemaker_session=session, metric_definitions=metrics, **options)


def step_train_deploy_and_predict():
    made = estimator(environment={"MOOD": "calm"})
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        made.fit({"train": ROWS})
    assert "trains on 3 rows, mood calm" in said.getvalue(), said.getvalue()
    found = session.describe_training_job(made.latest_training_job.name)["FinalMetricDataList"]
    assert [(each["MetricName"], each["Value"]) for each in found] == [("loss", 0.25)]
    forms = {"serializer": CSVSerializer(), "deserializer": JSONDeserializer()}
    predictor = made.deploy(1, "ml.m5.large", env={"MOOD": "keen"}, **forms)
    try:
        assert predictor.predict([1, 2]) == {"got": "1,2", "mood": "keen", "rows": 3}
    finally:
        predictor.delete_endpoint()


def step_a_failure_of_its_own():
    made = estimator(hyperparameters={"fail": "too few rows"})
    said = error_of(lambda: made.fit({"train": ROWS}, logs=False))
    assert "AlgorithmError: too few rows, exit code: 3" in said, said


def step_process():
    processor = Processor(ROLE, IMAGE, 1, "ml.m5.large", sagemaker_session=session)
    processor.run(
        inputs=[ProcessingInput(ROWS, "/opt/ml/processing/input/rows")],
        outputs=[ProcessingOutput("/opt/ml/processing/output", f"s3://{bucket}/own/counted")],
        arguments=["--all"],
        logs=False,
    )
    assert processor.latest_job.describe()["ExitMessage"] == "counted"
    assert session.read_s3_file(bucket, "own/counted/count.txt") == "3 ['--all']"


if __name__ == "__main__":
    main(globals())
