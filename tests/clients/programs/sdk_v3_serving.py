"""Serving with users' own scripts by the SageMaker Python SDK v3's ModelBuilder. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.s3 import S3Uploader
from sagemaker.core.shapes import OutputDataConfig
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode
from steps import main
from wheels import wheel

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
session = Session()
bucket = session.default_bucket()
IMAGE = image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1")
_random = np.random.default_rng(0)
CENTRES = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
LABELS = np.repeat([0, 1, 2], 40)
FEATURES = CENTRES[LABELS] + _random.normal(scale=0.1, size=(120, 4))
ROWS = FEATURES[::40] + 0.01
TRAIN = f"s3://{bucket}/v3-serving/train"
S3Uploader.upload_string_as_file_body(
    "".join(",".join(map(str, row)) + "\n" for row in np.column_stack([LABELS, FEATURES])),
    f"{TRAIN}/rows.csv",
    sagemaker_session=session,
)
kept = {}


@contextlib.contextmanager
def source():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "serve"
        shutil.copytree(SCRIPTS / "serve", place)
        wheel(place / "wheels", "pandas_free", "1.0", "NAME = 'pandas-free 1.0'\n")
        yield str(place)


def builder(folder, entry, **options):
    return ModelBuilder(
        image_uri=IMAGE,
        source_code=SourceCode(source_dir=folder, entry_script=entry),
        role_arn=ROLE,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        env_vars={"PIP_NO_INDEX": "1"},
        **options,
    )


@contextlib.contextmanager
def deployed(made):
    name = f"v3-{time.time_ns() % 10**9}"
    with contextlib.redirect_stdout(io.StringIO()):
        made.build(model_name=name)
        endpoint = made.deploy(endpoint_name=name, initial_instance_count=1, instance_type="ml.m5.large")
    try:
        yield endpoint
    finally:
        endpoint.delete()


def trained(folder):
    """Where the model is."""
    made = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        base_job_name=f"v3-{time.time_ns() % 10**9}",
        training_image=IMAGE,
        source_code=SourceCode(source_dir=folder, entry_script="iris.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        hyperparameters={"max_leaf_nodes": 5},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
    )
    with contextlib.redirect_stdout(io.StringIO()):
        made.train([InputData(channel_name="train", data_source=TRAIN)])
    return made._latest_training_job.model_artifacts.s3_model_artifacts


def step_a_model_of_a_training_job():
    with source() as folder:
        kept["model"] = trained(folder)
        with deployed(builder(folder, "iris.py", s3_model_data_url=kept["model"])) as endpoint:
            answer = endpoint.invoke(body=json.dumps(ROWS.tolist()), content_type="application/json")
    assert json.loads(answer.body.read()) == [0, 1, 2]


def step_the_four_functions():
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    flowers = [dict(zip(names, row, strict=True)) for row in ROWS.tolist()]
    with source() as folder, deployed(builder(folder, "names.py", s3_model_data_url=kept["model"])) as endpoint:
        answer = endpoint.invoke(body=json.dumps({"flowers": flowers}), content_type="application/json")
    found = json.loads(answer.body.read())
    assert (found["names"], found["by"]) == (["setosa", "versicolor", "virginica"], "pandas-free 1.0")


if __name__ == "__main__":
    main(globals())
