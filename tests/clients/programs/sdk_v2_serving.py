"""Serving with users' own scripts by the SageMaker Python SDK v2, as a team's own code has it. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from botocore.exceptions import ClientError
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.model import SKLearnModel
from sagemaker.xgboost.estimator import XGBoost
from steps import error_of, main
from wheels import wheel

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
OFFLINE = {"PIP_NO_INDEX": "1"}
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
CENTRES = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
LABELS = np.repeat([0, 1, 2], 40)
FEATURES = CENTRES[LABELS] + _random.normal(scale=0.1, size=(120, 4))
ROWS = FEATURES[::40] + 0.01


def upload(name, rows):
    text = "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)
    session.upload_string_as_file_body(text, bucket, f"serving/{name}/rows.csv")
    return f"s3://{bucket}/serving/{name}"


TRAIN = upload("flowers", np.column_stack([LABELS, FEATURES]))
BOOST = upload("boost", np.column_stack([FEATURES, LABELS == 1]))
kept = {}


@contextlib.contextmanager
def source():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "serve"
        shutil.copytree(SCRIPTS / "serve", place)
        wheel(place / "wheels", "pandas_free", "1.0", "NAME = 'pandas-free 1.0'\n")
        yield str(place)


def model(entry, folder, **options):
    return SKLearnModel(
        kept["model"],
        ROLE,
        entry,
        source_dir=folder,
        framework_version="1.2-1",
        sagemaker_session=session,
        env=OFFLINE,
        **options,
    )


@contextlib.contextmanager
def deployed(made, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        predictor = made.deploy(1, "ml.m5.large", **options)
    try:
        yield predictor
    finally:
        predictor.delete_endpoint()


def step_fit_deploy_predict():
    with source() as folder, contextlib.redirect_stdout(io.StringIO()):
        made = SKLearn(
            "iris.py",
            source_dir=folder,
            framework_version="1.2-1",
            role=ROLE,
            instance_type="ml.m5.large",
            sagemaker_session=session,
            hyperparameters={"max_leaf_nodes": 5},
            environment=OFFLINE,
        )
        made.fit({"train": TRAIN})
        kept["model"] = made.model_data
        with deployed(made) as predictor:
            found = predictor.predict(ROWS)
    assert found.tolist() == [0, 1, 2], found


def step_a_model_with_the_four_functions():
    with source() as folder:
        made = model("names.py", folder)
        with deployed(made, serializer=JSONSerializer(), deserializer=JSONDeserializer()) as predictor:
            names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
            found = predictor.predict({"flowers": [dict(zip(names, row, strict=True)) for row in ROWS.tolist()]})
            assert found == {
                "names": ["setosa", "versicolor", "virginica"],
                "by": "pandas-free 1.0",
                "accept": "application/json",
            }
            predictor.serializer = CSVSerializer()
            said = error_of(lambda: predictor.predict(ROWS), ClientError)
    assert 'Received server error (500) from primary with message "This model supports application/json only' in said
    assert "ValueError: This model supports" in said


def step_a_model_with_transform_fn():
    with source() as folder:
        made = model("whole.py", folder)
        with deployed(made, serializer=CSVSerializer(), deserializer=CSVDeserializer()) as predictor:
            assert predictor.predict(ROWS) == [["0"], ["1"], ["2"]]


def step_what_is_not_known():
    with source() as folder, deployed(model("iris.py", folder)) as predictor:
        runtime = boto3.client("sagemaker-runtime")

        def ask(**types):
            runtime.invoke_endpoint(EndpointName=predictor.endpoint_name, Body=b"[[1,2,3,4]]", **types)

        assert "Received client error (415)" in error_of(lambda: ask(ContentType="image/png"), ClientError)
        said = error_of(lambda: ask(ContentType="application/json", Accept="image/png"), ClientError)
        assert "Received client error (406)" in said
        assert "UnsupportedFormatError" in said


def step_a_model_that_cannot_be_loaded():
    with source() as folder:
        made = model("broken.py", folder)
        with contextlib.redirect_stdout(io.StringIO()):
            said = error_of(lambda: made.deploy(1, "ml.m5.large"), sagemaker.exceptions.UnexpectedStatusException)
    assert "did not pass the ping health check" in said
    assert "in model_fn" in said
    assert "OSError: no weights in /opt/ml/model" in said


def step_xgboost_in_script_mode():
    made = XGBoost(
        "boost.py",
        source_dir=str(SCRIPTS / "boost"),
        framework_version="1.7-1",
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        hyperparameters={"num_round": 10, "eta": 0.5, "objective": "binary:logistic"},
        checkpoint_s3_uri=f"s3://{bucket}/serving/checkpoints",
    )
    with contextlib.redirect_stdout(io.StringIO()):
        made.fit({"train": BOOST})
    forms = {"serializer": CSVSerializer(), "deserializer": JSONDeserializer()}
    with deployed(made, entry_point="served.py", **forms) as predictor:
        found = predictor.predict(ROWS)
    assert [value > 0.5 for value in found] == [False, True, False], found


if __name__ == "__main__":
    main(globals())
