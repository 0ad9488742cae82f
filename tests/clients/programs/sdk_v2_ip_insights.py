"""IP Insights with the SageMaker Python SDK v2: its estimator and a generic one, endpoints, embeddings, wrong data."""

from __future__ import annotations

import contextlib
import io
import tarfile

import numpy as np
import sagemaker
from sagemaker import IPInsights, IPInsightsModel, image_uris
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = sagemaker.Session()
bucket = session.default_bucket()
client = session.boto_session.client("s3")
USERS = 20
_random = np.random.default_rng(0)


def lines(count):
    """Each user has a network of his own."""
    users, hosts = _random.integers(0, USERS, count), _random.integers(0, 256, count)
    return [f'"user, {user}", 10.{user}.1.{host}\n' for user, host in zip(users, hosts, strict=True)]


def put(prefix, *parts):
    """Files below a prefix; its URI."""
    for number, part in enumerate(parts):
        client.put_object(Bucket=bucket, Key=f"{prefix}/part-{number}.csv", Body="".join(part).encode())
    return f"s3://{bucket}/{prefix}/"


def records(prefix, *parts):
    return RecordSet(put(prefix, *parts), sum(map(len, parts)), None, s3_data_type="S3Prefix")


def estimator(instances=1, **options):
    given = {"num_entity_vectors": 1000, "vector_dim": 16, "epochs": 5, "learning_rate": 0.02, **options}
    return IPInsights(ROLE, instances, "ml.m5.large", sagemaker_session=session, **given)


def fit(made, *arguments, **options):
    """What the SDK printed of the job's log."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        made.fit(*arguments, **options)
    assert described(made)["TrainingJobStatus"] == "Completed"
    return printed.getvalue()


def described(made):
    return session.describe_training_job(made.latest_training_job.name)


def metrics(made):
    return {item["MetricName"]: item["Value"] for item in described(made)["FinalMetricDataList"]}


def scores(predictor, apart, **options):
    pairs = np.array([[f"user, {user}", f"10.{(user + apart) % USERS}.1.9"] for user in range(USERS)])
    return predictor.predict(pairs, **options)["predictions"]


def check(predictor):
    """A user's own network suits more than another's, and embeddings come on request."""
    own, other = ([one["dot_product"] for one in scores(predictor, apart)] for apart in (0, 1))
    assert np.mean(np.array(own) > np.array(other)) > 0.9
    verbose = scores(predictor, 0, initial_args={"Accept": "application/json; verbose=True"})
    for one, product in zip(verbose, own, strict=True):
        assert len(one["entity_embedding"]) == len(one["ip_embedding"]) == 16
        assert abs(np.dot(one["entity_embedding"], one["ip_embedding"]) - product) < 1e-3
        assert abs(one["dot_product"] - product) < 1e-6


def step_estimator_and_endpoint():
    made = estimator()
    printed = fit(made, records("ip-one", lines(1500), lines(1500)), mini_batch_size=200)
    assert "train binary_classification_accuracy <score>=" in printed
    found = metrics(made)
    assert found["train:progress"] == 100
    assert found["train:binary_classification_accuracy:epoch"] > 0.9
    predictor = made.deploy(1, "ml.m5.large")
    try:
        check(predictor)
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_two_instances_and_the_model_again():
    made = estimator(2)
    fit(made, records("ip-two", lines(1500), lines(1500)), mini_batch_size=200)
    assert metrics(made)["train:binary_classification_accuracy:epoch"] > 0.9
    key = made.model_data.split("/", 3)[3]
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["model_algo-1"]
    predictor = IPInsightsModel(made.model_data, role=ROLE, sagemaker_session=session).deploy(1, "ml.m5.large")
    try:
        check(predictor)
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_validation_in_every_mode():
    train, validation = put("ip-train", lines(3000)), put("ip-validation", lines(500), ["user,ip\n"])
    image = image_uris.retrieve("ipinsights", session.boto_region_name)
    for mode in ("File", "FastFile", "Pipe"):
        made = Estimator(image, ROLE, 1, "ml.m5.large", input_mode=mode, sagemaker_session=session)
        made.set_hyperparameters(
            num_entity_vectors=1000, vector_dim=16, mini_batch_size=200, epochs=5, learning_rate=0.02
        )
        channels = {"train": train, "validation": validation}
        data = {name: TrainingInput(place, content_type="text/csv") for name, place in channels.items()}
        printed = fit(made, data)
        assert "Dropped 1 of 501 records of the validation channel" in printed
        assert metrics(made)["validation:discriminator_auc"] > 0.95, mode


def step_wrong_data_says_where():
    good = lines(300)
    for prefix, part, word in (
        ("ip-comma", [*good, "Doe, Jane, 10.0.0.1\n"], "row 301: Unable to parse entity or IP address"),
        ("ip-few", good, "mini_batch_size is 10000, but there are only 300 records"),
    ):
        found = records(prefix, part)
        text = error_of(lambda found=found: estimator().fit(found, logs=False))
        assert "ClientError" in text, text
        assert "train channel" in text, text
        assert "part-0.csv" in text, text
        assert word in text, text


if __name__ == "__main__":
    main(globals())
