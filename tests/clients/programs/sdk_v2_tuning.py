"""Automatic model tuning with the SageMaker Python SDK v2: tuners, warm starts and their analytics."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import sagemaker
from sagemaker import LinearLearner, image_uris
from sagemaker.analytics import HyperparameterTuningJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.tuner import HyperparameterTuner, WarmStartConfig, WarmStartTypes
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(400, 8)).astype("float32")
LABELS = (FEATURES @ _random.normal(size=8) + _random.normal(scale=0.5, size=400) > 0).astype("float32")


def xgboost():
    image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
    made = Estimator(image, ROLE, 1, "ml.m5.large", sagemaker_session=session, output_path=f"s3://{bucket}/out")
    made.set_hyperparameters(objective="binary:logistic", num_round=10)
    return made


def channels():
    table = np.column_stack([LABELS, FEATURES])
    inputs = {}
    for name, rows in (("train", table[:300]), ("validation", table[300:])):
        body = "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)
        session.upload_string_as_file_body(body, bucket, f"tuning/{name}.csv")
        inputs[name] = TrainingInput(f"s3://{bucket}/tuning/{name}.csv", content_type="text/csv")
    return inputs


def tuner(name, jobs, **options):
    """name: the SDK's own names are the same within a minute."""
    ranges = {"eta": ContinuousParameter(0.05, 0.5), "max_depth": IntegerParameter(1, 6)}
    return HyperparameterTuner(
        xgboost(),
        "validation:logloss",
        ranges,
        base_tuning_job_name=name,
        objective_type="Minimize",
        max_jobs=jobs,
        max_parallel_jobs=2,
        **options,
    )


def step_tune_and_deploy_the_best():
    made = tuner("best", 4)
    made.fit(channels())
    job = made.describe()
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    best = made.best_training_job()
    assert best == job["BestTrainingJob"]["TrainingJobName"]
    assert set(made.best_estimator().hyperparameters()) >= {"eta", "max_depth", "num_round"}
    predictor = made.deploy(1, "ml.m5.large", serializer=sagemaker.serializers.CSVSerializer())
    try:
        assert 0 <= float(predictor.predict(FEATURES[0]).decode().split(",")[0]) <= 1
    finally:
        predictor.delete_endpoint()


def step_analytics_show_every_trial():
    made = tuner("shown", 3, strategy="Random", random_seed=1)
    made.fit(channels())
    table = HyperparameterTuningJobAnalytics(made.latest_tuning_job.name, sagemaker_session=session).dataframe()
    assert len(table) == 3
    assert set(table.columns) >= {"eta", "max_depth", "FinalObjectiveValue", "TrainingJobStatus"}
    best = made.analytics().dataframe().sort_values("FinalObjectiveValue").iloc[0]["TrainingJobName"]
    assert best == made.best_training_job()


def step_warm_start_goes_on_from_a_parent():
    parent = tuner("parent", 2)
    parent.fit(channels())
    config = WarmStartConfig(WarmStartTypes.IDENTICAL_DATA_AND_ALGORITHM, {parent.latest_tuning_job.name})
    child = tuner("child", 2, warm_start_config=config)
    child.fit(channels())
    job = child.describe()
    assert job["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
    assert "OverallBestTrainingJob" in job
    again = parent.identical_dataset_and_algorithm_tuner()
    assert again.warm_start_config.parents == {parent.latest_tuning_job.name}


def step_a_grid_of_a_first_party_algorithm():
    made = LinearLearner(
        ROLE, 1, "ml.m5.large", predictor_type="binary_classifier", epochs=2, sagemaker_session=session
    )
    tuned = HyperparameterTuner(
        made,
        "validation:objective_loss",
        {"optimizer": CategoricalParameter(["adam", "sgd"]), "loss": CategoricalParameter(["logistic", "hinge_loss"])},
        objective_type="Minimize",
        strategy="Grid",
        max_jobs=4,
        max_parallel_jobs=2,
    )
    tuned.fit([made.record_set(FEATURES, LABELS), made.record_set(FEATURES, LABELS, channel="validation")])
    assert len(tuned.analytics().dataframe()) == 4


SCRIPT = """
import argparse, os
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
alpha = parser.parse_args().alpha
table = np.loadtxt(next(Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir()), delimiter=",")
model = Ridge(alpha=alpha).fit(table[:200, 1:], table[:200, 0])
print(f"test error: {np.mean((model.predict(table[200:, 1:]) - table[200:, 0]) ** 2):.6f};")
"""


def step_tune_a_script():
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "fit.py"
        entry.write_text(SCRIPT)
        made = SKLearn(
            str(entry), framework_version="1.2-1", role=ROLE, instance_type="ml.m5.large", sagemaker_session=session
        )
        tuned = HyperparameterTuner(
            made,
            "test:error",
            {"alpha": ContinuousParameter(0.01, 100, scaling_type="Logarithmic")},
            metric_definitions=[{"Name": "test:error", "Regex": "test error: ([0-9.]+);"}],
            objective_type="Minimize",
            max_jobs=3,
            max_parallel_jobs=2,
            base_tuning_job_name="script",
        )
        tuned.fit({"train": channels()["train"]})
    table = tuned.analytics().dataframe()
    assert len(table) == 3
    assert table["FinalObjectiveValue"].between(0, 1).all()


def step_stop_and_attach():
    made = tuner("stopped", 50)
    made.fit(channels(), wait=False)
    made.stop_tuning_job()
    made.wait()
    attached = HyperparameterTuner.attach(made.latest_tuning_job.name, sagemaker_session=session)
    assert attached.describe()["HyperParameterTuningJobStatus"] == "Stopped"


def step_an_objective_that_is_no_metric_is_refused():
    made = HyperparameterTuner(xgboost(), "validation:speed", {"eta": ContinuousParameter(0.1, 0.2)}, max_jobs=1)
    assert "validation:speed is none of" in error_of(lambda: made.fit(channels()))


if __name__ == "__main__":
    main(globals())
