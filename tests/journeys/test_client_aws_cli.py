"""More of the AWS CLI: what scripts do with s3, s3api, presign, sagemaker and logs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients.command import clean_environment
from clients.harness import python_of

pytestmark = pytest.mark.slow

Shell = Callable[..., str]


@pytest.fixture
def shell(sagewright_server: Any, tmp_path: Path) -> Shell:
    environment = {
        **clean_environment(),
        "PATH": f"{python_of('aws_cli').parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": sagewright_server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "B": f"s3://cli-{os.getpid()}",
        "NAME": f"cli-{os.getpid()}",
    }

    def run(script: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + (done.stderr if fails else "")

    return run


def test_s3(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    (folder / "deep").mkdir(parents=True)
    for name, size in (("a", 1000), ("deep/b", 2000), ("large", 9_000_000)):
        (folder / name).write_bytes(os.urandom(size))
    shell("aws s3 mb $B; aws s3 cp --quiet --recursive here $B/x/")
    listed = shell("aws s3 ls --recursive --summarize $B")
    assert "Total Objects: 3" in listed
    assert "Total Size: 9003000" in listed
    assert "Total Size: 8.6 MiB" in shell("aws s3 ls --recursive --summarize --human-readable $B")
    shell("aws s3 mv --quiet $B/x/a $B/y/a; aws s3 cp --quiet $B/x/large $B/y/large --metadata one=1,two=2")
    assert shell("aws s3 ls $B/y/ | awk '{print $3, $4}'").split("\n")[:2] == ["1000 a", "9000000 large"]
    assert json.loads(shell("aws s3api head-object --bucket $NAME --key y/a"))["ContentLength"] == 1000
    head = shell("aws s3api head-object --bucket $NAME --key y/large --query Metadata")
    assert json.loads(head) == {"one": "1", "two": "2"}
    assert shell("printf streamed | aws s3 cp - $B/stream; aws s3 cp $B/stream -") == "streamed"
    shell("rm here/deep/b; aws s3 sync --quiet --delete --exclude 'large' here $B/x")
    assert shell("aws s3 ls --recursive $B/x/ | awk '{print $4}'").split() == ["x/a", "x/large"]
    shell("aws s3 sync --quiet $B/y there; cmp there/large here/large; cmp there/a here/a")
    url = shell("aws s3 presign $B/y/a --expires-in 60").strip()
    assert shell(f"python3 -c \"import urllib.request as u; print(len(u.urlopen('{url}').read()))\"") == "1000\n"
    shell("aws s3 rm --quiet --recursive $B; aws s3 rb $B")
    assert "NoSuchBucket" in shell("aws s3 ls $B", fails=True)


def test_s3api(shell: Shell) -> None:
    shell("aws s3api create-bucket --bucket $NAME-api > /dev/null; printf one > body")
    put = json.loads(shell("aws s3api put-object --bucket $NAME-api --key k --body body --tagging a=b"))
    assert put["ETag"] == '"f97c5d29941bfb1b2fdab0874906ab82"'
    assert json.loads(shell("aws s3api get-object-tagging --bucket $NAME-api --key k"))["TagSet"] == [
        {"Key": "a", "Value": "b"}
    ]
    keys = "aws s3api list-objects-v2 --bucket $NAME-api --query 'Contents[].Key' --output text"
    assert shell(keys) == "k\n"
    shell('aws s3api get-object --bucket $NAME-api --key k --range bytes=1-2 out; test "$(cat out)" = ne')
    assert "(NoSuchKey)" in shell("aws s3api get-object --bucket $NAME-api --key none out", fails=True)
    shell("aws s3api delete-objects --bucket $NAME-api --delete 'Objects=[{Key=k}]'; aws s3 rb $B-api")


def test_logs(shell: Shell) -> None:
    shell(
        "aws logs create-log-group --log-group-name $NAME;"
        "aws logs create-log-stream --log-group-name $NAME --log-stream-name one;"
        "for text in first 'the ERROR' last; do aws logs put-log-events --log-group-name $NAME --log-stream-name one "
        '--log-events "timestamp=$(date +%s000),message=$text" > /dev/null; done'
    )
    events = "aws logs get-log-events --log-group-name $NAME --log-stream-name one --start-from-head"
    assert [event["message"] for event in json.loads(shell(events))["events"]] == ["first", "the ERROR", "last"]
    filtered = shell("aws logs filter-log-events --log-group-name $NAME --filter-pattern ERROR")
    assert [event["message"] for event in json.loads(filtered)["events"]] == ["the ERROR"]
    found = shell("aws logs filter-log-events --log-group-name $NAME --query 'events[].message' --output text")
    assert found.rstrip("\n").split("\t") == ["first", "the ERROR", "last"]
    shell("aws logs delete-log-group --log-group-name $NAME")
    assert "(ResourceNotFoundException)" in shell("aws logs describe-log-streams --log-group-name $NAME", fails=True)


def test_sagemaker(shell: Shell) -> None:
    assert json.loads(shell("aws sagemaker list-training-jobs --name-contains none-such"))["TrainingJobSummaries"] == []
    wrong = shell("aws sagemaker wait training-job-completed-or-stopped --training-job-name none", fails=True)
    assert "Waiter TrainingJobCompletedOrStopped failed" in wrong
    assert "NotImplemented" in shell("aws sagemaker list-clusters", fails=True)
