"""Script mode by the SageMaker Python SDK v2, as a team's own code has it. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tarfile
import tempfile
import time
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.xgboost.estimator import XGBoost
from steps import error_of, main
from wheels import wheel

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
SCRIPTS = Path(__file__).resolve().parent / "scripts"
OFFLINE = {"PIP_NO_INDEX": "1"}
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(400, 6))
LABELS = FEATURES @ _random.normal(size=6) + _random.normal(scale=0.2, size=400) > 0


def upload(name, rows):
    text = "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)
    session.upload_string_as_file_body(text, bucket, f"scripts/{name}/rows.csv")
    return f"s3://{bucket}/scripts/{name}"


ROWS = np.column_stack([FEATURES, LABELS])
TRAIN, TEST = upload("train", ROWS[:300]), upload("test", ROWS[300:])


@contextlib.contextmanager
def source(name, wheels=False):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / name
        shutil.copytree(SCRIPTS / name, place)
        if wheels:
            wheel(place / "wheels", "pandas_free", "1.0", "NAME = 'pandas-free 1.0'\n")
        yield str(place)


def sklearn(entry, folder, **options):
    return SKLearn(
        entry,
        source_dir=folder,
        framework_version="1.2-1",
        role=ROLE,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        environment=OFFLINE,
        **options,
    )


def fit(estimator, inputs=None):
    """What the job logs."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        estimator.fit(inputs, logs=True)
    return said.getvalue()


def failure(estimator, inputs=None):
    said = error_of(lambda: fit(estimator, inputs), sagemaker.exceptions.UnexpectedStatusException)
    return said, session.describe_training_job(estimator.latest_training_job.name)["FailureReason"]


def unpacked(uri):
    folder = tempfile.mkdtemp()
    S3Downloader.download(uri, folder, sagemaker_session=session)
    with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return Path(folder)


def step_forest_with_helpers_and_requirements():
    metrics = [{"Name": "test:accuracy", "Regex": r"test-accuracy: ([0-9.]+);"}]
    with source("forest", wheels=True) as folder:
        made = sklearn(
            "train.py",
            folder,
            hyperparameters={"n-estimators": 20, "max-leaf-nodes": 30, "bootstrap": True},
            metric_definitions=metrics,
            code_location=f"s3://{bucket}/private/code",
            dependencies=[],
        )
        log = fit(made, {"train": TRAIN, "test": TEST})
    assert "Installing dependencies from requirements.txt" in log
    assert "scikit-learn 1.2" in log, "the image's version and the one here"
    assert log.count("is what runs") == 1
    assert "--bootstrap True --max-leaf-nodes 30 --n-estimators 20" in log
    job = session.describe_training_job(made.latest_training_job.name)
    assert job["FinalMetricDataList"][0]["Value"] > 0.8, job["FinalMetricDataList"]
    assert made.hyperparameters()["sagemaker_submit_directory"].startswith(f'"s3://{bucket}/private/code/')
    assert (unpacked(made.model_data) / "model.joblib").exists()
    report = json.loads((unpacked(made.model_data.replace("model.tar", "output.tar")) / "report.json").read_text())
    assert report["by"] == "pandas-free 1.0"
    check_environment(report["environment"], made.latest_training_job.name)


def check_environment(found, job):
    expected = {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_CHANNELS": '["test","train"]',
        "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
        "SM_HP_N-ESTIMATORS": "20",
        "SM_HP_BOOTSTRAP": "true",
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_NUM_GPUS": "0",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_MODULE_NAME": "train",
        "SM_USER_ENTRY_POINT": "train.py",
        "SM_LOG_LEVEL": "20",
        "SM_FRAMEWORK_MODULE": "sagemaker_sklearn_container.training:main",
        "SM_NETWORK_INTERFACE_NAME": "lo",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "TRAINING_JOB_NAME": job,
        "PIP_NO_INDEX": "1",
    }
    different = {name: found.get(name) for name in expected if found.get(name) != expected[name]}
    assert not different, different
    assert json.loads(found["SM_HPS"]) == {"n-estimators": 20, "max-leaf-nodes": 30, "bootstrap": True}
    assert json.loads(found["SM_USER_ARGS"])[:2] == ["--bootstrap", "True"]
    assert json.loads(found["SM_TRAINING_ENV"])["job_name"] == job
    assert json.loads(found["SM_RESOURCE_CONFIG"])["current_host"] == "algo-1"
    assert found["SM_MODULE_DIR"].startswith("s3://")


def step_requirements_are_installed_once():
    with source("forest", wheels=True) as folder:
        log = fit(sklearn("train.py", folder, hyperparameters={"n-estimators": 3}), {"train": TRAIN, "test": TEST})
    assert "Installing dependencies" not in log
    assert "test-accuracy" in log


def step_xgboost_with_checkpoints():
    name = f"s3://{bucket}/checkpoints/{time.time_ns()}"

    def boost(rounds):
        made = XGBoost(
            "boost.py",
            source_dir=str(SCRIPTS / "boost"),
            framework_version="1.7-1",
            role=ROLE,
            instance_count=1,
            instance_type="ml.m5.large",
            sagemaker_session=session,
            hyperparameters={"num_round": rounds, "eta": 0.3, "objective": "binary:logistic"},
            checkpoint_s3_uri=name,
        )
        return fit(made, {"train": TrainingInput(TRAIN, content_type="text/csv")}), made

    log, _ = boost(3)
    assert "begun at 0" in log
    assert "rows=300 rounds=3" in log
    log, made = boost(5)
    assert "begun at 3" in log
    assert "rows=300 rounds=5" in log
    assert (unpacked(made.model_data) / "xgboost-model").exists()


def step_estimator_with_a_shell_script():
    image = sagemaker.image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1")
    made = Estimator(
        image,
        ROLE,
        1,
        "ml.m5.large",
        entry_point="train.sh",
        source_dir=str(SCRIPTS / "shell"),
        sagemaker_session=session,
        hyperparameters={"words": "two words", "n": 1},
    )
    log = fit(made)
    assert "shell got: -n 1 --words two words" in log
    assert (unpacked(made.model_data) / "done.txt").read_text() == "done\n"


def step_incremental_training_on_spot_instances():
    """From an earlier model, in the channel ``model``."""

    def shell(**options):
        image = sagemaker.image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1")
        folder = str(SCRIPTS / "shell")
        return Estimator(
            image,
            ROLE,
            1,
            "ml.m5.large",
            entry_point="train.sh",
            source_dir=folder,
            sagemaker_session=session,
            **options,
        )

    first = shell()
    fit(first)
    second = shell(model_uri=first.model_data, use_spot_instances=True, max_run=600, max_wait=900)
    log = fit(second)
    assert "begins with: model.tar.gz" in log
    assert "Managed Spot Training savings: " in log
    job = session.describe_training_job(second.latest_training_job.name)
    assert job["EnableManagedSpotTraining"]
    assert job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]


def step_network_isolation():
    """The SDK brings the source in a channel then."""
    if shutil.which("bwrap") is None:
        return
    with source("forest", wheels=True) as folder:
        made = sklearn("train.py", folder, enable_network_isolation=True, hyperparameters={"n-estimators": 3})
        log = fit(made, {"train": TRAIN, "test": TEST})
    assert made.hyperparameters()["sagemaker_submit_directory"] == '"/opt/ml/input/data/code/sourcedir.tar.gz"'
    assert "test-accuracy" in log


def step_two_instances_run_the_script_both():
    with source("forest", wheels=True) as folder:
        made = sklearn("train.py", folder, instance_count=1, hyperparameters={"n-estimators": 3})
        made.instance_count = 2  # the SDK has scikit-learn on one only; the API does not mind
        log = fit(made, {"train": TRAIN, "test": TEST})
    assert log.count("test-accuracy: ") == 2
    assert "algo-2" in log


def step_a_script_that_raises():
    said, reason = failure(sklearn("raises.py", str(SCRIPTS / "ends"), hyperparameters={"value": "seven"}))
    assert "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage" in said
    assert 'in work\n    raise ValueError(f"cannot work with {value}")' in reason, reason
    assert "ValueError: cannot work with seven" in reason
    assert "raises.py --value seven" in reason
    assert reason.endswith('", exit code: 1')


def step_syntax_and_import_errors():
    with source("ends") as folder:
        (Path(folder) / "syntax.txt").rename(Path(folder) / "syntax.py")
        _, reason = failure(sklearn("syntax.py", folder))
    assert "SyntaxError" in reason
    assert "def broken(:" in reason
    _, reason = failure(sklearn("imports.py", str(SCRIPTS / "ends")))
    assert "ModuleNotFoundError: No module named 'not_there_at_all'" in reason


def step_a_script_killed_by_a_signal():
    _, reason = failure(sklearn("killed.py", str(SCRIPTS / "ends")))
    assert "ExitCode 139" in reason
    assert "Process killed by SIGSEGV (signal 11)" in reason


def step_a_script_with_its_own_word():
    _, reason = failure(sklearn("speaks.py", str(SCRIPTS / "ends")))
    assert reason == "AlgorithmError: the script's own words, exit code: 1"


def step_no_such_script_in_the_source():
    made = sklearn("raises.py", str(SCRIPTS / "ends"))
    job = request(made, sagemaker_program="train.py")
    assert "ExecuteUserScriptError" in job["FailureReason"]
    assert "The source has no train.py; it has " in job["FailureReason"]
    assert "killed.py" in job["FailureReason"]


def step_requirements_that_do_not_resolve():
    with source("forest") as folder:
        _, reason = failure(sklearn("train.py", folder, hyperparameters={"n-estimators": 4}), {"train": TRAIN})
    assert "AlgorithmError: InstallRequirementsError:" in reason
    assert "No matching distribution found for pandas-free==1.0" in reason
    assert "put its wheel into " in reason
    assert "/wheels, or into a folder wheels beside requirements.txt" in reason


def step_a_tar_that_climbs_out():
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        member = tarfile.TarInfo("../../outside.py")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"1\n"))
    boto3.client("s3").put_object(Bucket=bucket, Key="scripts/climbs/sourcedir.tar.gz", Body=raw.getvalue())
    made = sklearn("raises.py", str(SCRIPTS / "ends"))
    job = request(made, sagemaker_submit_directory=f"s3://{bucket}/scripts/climbs/sourcedir.tar.gz")
    assert job["FailureReason"].startswith("ClientError: Failed to extract s3://"), job["FailureReason"]
    assert "outside.py" in job["FailureReason"]


def request(made, **hyperparameters):
    """The estimator's job with other hyperparameters than the SDK would send; Describe's answer at its end."""
    made._prepare_for_training()
    client = boto3.client("sagemaker")
    name = f"changed-{time.time_ns()}"
    client.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": made.training_image_uri(), "TrainingInputMode": "File"},
        HyperParameters={
            **made.hyperparameters(),
            **{key: json.dumps(value) for key, value in hyperparameters.items()},
        },
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.1)
    return job


def step_a_framework_that_is_not_installed():
    tensorflow = sagemaker.image_uris.retrieve(
        "tensorflow", session.boto_region_name, "2.14", instance_type="ml.m5.large", image_scope="training"
    )
    made = Estimator(
        tensorflow,
        ROLE,
        1,
        "ml.m5.large",
        entry_point="raises.py",
        source_dir=str(SCRIPTS / "ends"),
        sagemaker_session=session,
    )
    _, reason = failure(made)
    assert reason.startswith("ClientError: TensorFlow is not installed in the Python that runs scripts ("), reason
    assert "-m pip install tensorflow" in reason


if __name__ == "__main__":
    main(globals())
