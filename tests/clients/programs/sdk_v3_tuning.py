"""Automatic model tuning by the SageMaker Python SDK v3: a built-in algorithm, and a script of one's own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.s3 import S3Uploader
from sagemaker.core.shapes import OutputDataConfig
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.tuner import HyperparameterTuner
from steps import main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(200, 4))
LABELS = FEATURES[:, 0] - FEATURES[:, 1] > 0
ROWS = f"s3://{bucket}/v3-tuning/rows.csv"
S3Uploader.upload_string_as_file_body(
    "".join(",".join(f"{value:g}" for value in row) + "\n" for row in np.column_stack([LABELS, FEATURES])),
    ROWS,
    sagemaker_session=session,
)
SCRIPT = """
import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
alpha = parser.parse_args().alpha
table = np.loadtxt(next(Path("/opt/ml/input/data/train").iterdir()), delimiter=",")
model = Ridge(alpha=alpha).fit(table[:150, 1:], table[:150, 0])
error = float(np.mean((model.predict(table[150:, 1:]) - table[150:, 0]) ** 2))
print(f"test error: {error:.6f};")
"""


def trainer(image, version, **options):
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=image_uris.retrieve(image, session.boto_region_name, version),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
        **options,
    )


def channel(name):
    return InputData(channel_name=name, data_source=ROWS, content_type="text/csv")


def step_tune_a_built_in_algorithm():
    settings = {"objective": "binary:logistic", "num_round": "10"}
    tuner = HyperparameterTuner(
        trainer("xgboost", "1.7-1", hyperparameters=settings),
        "validation:logloss",
        {"eta": ContinuousParameter(0.05, 0.5), "max_depth": IntegerParameter(1, 6)},
        objective_type="Minimize",
        max_jobs=4,
        max_parallel_jobs=2,
        base_tuning_job_name="v3-xgb",
    )
    tuner.tune([channel("train"), channel("validation")])
    job = tuner.describe()
    assert job.hyper_parameter_tuning_job_status == "Completed"
    assert job.training_job_status_counters.completed == 4
    assert tuner.best_training_job() == job.best_training_job.training_job_name
    table = tuner.analytics().dataframe()
    assert (
        table["FinalObjectiveValue"].min()
        == job.best_training_job.final_hyper_parameter_tuning_job_objective_metric.value
    )


def step_tune_a_script():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "fit.py").write_text(SCRIPT)
        tuner = HyperparameterTuner(
            trainer("sklearn", "1.2-1", source_code=SourceCode(source_dir=folder, entry_script="fit.py")),
            "test:error",
            {"alpha": ContinuousParameter(0.01, 100, scaling_type="Logarithmic")},
            metric_definitions=[{"Name": "test:error", "Regex": "test error: ([0-9.]+);"}],
            objective_type="Minimize",
            strategy="Random",
            random_seed=3,
            max_jobs=3,
            max_parallel_jobs=2,
            base_tuning_job_name="v3-script",
        )
        tuner.tune([channel("train")])
    job = tuner.describe()
    assert job.training_job_status_counters.completed == 3, job.training_job_status_counters
    assert 0 < job.best_training_job.final_hyper_parameter_tuning_job_objective_metric.value < 1


if __name__ == "__main__":
    main(globals())
