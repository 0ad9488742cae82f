"""PCA, k-NN, random cut forests and factorization machines with the SageMaker Python SDK v2.

record_set, fit, deploy, predict; and what the estimators' own classes do not do.
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile

import numpy as np
import sagemaker
from sagemaker import KNN, PCA, FactorizationMachines, RandomCutForest, RandomCutForestModel, image_uris
from sagemaker.amazon.common import write_spmatrix_to_sparse_tensor
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer, JSONSerializer
from scipy.sparse import csr_matrix
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
LABELS = np.arange(600, dtype="float32") % 3
ROWS = (_random.normal(size=(600, 8)) + 4 * np.eye(8)[LABELS.astype(int)]).astype("float32")
ANOMALIES = (np.arange(600) % 120 == 7).astype("float32")
STRANGE = ROWS + 40 * ANOMALIES[:, None] * _random.choice([-1, 1], size=(600, 8)).astype("float32")
"""The rows, some of them moved away."""


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


def forest(instances, **options):
    return RandomCutForest(ROLE, instances, "ml.m5.large", num_trees=50, sagemaker_session=session, **options)


@contextlib.contextmanager
def deployed(made):
    """Its predictor, and nothing of it afterwards."""
    predictor = made.deploy(1, "ml.m5.large")
    try:
        yield predictor
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()


def projections(made, rows):
    with deployed(made) as predictor:
        found = predictor.predict(rows)
    return np.array([record.label["projection"].float32_tensor.values for record in found])


def scores(predictor, rows):
    return np.array([record.label["score"].float32_tensor.values[0] for record in predictor.predict(rows)])


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
    with deployed(made) as predictor:
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


def step_random_cut_forest_endpoint():
    made = forest(1, num_samples_per_tree=10)
    printed = fit(made, made.record_set(ROWS))
    assert "ForestInfo{num_trees: 50, num_samples_in_forest: 500" in printed
    assert "Test data is not provided." in printed
    assert metrics(made)["train:progress"] == 100
    with deployed(made) as predictor:
        found = scores(predictor, STRANGE)
        assert found[ANOMALIES == 1].min() > found[ANOMALIES == 0].max()
        # What users do with it: three standard deviations above the mean is an anomaly.
        assert set(np.flatnonzero(found > found.mean() + 3 * found.std())) == set(np.flatnonzero(ANOMALIES))
        predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
        answer = predictor.predict(STRANGE[:3])
        np.testing.assert_allclose([one["score"] for one in answer["scores"]], found[:3], rtol=1e-5)


def step_random_cut_forest_on_two_instances_with_labels():
    made = forest(2, eval_metrics=["accuracy", "precision_recall_fscore"])
    train = made.record_set(ROWS)
    test = made.record_set(STRANGE, labels=ANOMALIES, channel="test", distribution="FullyReplicated")
    printed = fit(made, [train, test])
    assert "Anomaly scores of 600 test records: mean: " in printed
    found = metrics(made)
    names = ("test:accuracy", "test:precision", "test:recall", "test:f1")
    assert [found[name] for name in names] == [1] * 4, found
    again = RandomCutForestModel(made.model_data, ROLE, sagemaker_session=session)
    with deployed(again) as predictor:
        found = scores(predictor, STRANGE)
        assert found[ANOMALIES == 1].min() > found[ANOMALIES == 0].max()


def machines(**options):
    given = {"num_factors": 4, "predictor_type": "binary_classifier", "epochs": 60, **options}
    rates = {"bias_lr": 0.02, "linear_lr": 0.02, "factors_lr": 0.02, "factors_init_sigma": 0.1}
    return FactorizationMachines(ROLE, 1, "ml.m5.large", sagemaker_session=session, **given, **rates)


def step_factorization_machines_endpoint():
    """A product of two features, which no plane tells apart."""
    rows = _random.normal(size=(800, 5)).astype("float32")
    labels = (rows[:, 0] * rows[:, 1] > 0).astype("float32")
    made = machines()
    records = [made.record_set(rows[:600], labels[:600]), made.record_set(rows[600:], labels[600:], channel="test")]
    printed = fit(made, records, mini_batch_size=100)
    assert "train binary_classification_cross_entropy <loss>=" in printed
    assert metrics(made)["test:binary_classification_accuracy"] > 0.9
    with deployed(made) as predictor:
        found = predictor.predict(rows[600:])
        names = ("predicted_label", "score")
        called, shares = (np.array([one.label[name].float32_tensor.values[0] for one in found]) for name in names)
        assert np.mean(called == labels[600:]) > 0.9
        assert ((shares > 0.5) == called).all()


def step_factorization_machines_of_sparse_ratings_on_two_instances():
    """As the notebooks on recommendations have it: users and films one-hot, in RecordIO that the SDK wrote."""
    users, films = (_random.integers(0, count, 4000) for count in (30, 40))
    tastes, kinds = _random.normal(size=(30, 2)), _random.normal(size=(40, 2))
    ratings = (3 + (tastes[users] * kinds[films]).sum(axis=1)).astype("float32")
    columns = np.column_stack([users, 30 + films]).reshape(-1)
    table = csr_matrix((np.ones(8000, "float32"), columns, np.arange(0, 8001, 2)), shape=(4000, 70))
    for name, begin, end in (("train/a", 0, 1800), ("train/b", 1800, 3600), ("test/a", 3600, 4000)):
        with io.BytesIO() as stream:
            write_spmatrix_to_sparse_tensor(stream, table[begin:end], ratings[begin:end])
            stream.seek(0)
            session.boto_session.client("s3").upload_fileobj(stream, bucket, f"ratings/{name}.protobuf")
    image = image_uris.retrieve("factorization-machines", session.boto_region_name)
    made = Estimator(image, ROLE, 2, "ml.c5.xlarge", sagemaker_session=session)
    given = {**machines(predictor_type="regressor", epochs=80).hyperparameters(), "mini_batch_size": 400}
    made.set_hyperparameters(**given, feature_dim=70)
    places = {name: f"s3://{bucket}/ratings/{name}/" for name in ("train", "test")}
    train = TrainingInput(places["train"], distribution="ShardedByS3Key")
    fit(made, {"train": train, "test": TrainingInput(places["test"])})
    assert metrics(made)["test:rmse"] < 0.5 * ratings.std()
    with deployed(made) as predictor:
        predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
        some = [{"keys": row.tolist(), "shape": [70], "values": [1, 1]} for row in columns.reshape(-1, 2)[:50]]
        answer = predictor.predict({"instances": [{"data": {"features": features}} for features in some]})
        found = np.array([one["score"] for one in answer["predictions"]])
        assert np.sqrt(np.mean((found - ratings[:50]) ** 2)) < 0.5 * ratings.std()


def step_wrong_data_says_where():
    broken = ROWS.copy()
    broken[100, 3] = np.nan
    for made in (pca(1), knn(1), forest(1)):
        text = error_of(lambda made=made: made.fit(made.record_set(broken, labels=LABELS), logs=False))
        assert "ClientError" in text, text
        assert "train channel" in text, text
        assert "row 101: feature 3" in text, text


if __name__ == "__main__":
    main(globals())
