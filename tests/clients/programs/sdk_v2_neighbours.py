"""PCA and k-NN with the SageMaker Python SDK v2: record_set, fit, deploy, predict, batch transform."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile

import numpy as np
import sagemaker
from sagemaker import KNN, PCA, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
LABELS = np.arange(600, dtype="float32") % 3
ROWS = (_random.normal(size=(600, 8)) + 4 * np.eye(8)[LABELS.astype(int)]).astype("float32")


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


def pca(instances, **options):
    return PCA(ROLE, instances, "ml.m5.large", num_components=2, sagemaker_session=session, **options)


def knn(instances, predictor_type="classifier", **options):
    return KNN(
        ROLE,
        instances,
        "ml.m5.large",
        k=5,
        sample_size=1000,
        predictor_type=predictor_type,
        sagemaker_session=session,
        **options,
    )


def projections(made, rows):
    predictor = made.deploy(1, "ml.m5.large")
    try:
        found = predictor.predict(rows)
        return np.array([record.label["projection"].float32_tensor.values for record in found])
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_pca():
    around = ROWS - ROWS.mean(axis=0)
    expected = np.linalg.svd(around, full_matrices=False)[0][:, :2] * np.linalg.svd(around, compute_uv=False)[:2]
    for instances, options in ((1, {}), (2, {"algorithm_mode": "randomized", "extra_components": 3})):
        made = pca(instances, **options)
        printed = fit(made, [made.record_set(ROWS), made.record_set(ROWS, channel="test")])
        assert "explained_variance_ratio" in printed
        assert metrics(made)["train:progress"] == 100
        # The top component is the last.
        found = projections(made, ROWS[:100])[:, ::-1]
        np.testing.assert_allclose(np.abs(found), np.abs(expected[:100]), atol=1e-2)


def step_pca_model_file():
    made = pca(1, subtract_mean=False)
    fit(made, made.record_set(ROWS), logs="None")
    key = made.model_data.split("/", 3)[3]
    body = session.boto_session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["model_algo-1"]


def step_knn_classifier_and_regressor():
    for instances, kind in ((2, "classifier"), (1, "regressor")):
        made = knn(instances, kind)
        fit(made, [made.record_set(ROWS, labels=LABELS), made.record_set(ROWS, labels=LABELS, channel="test")])
        found = metrics(made)
        assert found["test:accuracy"] > 0.95 if kind == "classifier" else found["test:mse"] < 0.1


def step_knn_endpoint():
    made = knn(1, index_type="faiss.IVFFlat", faiss_index_ivf_nlists="8", index_metric="COSINE")
    fit(made, made.record_set(ROWS, labels=LABELS))
    predictor = made.deploy(1, "ml.m5.large")
    try:
        found = predictor.predict(ROWS[:50])
        labels = [record.label["predicted_label"].float32_tensor.values[0] for record in found]
        assert np.mean(labels == LABELS[:50]) > 0.9
        answer = session.boto_session.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=predictor.endpoint_name,
            ContentType="text/csv",
            Accept="application/json; verbose=true",
            Body=",".join(map(str, ROWS[7])),
        )
        (one,) = json.loads(answer["Body"].read())["predictions"]
        assert (len(one["distances"]), len(one["labels"])) == (5, 5)
        assert abs(one["distances"][0] - 1) < 1e-4
        assert one["labels"][0] == LABELS[7]
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def step_knn_in_pipe_mode_of_csv():
    table = np.column_stack([LABELS, ROWS])
    client = session.boto_session.client("s3")
    for number, rows in enumerate(np.array_split(table, 3)):
        body = "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)
        client.put_object(Bucket=bucket, Key=f"knn-csv/part-{number}", Body=body.encode())
    image = image_uris.retrieve("knn", session.boto_region_name)
    made = Estimator(image, ROLE, 1, "ml.m5.large", input_mode="Pipe", sagemaker_session=session)
    made.set_hyperparameters(feature_dim=8, k=3, sample_size=300, predictor_type="classifier")
    place = f"s3://{bucket}/knn-csv/"
    data = {name: TrainingInput(place, content_type="text/csv;label_size=1") for name in ("train", "test")}
    fit(made, data)
    assert metrics(made)["test:accuracy"] > 0.95


def step_wrong_data_says_where():
    broken = ROWS.copy()
    broken[100, 3] = np.nan
    for made in (pca(1), knn(1)):
        text = error_of(lambda made=made: made.fit(made.record_set(broken, labels=LABELS), logs=False))
        assert "ClientError" in text, text
        assert "train channel" in text, text
        assert "row 101: feature 3" in text, text


if __name__ == "__main__":
    main(globals())
