"""ModelBuilder of the SageMaker Python SDK v3 with models and an InferenceSpec of Python's own. No endpoint is named.

Its container runs the SDK's own script, so that the Python that runs users' scripts needs the SDK too.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.serve.spec.inference_spec import InferenceSpec
from sagemaker.serve.utils.types import ModelServer
from sklearn.linear_model import LogisticRegression
from steps import main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = Session()
FEATURES = np.random.default_rng(0).normal(size=(100, 3))
LABELS = (FEATURES[:, 0] > 0).astype(int)
MODEL = LogisticRegression().fit(FEATURES, LABELS)
SCHEMA = SchemaBuilder(FEATURES[:2], LABELS[:2])


class Loaded(InferenceSpec):
    def load(self, model_dir):
        return joblib.load(f"{model_dir}/own.joblib")

    def invoke(self, input_object, model):
        return model.predict(input_object)


def answered(**options):
    """What an endpoint says to all rows."""
    name = f"v3-{time.time_ns() % 10**9}"
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        joblib.dump(MODEL, Path(folder) / "own.joblib")
        made = ModelBuilder(
            schema_builder=SCHEMA,
            model_server=ModelServer.TORCHSERVE,
            image_uri=image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1"),
            role_arn=ROLE,
            instance_type="ml.m5.large",
            sagemaker_session=session,
            model_path=folder,
            dependencies={"auto": False},
            **options,
        )
        made.build(model_name=name)
        endpoint = made.deploy(endpoint_name=name, initial_instance_count=1, instance_type="ml.m5.large")
    body = io.BytesIO()
    np.save(body, FEATURES)
    try:
        answer = endpoint.invoke(body=body.getvalue(), content_type="application/x-npy", accept="application/x-npy")
    finally:
        endpoint.delete()
    return np.load(io.BytesIO(answer.body.read())).tolist()


def step_an_inference_spec():
    assert answered(inference_spec=Loaded()) == MODEL.predict(FEATURES).tolist()


def step_a_model():
    assert answered(model=MODEL) == MODEL.predict(FEATURES).tolist()


if __name__ == "__main__":
    main(globals())
