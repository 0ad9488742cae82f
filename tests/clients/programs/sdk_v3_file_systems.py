"""Training from EFS and FSx for Lustre with the SageMaker Python SDK v3's ModelTrainer."""

from __future__ import annotations

import contextlib
import io
import os
import time
from pathlib import Path

import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import FileSystemDataSource, OutputDataConfig
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, Networking
from steps import error_of, main

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
EFS = "fs-0123456789abcdef0"
FILES = Path(os.environ["FILES"])
NETWORK = {"subnets": ["subnet-0123456789abcdef0"], "security_group_ids": ["sg-0123456789abcdef0"]}
session = Session()
bucket = session.default_bucket()
_random = np.random.default_rng(0)
FEATURES = _random.normal(size=(400, 5))
TABLE = np.column_stack([FEATURES[:, 0] > 0, FEATURES])


def trained(path, kind="EFS", system=EFS, networking=NETWORK, **options):
    made = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        base_job_name=f"v3-files-{time.time_ns() % 10**9}",
        training_image=image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
        training_input_mode="File",
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
        networking=Networking(**networking, **options) if networking else None,
        hyperparameters={"objective": "binary:logistic", "num_round": 5, "eval_metric": "auc"},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
    )
    source = FileSystemDataSource(
        file_system_id=system, file_system_type=kind, directory_path=path, file_system_access_mode="ro"
    )
    with contextlib.redirect_stdout(io.StringIO()):
        made.train([InputData(channel_name="train", data_source=source, content_type="text/csv")], wait=True, logs=True)
    job = made._latest_training_job
    job.refresh()
    assert job.training_job_status == "Completed"
    return {item.metric_name: item.value for item in job.final_metric_data_list}


def step_xgboost_on_efs():
    folder = FILES / "v3"
    folder.mkdir()
    np.savetxt(folder / "rows.csv", TABLE, delimiter=",")
    assert trained("/v3")["train:auc"] > 0.95
    assert trained("/v3", enable_network_isolation=True)["train:auc"] > 0.95


def step_lustre_linked_to_s3():
    client = session.boto_session.client("fsx")
    lines = io.StringIO()
    np.savetxt(lines, TABLE, delimiter=",")
    session.boto_session.client("s3").put_object(Bucket=bucket, Key="v3/rows.csv", Body=lines.getvalue().encode())
    made = client.create_file_system(
        FileSystemType="LUSTRE",
        StorageCapacity=1200,
        SubnetIds=NETWORK["subnets"],
        LustreConfiguration={"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 125},
    )["FileSystem"]
    system, mount = made["FileSystemId"], made["LustreConfiguration"]["MountName"]
    client.create_data_repository_association(
        FileSystemId=system, FileSystemPath="/ns1", DataRepositoryPath=f"s3://{bucket}/v3"
    )
    assert trained(f"/{mount}/ns1", "FSxLustre", system)["train:auc"] > 0.95
    text = error_of(lambda: trained("/fsx/ns1", "FSxLustre", system))
    assert f"/{mount}" in text, text


def step_wrong_input():
    text = error_of(lambda: trained("/nothing"))
    assert "ClientError: Unable to mount file system" in text, text
    text = error_of(lambda: trained("/v3", networking=None))
    assert "VpcConfig" in text, text


if __name__ == "__main__":
    main(globals())
