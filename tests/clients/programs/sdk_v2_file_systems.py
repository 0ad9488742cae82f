"""Training from EFS and FSx for Lustre with the SageMaker Python SDK v2.

FILES is where the machine has the EFS file system mounted, as an EC2 instance would.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import numpy as np
import sagemaker
from sagemaker import KMeans, image_uris
from sagemaker.amazon.amazon_estimator import FileSystemRecordSet
from sagemaker.amazon.common import write_numpy_to_dense_tensor
from sagemaker.estimator import Estimator
from sagemaker.inputs import FileSystemInput, TrainingInput
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
EFS = "fs-0123456789abcdef0"
VPC = {"subnets": ["subnet-0123456789abcdef0"], "security_group_ids": ["sg-0123456789abcdef0"]}
FILES = Path(os.environ["FILES"])
session = sagemaker.Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
POINTS = (_random.normal(size=(150, 4)) + 4 * np.repeat(np.eye(4)[:3], 50, axis=0)).astype("float32")
FEATURES = _random.normal(size=(400, 5)).astype("float32")
LABELS = (FEATURES[:, 0] > 0).astype("float32")
TABLE = "".join(",".join(f"{x:g}" for x in row) + "\n" for row in np.column_stack([LABELS, FEATURES]))


def described(made):
    return session.describe_training_job(made.latest_training_job.name)


def fit(made, *arguments, **options):
    """What the SDK printed of the job's log."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        made.fit(*arguments, **options)
    assert described(made)["TrainingJobStatus"] == "Completed"
    return printed.getvalue()


def linear(instances=1, **options):
    image = image_uris.retrieve("linear-learner", session.boto_region_name)
    made = Estimator(image, ROLE, instances, "ml.m5.large", sagemaker_session=session, **{**VPC, **options})
    made.set_hyperparameters(predictor_type="binary_classifier", mini_batch_size=50, epochs=5)
    return made


def accuracy(made):
    found = {item["MetricName"]: item["Value"] for item in described(made)["FinalMetricDataList"]}
    return found["validation:binary_classification_accuracy"]


def step_kmeans_on_a_record_set():
    folder = FILES / "kmeans"
    folder.mkdir()
    with (folder / "points.pbr").open("wb") as file:
        write_numpy_to_dense_tensor(file, POINTS)
    made = KMeans(ROLE, 1, "ml.m5.large", k=3, sagemaker_session=session, **VPC)
    records = FileSystemRecordSet(EFS, "EFS", "/kmeans", num_records=len(POINTS), feature_dim=4)
    assert "#metrics" in fit(made, records, mini_batch_size=50)
    source = described(made)["InputDataConfig"][0]["DataSource"]["FileSystemDataSource"]
    assert source["DirectoryPath"] == "/kmeans"


def step_linear_learner_on_efs_and_s3_on_two_instances():
    (FILES / "table").mkdir()
    (FILES / "table" / "rows.csv").write_text(TABLE)
    session.upload_string_as_file_body(TABLE, bucket, "validation/rows.csv")
    made = linear(2)
    channels = {
        "train": FileSystemInput(EFS, "EFS", "/table", "ro", "text/csv"),
        "validation": TrainingInput(f"s3://{bucket}/validation", content_type="text/csv"),
    }
    fit(made, channels)
    assert accuracy(made) > 0.9


def step_lustre_linked_to_s3():
    for number in range(4):
        session.upload_string_as_file_body(TABLE, bucket, f"lake/part-{number}.csv")
    client = session.boto_session.client("fsx")
    lustre = {"DeploymentType": "SCRATCH_2", "ImportPath": f"s3://{bucket}/lake"}
    system = client.create_file_system(
        FileSystemType="LUSTRE", StorageCapacity=1200, SubnetIds=VPC["subnets"], LustreConfiguration=lustre
    )["FileSystem"]
    name = system["FileSystemId"]
    while client.describe_file_systems(FileSystemIds=[name])["FileSystems"][0]["Lifecycle"] != "AVAILABLE":
        pass
    path = f"/{system['LustreConfiguration']['MountName']}/lake"
    logs = []
    for _ in range(2):
        made = linear(enable_network_isolation=True)
        logs.append(
            fit(
                made,
                {each: FileSystemInput(name, "FSxLustre", path, "ro", "text/csv") for each in ("train", "validation")},
            )
        )
        assert accuracy(made) > 0.9
    assert f"4 of the 4 objects of s3://{bucket}/lake/ " in logs[0]
    assert f"0 of the 4 objects of s3://{bucket}/lake/ " in logs[1]
    client.delete_file_system(FileSystemId=name)


def step_wrong_input():
    def error(path, kind="EFS", **options):
        made = linear(**options)
        return error_of(lambda: made.fit({"train": FileSystemInput(EFS, kind, path)}, logs="None"))

    assert "Unable to mount file system: " + EFS + ", directory path: /nothing" in error("/nothing")
    assert "Its FileSystemType is EFS, not FSxLustre" in error("/table", "FSxLustre")
    alone = error("/table", subnets=None, security_group_ids=None)
    assert "ValidationException" in alone, alone
    assert "VpcConfig" in alone, alone
    assert "FastFile" in error("/table", input_mode="FastFile")


if __name__ == "__main__":
    main(globals())
