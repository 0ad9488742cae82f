import json

from sagewright.runtime.observation import Failure, Step, observed
from sagewright.runtime.workload import Channel, Resources, S3Input, Upload, Workload

WORKLOAD = Workload(
    "job/1",
    "batch",
    ("python", "-m", "train"),
    env={"A": "1"},
    config={"hyperparameters": {"k": "10"}},
    channels=(Channel("train", S3Input("s3://b/p", shard=1, shards=2), compression="Gzip"),),
    uploads=(Upload("output/data", "s3://b/o", "files", on_failure=True),),
    resources=Resources(2, 2**30, 1),
    hosts={"algo-1": "127.0.0.2"},
    log_header=("one", "two"),
)


def test_a_workload_survives_json() -> None:
    assert Workload.from_json(json.loads(json.dumps(WORKLOAD.to_json()))) == WORKLOAD


def test_older_documents_are_read_with_the_defaults() -> None:
    document = {"id": "a", "kind": "service", "command": ["serve"], "resources": {"vcpus": 1, "memory": 2}}
    assert Workload.from_json(document).channels == ()


def test_channels_have_their_own_place_or_the_usual_one() -> None:
    source = S3Input("s3://b/p")
    assert Channel("train", source).folder == "input/data/train"
    assert Channel("code", source, path="processing/input/code").folder == "processing/input/code"


def test_markers_are_no_phase() -> None:
    steps = (Step(1, "Training"), Step(2, "MaxRuntimeExceeded"))
    seen = observed(WORKLOAD, steps, alive=True)
    assert seen.phase == "Training"
    assert seen.max_runtime_exceeded
    assert not seen.finished
    assert (seen.job, seen.resources) == ("job/1", WORKLOAD.resources)


def test_failure_and_exit_code_come_from_the_journal() -> None:
    steps = (
        Step(1, "Uploading", detail={"exit_code": 3}),
        Step(2, "Failed", "x, exit code: 3", {"kind": "AlgorithmError", "exit_code": 3}),
    )
    seen = observed(WORKLOAD, steps, alive=False)
    assert (seen.finished, seen.exit_code) == (True, 3)
    assert seen.failure == Failure("AlgorithmError", "x, exit code: 3")
    assert seen.failure.reason == "AlgorithmError: x, exit code: 3"


def test_nothing_yet_is_pending() -> None:
    assert observed(WORKLOAD, (), alive=True).phase == "Pending"
