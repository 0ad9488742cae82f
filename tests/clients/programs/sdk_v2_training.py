"""The three first algorithms trained with the SageMaker Python SDK v2, on one and on two instances, in every mode."""

from __future__ import annotations

import contextlib
import gzip
import io
import time

import numpy as np
import sagemaker
from sagemaker import KMeans, LinearLearner, image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import ShuffleConfig, TrainingInput
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
POINTS = (_random.normal(size=(150, 4)) + 4 * np.repeat(np.eye(4)[:3], 50, axis=0)).astype("float32")
"""Around three centres."""
FEATURES = _random.normal(size=(600, 30)).astype("float32")
LABELS = (FEATURES @ _random.normal(size=30) + _random.normal(scale=0.3, size=600) > 0).astype("float32")
"""One of two classes, nearly by a plane."""


def described(made):
    return session.describe_training_job(made.latest_training_job.name)


def metrics(made):
    return {item["MetricName"]: item["Value"] for item in described(made)["FinalMetricDataList"]}


def fit(made, *arguments, **options):
    """What the SDK printed of the job's log."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        made.fit(*arguments, **options)
    assert described(made)["TrainingJobStatus"] == "Completed"
    return printed.getvalue()


def kmeans(instances, **options):
    return KMeans(ROLE, instances, "ml.m5.large", k=3, sagemaker_session=session, **options)


def learner(instances, **options):
    return LinearLearner(
        ROLE, instances, "ml.m5.large", predictor_type="binary_classifier", sagemaker_session=session, **options
    )


def xgboost(instances):
    image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
    made = Estimator(image, ROLE, instances, "ml.m5.large", sagemaker_session=session)
    made.set_hyperparameters(objective="binary:logistic", num_round=10, eval_metric="auc")
    return made


def linear_by_csv(**hyperparameters):
    image = image_uris.retrieve("linear-learner", session.boto_region_name)
    made = Estimator(image, ROLE, 1, "ml.m5.large", sagemaker_session=session)
    made.set_hyperparameters(predictor_type="binary_classifier", mini_batch_size=50, **hyperparameters)
    return made


def csv_of(rows):
    return "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)


def upload_table(prefix, parts, pack=None):
    """The table as CSV, the label first, in so many files."""
    table = np.column_stack([LABELS, FEATURES])
    client = session.boto_session.client("s3")
    for number, rows in enumerate(np.array_split(table, parts)):
        body = csv_of(rows).encode()
        client.put_object(Bucket=bucket, Key=f"{prefix}/part-{number}", Body=pack(body) if pack else body)
    return f"s3://{bucket}/{prefix}/"


def step_kmeans_on_one_instance():
    made = kmeans(1)
    printed = fit(made, made.record_set(POINTS))
    assert "#metrics" in printed
    predictor = made.deploy(1, "ml.m5.large")
    try:
        found = predictor.predict(POINTS[:10])
        assert len(found) == 10
        clusters = {int(record.label["closest_cluster"].float32_tensor.values[0]) for record in found}
        assert clusters <= {0, 1, 2}
        assert found[0].label["distance_to_cluster"].float32_tensor.values[0] >= 0
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_kmeans_on_two_instances():
    made = kmeans(2, epochs=5, eval_metrics=["msd", "ssd"])
    printed = fit(made, [made.record_set(POINTS), made.record_set(POINTS, channel="test")], mini_batch_size=25)
    assert "algo-2" in printed or printed.count("Docker entrypoint called with argument(s): train") == 2
    alone = kmeans(1, epochs=5, eval_metrics=["msd", "ssd"])
    fit(alone, [alone.record_set(POINTS), alone.record_set(POINTS, channel="test")], mini_batch_size=50)
    assert described(made)["ResourceConfig"]["InstanceCount"] == 2
    assert abs(metrics(made)["test:msd"] / metrics(alone)["test:msd"] - 1) < 0.2


def step_linear_learner_on_one_and_two_instances():
    scores = []
    for instances in (1, 2):
        made = learner(instances, epochs=10, num_models=4, loss="logistic")
        train = made.record_set(FEATURES, labels=LABELS)
        validation = made.record_set(FEATURES, labels=LABELS, channel="validation")
        fit(made, [train, validation], mini_batch_size=50)
        scores.append(metrics(made)["validation:roc_auc_score"])
    assert min(scores) > 0.98, scores
    predictor = made.deploy(1, "ml.m5.large")
    try:
        found = predictor.predict(FEATURES[:20])
        labels = [record.label["predicted_label"].float32_tensor.values[0] for record in found]
        assert np.mean(labels == LABELS[:20]) > 0.8
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_linear_learner_by_csv_and_json():
    made = linear_by_csv(feature_dim=30, epochs=8)
    fit(made, {"train": TrainingInput(upload_table("ll-csv", 3), content_type="text/csv")})
    predictor = made.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
    try:
        answer = predictor.predict(FEATURES[:3])
        assert [set(item) for item in answer["predictions"]] == [{"score", "predicted_label"}] * 3
        assert isinstance(predictor, Predictor)
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_xgboost_on_two_instances():
    scores = []
    for instances in (1, 2):
        made = xgboost(instances)
        data = upload_table("xgb-shards", 4)
        train = TrainingInput(data, distribution="ShardedByS3Key", content_type="text/csv")
        whole = TrainingInput(data, content_type="text/csv")
        fit(made, {"train": train, "validation": whole})
        scores.append(metrics(made)["validation:auc"])
    assert min(scores) > 0.99, scores


def step_every_training_input():
    """Modes, compression, shards, a manifest, shuffling: one model each."""
    plain, packed = upload_table("forms/plain", 2), upload_table("forms/gz", 2, gzip.compress)
    manifest = f'[{{"prefix": "{plain}"}}, "part-0", "part-1"]'
    session.upload_string_as_file_body(manifest, bucket, "forms/table.manifest")
    described_as = f"s3://{bucket}/forms/table.manifest"
    forms = {
        "File": TrainingInput(plain, content_type="text/csv", input_mode="File"),
        "FastFile": TrainingInput(plain, content_type="text/csv", input_mode="FastFile"),
        "Pipe": TrainingInput(plain, content_type="text/csv", input_mode="Pipe"),
        "Gzip": TrainingInput(packed, content_type="text/csv", compression="Gzip"),
        "Gzip in Pipe": TrainingInput(packed, content_type="text/csv", compression="Gzip", input_mode="Pipe"),
        "Manifest": TrainingInput(described_as, s3_data_type="ManifestFile", content_type="text/csv"),
        "Shuffled": TrainingInput(plain, content_type="text/csv", input_mode="Pipe", shuffle_config=ShuffleConfig(11)),
    }
    for name, train in forms.items():
        made = xgboost(1)
        fit(made, {"train": train}, logs="None")
        assert metrics(made)["train:auc"] > 0.99, name


def step_logs_of_two_instances():
    made = xgboost(2)
    made.fit({"train": TrainingInput(upload_table("logs", 2), content_type="text/csv")}, wait=False)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        session.logs_for_job(made.latest_training_job.name, wait=True)
    streams = session.boto_session.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=made.latest_training_job.name
    )["logStreams"]
    hosts = sorted(stream["logStreamName"].split("/")[1].rsplit("-", 1)[0] for stream in streams)
    assert hosts == ["algo-1", "algo-2"]
    assert "Training seconds:" in printed.getvalue()
    found = described(made)
    assert found["BillableTimeInSeconds"] == found["TrainingTimeInSeconds"], "not times the instances"


def step_stop_two_instances():
    made = xgboost(2)
    made.set_hyperparameters(objective="binary:logistic", num_round=1_000_000)
    made.fit({"train": TrainingInput(upload_table("stop", 2), content_type="text/csv")}, wait=False)
    until = time.monotonic() + 30
    while described(made)["SecondaryStatus"] != "Training":
        assert time.monotonic() < until
        time.sleep(0.2)
    made.latest_training_job.stop()
    session.wait_for_job(made.latest_training_job.name)
    assert described(made)["TrainingJobStatus"] == "Stopped"


def step_experiment_config():
    made = xgboost(1)
    config = {"ExperimentName": "churn", "TrialName": "first", "TrialComponentDisplayName": "Training"}
    data = {"train": TrainingInput(upload_table("experiment", 1), content_type="text/csv")}
    made.fit(data, experiment_config=config, logs="None")
    assert described(made)["ExperimentConfig"] == config


def step_wrong_data_says_where():
    made = linear_by_csv(feature_dim=7)
    data = {"train": TrainingInput(upload_table("narrow", 1), content_type="text/csv")}
    text = error_of(lambda: made.fit(data, logs="None"))
    assert "ClientError" in text, text
    assert "feature_dim" in text, text
    assert "train" in text, text
    broken = FEATURES.copy()
    broken[100, 3] = np.nan
    again = learner(1, epochs=1)
    text = error_of(lambda: again.fit(again.record_set(broken, labels=LABELS), mini_batch_size=50, logs=False))
    assert "ClientError" in text, text
    assert "train" in text, text


if __name__ == "__main__":
    main(globals())
