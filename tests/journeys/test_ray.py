"""Jobs and endpoints on a Ray cluster of two nodes, through the API."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import GROUP, ROLE, Journey, journey

from clients.command import SAGEWRIGHT, clean_environment

if importlib.util.find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install 'sagewright[ray]'", allow_module_level=True)

from ray_cluster import two_nodes

SCRIPTS = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
EPOCHS = """
import time
from pathlib import Path

kept = Path("/opt/ml/checkpoints")
first = len(list(kept.glob("*")))
print("begins at", first, flush=True)
for epoch in range(first, first + 20 if first else 6000):
    time.sleep(0.1)
    (kept / f"{epoch:02}").write_text("done")
"""
LARGE = {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
_NUMBERS = itertools.count(3)
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        scripted = str(Path(__file__).parent / "scripted")  # nodes must have what jobs run
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [scripted, os.environ.get("PYTHONPATH", "")])))
        with two_nodes() as (_, cluster):
            yield cluster


@pytest.fixture(scope="module")
def on_ray(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    settings = {"SAGEWRIGHT_BACKEND": "ray", "SAGEWRIGHT_RAY_ADDRESS": cluster.address}
    with journey(tmp_path_factory.mktemp("ray"), **settings) as made:
        made.s3.create_bucket(Bucket="journey")
        rows = b"".join(b"%d,%d,%d\n" % (a * 2 + b, a, b) for a in range(30) for b in range(30))
        made.s3.put_object(Bucket="journey", Key="train/rows.csv", Body=rows)
        yield made


def of_xgboost(count: int = 1, instance: str = "ml.m5.large") -> dict[str, Any]:
    return {
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": instance, "InstanceCount": count, "VolumeSizeInGB": 1},
        "objective": "reg:squarederror",
        "num_round": 10,
    }


def xgboost(on_ray: Journey, name: str, count: int = 1, instance: str = "ml.m5.large") -> dict[str, Any]:
    on_ray.train(name, **of_xgboost(count, instance))
    return on_ray.trained(name)


def test_xgboost_trains_and_serves(on_ray: Journey) -> None:
    job = xgboost(on_ray, "one")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "train:rmse" in {each["MetricName"] for each in job["FinalMetricDataList"]}
    assert any("reserved on a Ray cluster" in line for line in on_ray.log(GROUP, "one/"))
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    on_ray.deploy("e", model, XGBOOST, InstanceType="ml.m5.large", InitialInstanceCount=2)
    on_ray.in_service("e")
    for _ in range(4):
        answer = on_ray.runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=b"10,5")
        assert float(answer["Body"].read()) == pytest.approx(25, abs=5)
    on_ray.sagemaker.delete_endpoint(EndpointName="e")


def test_several_instances_have_a_node_each(on_ray: Journey) -> None:
    """Two jobs at a time: on each node an instance of both."""
    names = ["two", "two-others"]
    for name in names:
        on_ray.train(name, **of_xgboost(2))
    for name in names:
        job = on_ray.trained(name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        on_ray.s3.head_object(Bucket="journey", Key=f"output/{name}/output/model.tar.gz")
        for host in ("algo-1", "algo-2"):
            assert any("ml.m5.large" in line for line in on_ray.log(GROUP, f"{name}/{host}"))


@pytest.mark.parametrize(
    ("instance", "count", "why"),
    [
        ("ml.m5.24xlarge", 1, "No node of the Ray cluster can hold ml.m5.24xlarge (96 vCPU, 384 GiB). Its largest"),
        ("ml.g5.xlarge", 1, "No node of the Ray cluster can hold ml.g5.xlarge (4 vCPU, 16 GiB, 1 GPU)"),
        ("ml.m5.large", 20, "The Ray cluster cannot hold 20 instances at once"),
    ],
)
def test_what_no_node_can_hold_is_said_at_once(on_ray: Journey, instance: str, count: int, why: str) -> None:
    job = xgboost(on_ray, f"big-{instance.split('.')[1]}-{count}", count, instance)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: {why}")


def test_an_endpoint_that_no_node_can_hold(on_ray: Journey) -> None:
    on_ray.sagemaker.create_model(ModelName="big", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "a", "ModelName": "big", "InstanceType": "ml.m5.24xlarge", "InitialInstanceCount": 1}
    on_ray.sagemaker.create_endpoint_config(EndpointConfigName="too-big", ProductionVariants=[variant])
    on_ray.sagemaker.create_endpoint(EndpointName="too-big", EndpointConfigName="too-big")
    on_ray.until(lambda: on_ray.status("too-big"), lambda status: status == "Failed")
    described = on_ray.sagemaker.describe_endpoint(EndpointName="too-big")
    assert "No node of the Ray cluster can hold ml.m5.24xlarge" in described["FailureReason"]


def test_jobs_wait_while_the_cluster_is_busy(on_ray: Journey) -> None:
    large = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    names = ["busy-1", "busy-2", "busy-3"]
    for name in names:
        on_ray.train(name, lines=600, seconds=0.1, ResourceConfig=large)
    on_ray.until(lambda: secondary(on_ray, "busy-2"), lambda status: status == "Training")
    on_ray.until(lambda: secondary(on_ray, "busy-3"), lambda status: status == "Pending")
    time.sleep(0.5)
    assert secondary(on_ray, "busy-3") == "Pending"
    on_ray.sagemaker.stop_training_job(TrainingJobName="busy-1")
    on_ray.until(lambda: secondary(on_ray, "busy-3"), lambda status: status == "Training")
    for name in names[1:]:
        on_ray.sagemaker.stop_training_job(TrainingJobName=name)
    for name in names:
        assert on_ray.trained(name)["TrainingJobStatus"] == "Stopped"


def test_a_killed_server_goes_on(on_ray: Journey) -> None:
    on_ray.train("killed", lines=4, seconds=1, model="made through it")
    on_ray.until(lambda: secondary(on_ray, "killed"), lambda status: status == "Training")
    on_ray.kill_and_restart(away=1.5)
    job = on_ray.trained("killed")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = [line for line in on_ray.log(GROUP, "killed/") if line.startswith("line ")]
    assert [line[5] for line in lines] == ["0", "1", "2", "3"]


@pytest.fixture
def larger(cluster: Any) -> Iterator[Callable[[], Any]]:
    """Adds a node on which alone there is room for an ml.m5.4xlarge; those that are left go at the end."""
    made = []

    def add() -> Any:
        size = {"num_cpus": 32, "memory": 128 * 2**30, "object_store_memory": 80 * 2**20}
        made.append(cluster.add_node(**size, node_ip_address=f"127.0.1.{next(_NUMBERS)}"))
        time.sleep(2.5)  # the server looks once a second
        return made[-1]

    yield add
    for node in made:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


def started(on_ray: Journey, name: str, *source: str, **changes: Any) -> None:
    """A job on a larger node."""
    on_ray.train(name, *source, ResourceConfig=LARGE, **changes)
    on_ray.until(lambda: secondary(on_ray, name), lambda status: status == "Training")


def test_a_job_whose_node_is_lost_fails(on_ray: Journey, cluster: Any, larger: Callable[[], Any]) -> None:
    node = larger()
    started(on_ray, "lost", lines=1200, seconds=0.1)
    assert on_ray.agents("-lost-")
    cluster.remove_node(node, allow_graceful=False)
    job = on_ray.trained("lost")
    assert job["TrainingJobStatus"] == "Failed"
    assert re.fullmatch(
        r"InternalServerError: The node 127\.0\.1\.\d+ of the Ray cluster was lost while it ran this instance\.",
        job["FailureReason"],
    )
    on_ray.until(lambda: on_ray.agents("-lost-"), lambda left: not left)


def test_a_job_whose_node_is_lost_resumes_from_its_checkpoint(
    on_ray: Journey, cluster: Any, larger: Callable[[], Any]
) -> None:
    node = larger()
    on_ray.s3.put_object(Bucket="journey", Key="code/train.py", Body=EPOCHS.encode())
    started(
        on_ray,
        "resumes",
        "s3://journey/code/",
        AlgorithmSpecification={
            "TrainingImage": SCRIPTS,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/train/train.py"],
        },
        CheckpointConfig={"S3Uri": "s3://journey/checkpoints/resumes"},
        RetryStrategy={"MaximumRetryAttempts": 2},
    )
    on_ray.until(lambda: stored(on_ray, "checkpoints/resumes/"), lambda keys: len(keys) > 2)
    larger()
    cluster.remove_node(node, allow_graceful=False)
    job = on_ray.trained("resumes")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    begins = [line for line in on_ray.log(GROUP, "resumes/") if line.startswith("begins")]
    assert len(begins) == 2
    assert int(begins[1].split()[-1]) > 1


def test_an_endpoints_instance_whose_node_is_lost_is_replaced(
    on_ray: Journey, cluster: Any, larger: Callable[[], Any]
) -> None:
    job = xgboost(on_ray, "serves")
    node = larger()
    on_ray.deploy("serves", job["ModelArtifacts"]["S3ModelArtifacts"], XGBOOST, InstanceType="ml.m5.4xlarge")
    on_ray.in_service("serves")
    larger()
    cluster.remove_node(node, allow_graceful=False)
    on_ray.until(lambda: predicted(on_ray, "serves"), lambda answer: answer is None)
    on_ray.until(lambda: predicted(on_ray, "serves"), lambda answer: answer == pytest.approx(25, abs=5))
    assert on_ray.status("serves") == "InService"
    assert on_ray.agents("endpoint-")
    on_ray.sagemaker.delete_endpoint(EndpointName="serves")
    on_ray.until(lambda: on_ray.agents("endpoint-"), lambda left: not left)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1: Connection refused. Start one with `ray start --head`"),
        ("nowhere.invalid:6379", "no Ray cluster at nowhere.invalid:6379: "),
    ],
)
def test_no_cluster_at_the_address(tmp_path: Path, address: str, why: str) -> None:
    command = [*SAGEWRIGHT, "up", "--port", "0", "--data-dir", str(tmp_path), "--backend", "ray"]
    done = subprocess.run(
        [*command, "--ray-address", address], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert why in done.stderr


def predicted(on_ray: Journey, endpoint: str) -> float | None:
    """None where nobody answers."""
    try:
        answer = on_ray.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"10,5")
    except ClientError:
        return None
    return float(answer["Body"].read())


def stored(on_ray: Journey, prefix: str) -> list[str]:
    return [each["Key"] for each in on_ray.s3.list_objects_v2(Bucket="journey", Prefix=prefix).get("Contents", [])]


def secondary(on_ray: Journey, name: str) -> str:
    return str(on_ray.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"])
