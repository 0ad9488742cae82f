"""Processing jobs by boto3 against a real server: real scripts, inputs and outputs in S3, ends of every kind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker_journey import ROLE, Journey, journey

from sagewright.runtime import sandbox

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CODE = "/opt/ml/processing/input/code"

SPLIT = """
import argparse, json, os, sys
from pathlib import Path
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--test-size", type=float)
size = parser.parse_args().test_size
base = Path("/opt/ml/processing")
rows = [line for file in sorted((base / "input/rows").iterdir()) for line in file.read_text().splitlines()]
names = (base / "input/names/names.txt").read_text().split()
train, test = train_test_split(rows, test_size=size, random_state=0)
(base / "train/part-0.csv").write_text("\\n".join([",".join(names), *train]))
(base / "test/nested").mkdir()
(base / "test/nested/part-0.csv").write_text("\\n".join(test))
config = json.loads(Path("/opt/ml/config/processingjobconfig.json").read_text())
hosts = json.loads(Path("/opt/ml/config/resourceconfig.json").read_text())
(base / "input/rows/mine.txt").write_text("inputs can be written to")
print("job", config["ProcessingJobName"], "of", hosts, "mode", os.environ["MODE"])
Path("/opt/ml/output/message").write_text(f"{len(train)} + {len(test)} rows")
"""
SHARE = """
import json, os, socket
from pathlib import Path

host = json.loads(Path("/opt/ml/config/resourceconfig.json").read_text())["current_host"]
seen = sorted(file.name for file in Path("/opt/ml/processing/input/rows").iterdir())
Path(f"/opt/ml/processing/out/{host}.json").write_text(json.dumps(seen))
Path("/opt/ml/output/message").write_text(f"{host}: {len(seen)}. ")
socket.getaddrinfo("algo-1", 80), socket.getaddrinfo("algo-2", 80)
"""
CONTINUOUS = """
import time
from pathlib import Path

Path("/opt/ml/processing/out/first.txt").write_text("there before the end")
print("written", flush=True)
time.sleep(600)
"""
PIPED = """
import os
rows = open("/opt/ml/processing/input/rows_0", "rb").read()
open("/opt/ml/processing/out/rows.txt", "wb").write(rows)
"""
SCRIPTS = {
    "split.py": SPLIT,
    "share.py": SHARE,
    "continuous.py": CONTINUOUS,
    "piped.py": PIPED,
    "raises.py": "import pathlib\npathlib.Path('/opt/ml/processing/out/half').write_text('x')\nraise ValueError('no')",
    "says.py": "open('/opt/ml/output/message', 'w').write('bad rows: 3'); raise SystemExit(3)",
    "binary.py": "open('/opt/ml/output/message', 'wb').write(bytes([255, 254, 0]))",
    "killed.py": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "network.py": "import os, socket; socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 5)",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sandbox.probe().program, reason="scripts name /opt/ml, which needs bubblewrap"),
]


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server")) as made:
        made.s3.create_bucket(Bucket="journey")
        for number in range(4):
            body = "".join(f"{number},{row}\n" for row in range(10)).encode()
            made.s3.put_object(Bucket="journey", Key=f"rows/{number}.csv", Body=body)
        made.s3.put_object(Bucket="journey", Key="names/names.txt", Body=b"number row")
        for name, text in SCRIPTS.items():
            made.s3.put_object(Bucket="journey", Key=f"code/{name}", Body=text.encode())
        yield made


def source(name: str, key: str, **members: str) -> dict[str, Any]:
    place = {"S3Uri": f"s3://journey/{key}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**place, "LocalPath": f"/opt/ml/processing/input/{name}", **members}}


def target(name: str, key: str, mode: str = "EndOfJob") -> dict[str, Any]:
    place = {"S3Uri": f"s3://journey/{key}", "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": place}


def start(trip: Journey, name: str, script: str, count: int = 1, **changes: Any) -> str:
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": count, "VolumeSizeInGB": 1}
    request = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", f"{CODE}/{script}"],
            **changes.pop("App", {}),
        },
        "ProcessingResources": {"ClusterConfig": cluster},
        "ProcessingInputs": [source("code", f"code/{script}"), *changes.pop("Inputs", [])],
        "ProcessingOutputConfig": {"Outputs": changes.pop("Outputs", [])},
        **changes,
    }
    return str(trip.sagemaker.create_processing_job(**request)["ProcessingJobArn"])


def ended(trip: Journey, name: str) -> dict[str, Any]:
    trip.sagemaker.get_waiter("processing_job_completed_or_stopped")
    return trip.until(
        lambda: trip.sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda job: job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"),
    )


def text(trip: Journey, key: str) -> str:
    return str(trip.s3.get_object(Bucket="journey", Key=key)["Body"].read().decode())


def keys(trip: Journey, prefix: str) -> list[str]:
    return [each["Key"] for each in trip.s3.list_objects_v2(Bucket="journey", Prefix=prefix).get("Contents", [])]


def test_two_inputs_and_two_outputs(trip: Journey) -> None:
    start(
        trip,
        "split",
        "split.py",
        App={"ContainerArguments": ["--test-size", "0.25"]},
        Inputs=[source("rows", "rows/"), source("names", "names/names.txt")],
        Outputs=[target("train", "split/train"), target("test", "split/test/")],
        Environment={"MODE": "careful"},
    )
    waiter = trip.sagemaker.get_waiter("processing_job_completed_or_stopped")
    begin = time.monotonic()
    waiter.wait(ProcessingJobName="split")
    assert time.monotonic() - begin < 55, "the waiter's own pauses are 60 s"
    job = ended(trip, "split")
    assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == ("Completed", "30 + 10 rows"), job
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert keys(trip, "split/") == ["split/test/nested/part-0.csv", "split/train/part-0.csv"]
    assert text(trip, "split/train/part-0.csv").splitlines()[0] == "number,row"
    assert len(text(trip, "split/test/nested/part-0.csv").splitlines()) == 10
    (line,) = [line for line in trip.log("/aws/sagemaker/ProcessingJobs", "split/algo-1-") if line.startswith("job")]
    assert line == "job split of {'current_host': 'algo-1', 'hosts': ['algo-1']} mode careful"
    assert trip.s3.head_object(Bucket="journey", Key="rows/0.csv")["ContentLength"] == 40, "S3's own file is untouched"


def test_several_instances_share_the_objects(trip: Journey) -> None:
    rows = source("rows", "rows/", S3DataDistributionType="ShardedByS3Key")
    start(trip, "share", "share.py", count=2, Inputs=[rows], Outputs=[target("out", "share")])
    job = ended(trip, "share")
    assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == ("Completed", "algo-1: 2. algo-2: 2. "), job
    seen = [json.loads(text(trip, f"share/algo-{number}.json")) for number in (1, 2)]
    assert sorted(seen[0] + seen[1]) == [f"{number}.csv" for number in range(4)]


def test_a_continuous_output_is_there_while_the_job_runs_and_a_stop_ends_it(trip: Journey) -> None:
    start(trip, "continuous", "continuous.py", Outputs=[target("out", "continuous", "Continuous")])
    trip.until(lambda: keys(trip, "continuous/"), lambda found: found == ["continuous/first.txt"])
    assert trip.sagemaker.describe_processing_job(ProcessingJobName="continuous")["ProcessingJobStatus"] == "InProgress"
    trip.sagemaker.stop_processing_job(ProcessingJobName="continuous")
    assert ended(trip, "continuous")["ProcessingJobStatus"] == "Stopped"


def test_the_limit_of_time(trip: Journey) -> None:
    start(trip, "late", "continuous.py", Outputs=[target("out", "late")], StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = ended(trip, "late")
    assert job["ProcessingJobStatus"] == "Stopped"


def test_an_input_as_a_pipe(trip: Journey) -> None:
    rows = source("rows", "rows/", S3InputMode="Pipe")
    start(trip, "piped", "piped.py", Inputs=[rows], Outputs=[target("out", "piped")])
    job = ended(trip, "piped")
    assert job["ProcessingJobStatus"] == "Completed", job
    assert len(text(trip, "piped/rows.txt").splitlines()) == 40


@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        ("raises.py", "AlgorithmError: See job logs for more information, exit code: 1", None),
        ("says.py", "AlgorithmError: See job logs for more information, exit code: 3", "bad rows: 3"),
        ("binary.py", "ClientError: The exit message in /opt/ml/output/message is not UTF-8 encoded.", None),
        (
            "killed.py",
            "AlgorithmError: killed by SIGKILL (out of memory, or killed from outside), exit code: 137",
            None,
        ),
    ],
)
def test_a_failure_says_why(trip: Journey, script: str, reason: str, message: str | None) -> None:
    name = script.partition(".")[0]
    start(trip, name, script, Outputs=[target("out", f"failed/{name}")])
    job = ended(trip, name)
    assert (job["ProcessingJobStatus"], job["FailureReason"], job.get("ExitMessage")) == ("Failed", reason, message)
    assert keys(trip, f"failed/{name}") == [], "a failed job stores nothing at its end"
    if script == "raises.py":
        assert "ValueError: no" in trip.log("/aws/sagemaker/ProcessingJobs", f"{name}/algo-1-")


def test_an_input_that_is_not_there(trip: Journey) -> None:
    start(trip, "absent", "split.py", Inputs=[source("rows", "nowhere/")])
    job = ended(trip, "absent")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed")
    assert "s3://journey/nowhere/" in job["FailureReason"]


def test_network_isolation(trip: Journey) -> None:
    port = {"PORT": str(trip.server.port)}
    start(trip, "open", "network.py", Environment=port)
    start(trip, "isolated", "network.py", Environment=port, NetworkConfig={"EnableNetworkIsolation": True})
    assert ended(trip, "open")["ProcessingJobStatus"] == "Completed"
    assert ended(trip, "isolated")["ProcessingJobStatus"] == "Failed"
    said = "\n".join(trip.log("/aws/sagemaker/ProcessingJobs", "isolated/algo-1-"))
    assert "Error" in said


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    script = "import time\nfor second in range(4):\n    print('second', second, flush=True)\n    time.sleep(1)\n"
    script += "open('/opt/ml/processing/out/done', 'w').write('done')\n"
    with journey(tmp_path / "data") as trip:
        trip.s3.create_bucket(Bucket="journey")
        trip.s3.put_object(Bucket="journey", Key="code/slow.py", Body=script.encode())
        start(trip, "slow", "slow.py", Outputs=[target("out", "slow")])
        trip.until(
            lambda: trip.log("/aws/sagemaker/ProcessingJobs", "slow/"), lambda lines: any("1" in each for each in lines)
        )
        trip.server.kill()
        trip.server.start()
        assert ended(trip, "slow")["ProcessingJobStatus"] == "Completed"
        assert text(trip, "slow/done") == "done"
        lines = trip.log("/aws/sagemaker/ProcessingJobs", "slow/")
        assert [line for line in lines if line.startswith("second")] == [f"second {number}" for number in range(4)]
