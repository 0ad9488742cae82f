"""up, down, status, env, ops and doctor as processes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.command import SAGEWRIGHT, Sagewright
from sagewright.testing.server import running_server


@pytest.fixture
def sagewright(tmp_path: Path) -> Iterator[Sagewright]:
    command = Sagewright(tmp_path / "data")
    yield command
    command("down")


def test_up_in_the_foreground_until_sigterm(sagewright: Sagewright) -> None:
    with sagewright.start("up") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        running = sagewright.server()
        assert running is not None
        assert running["pid"] == process.pid
        assert line.startswith("Sagewright ")
        assert f" is up at {running['url']}. " in line
        assert 'eval "$(sagewright env)"' in line
        second = sagewright("up")
        assert second.returncode == 1
        assert f"is in use by the server with pid {process.pid}" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout.read() == ""
    assert sagewright.server() is None


def test_detach_status_down(sagewright: Sagewright) -> None:
    up = sagewright("up", "--detach")
    assert up.returncode == 0, up.stderr
    running = sagewright.server()
    assert running is not None
    assert running["url"] in up.stdout
    assert sagewright("up", "--detach").returncode == 1
    status = sagewright("status")
    assert status.returncode == 0, status.stderr
    assert f"{running['url']}, pid {running['pid']}, up " in status.stdout
    assert "training jobs  none" in status.stdout
    assert "endpoints      none" in status.stdout
    down = sagewright("down")
    assert (down.returncode, down.stdout) == (0, f"the server with pid {running['pid']} has ended\n")
    assert sagewright.server() is None
    again = sagewright("down")
    assert (again.returncode, again.stdout) == (0, f"no server is running on {sagewright.data_dir}\n")
    assert sagewright("status").returncode == 1


def test_taken_port(sagewright: Sagewright, tmp_path: Path) -> None:
    with running_server(tmp_path / "other") as other:
        port = str(other.port)
        for words in (["up"], ["up", "--detach"]):
            refused = sagewright(*words, "--port", port)
            assert refused.returncode == 1
            assert f"port {port} is taken by another program" in refused.stderr
        sagewright.settings = {"SAGEWRIGHT_PORT": port}
        for words in (["env"], ["run", "--", "true"]):
            refused = sagewright(*words)
            assert refused.returncode == 1
            assert "keeps its data in another folder" in refused.stderr


def test_a_port_stands_for_its_server(sagewright: Sagewright, tmp_path: Path) -> None:
    with running_server(tmp_path / "other") as other:
        done = sagewright("run", "--port", str(other.port), "--", "sh", "-c", "echo $AWS_ENDPOINT_URL")
        assert done.stdout == f"{other.url}\n", done.stderr
        assert f"AWS_ENDPOINT_URL={other.url}\n" in sagewright("env", "--port", str(other.port)).stdout
        assert other.url in sagewright("status", "--port", str(other.port)).stdout
        assert sagewright("down", "--port", str(other.port)).returncode == 0


def test_after_kill_9_the_folder_is_free(sagewright: Sagewright) -> None:
    assert sagewright("up", "--detach").returncode == 0
    running = sagewright.server()
    assert running is not None
    os.kill(running["pid"], signal.SIGKILL)
    status = sagewright("status")
    assert "no server is running" in status.stderr
    assert sagewright("up", "--detach").returncode == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_env_for_a_shell(sagewright: Sagewright) -> None:
    assert sagewright("up", "--detach").returncode == 0
    script = (
        f'eval "$({shlex.join(SAGEWRIGHT)} env)" && echo "$AWS_ENDPOINT_URL $HTTPS_PROXY" && test -f "$AWS_CA_BUNDLE" '
        '&& exec curl -sS -o /dev/null -w "%{http_code}" https://sts.us-east-1.amazonaws.com/'
    )
    done = subprocess.run(
        ["sh", "-c", script], env=sagewright.environment, capture_output=True, text=True, timeout=60, check=False
    )
    running = sagewright.server()
    assert running is not None
    urls, code = done.stdout.split("\n")
    assert urls == f"{running['url']} http://127.0.0.1:{running['proxy_port']}"
    assert code == "404", done.stderr  # there is no operation at GET /, and a server that says so
    variables = json.loads(sagewright("env", "--shell", "json").stdout)
    assert variables["AWS_ENDPOINT_URL"] == running["url"]


def test_ops(tmp_path: Path) -> None:
    sagewright = Sagewright(tmp_path / "data")
    table = sagewright("ops").stdout
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line}
    assert int(rows["sts"][0]) >= 6
    assert int(rows["sagemaker"][2]) > 100
    listed = sagewright("ops", "sts").stdout
    assert "  GetCallerIdentity\n" in listed.split("not implemented")[0]
    assert "  AssumeRoot\n" in listed.split("not implemented")[1]
    shown = sagewright("ops", "show", "sagemaker", "CreateTrainingJob").stdout
    assert shown.startswith("sagemaker CreateTrainingJob: behaves\ndef create_training_job(")
    assert "  TrainingJobName: string (min 1, max 63), required\n" in shown
    assert "  TrainingJobArn: string" in shown.split("response")[1]
    missing = sagewright("ops", "show", "kinesis", "PutRecord").stdout
    assert missing.startswith("kinesis PutRecord: not implemented\n")
    for words in (["ops", "nothing"], ["ops", "show", "s3", "Nothing"], ["ops", "a", "b"]):
        refused = sagewright(*words)
        assert refused.returncode == 1
        assert refused.stderr.startswith("sagewright ops: ")
    assert not sagewright.data_dir.exists()


def test_doctor_says_what_to_install(tmp_path: Path) -> None:
    whole = Sagewright(tmp_path / "data")("doctor").stdout
    assert whole.startswith("ok  python ")
    bare = Sagewright(tmp_path / "data", {"PATH": str(tmp_path)})("doctor")
    assert bare.returncode == 1
    assert "no  sandbox      bubblewrap is not installed" in bare.stdout
    assert "apt-get install bubblewrap" in bare.stdout
    assert "neither docker nor podman" in bare.stdout
