"""`sagewright run`: whose exit status, which server, what children find."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.command import SAGEWRIGHT, Sagewright
from clients.examples import EXAMPLES, breast_cancer
from clients.harness import python_of

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=none"
)
IDENTITY = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"


@pytest.fixture
def sagewright(tmp_path: Path) -> Iterator[Sagewright]:
    command = Sagewright(tmp_path / "data")
    yield command
    command("down")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sagewright]:
    """One with a server that stays up."""
    command = Sagewright(tmp_path_factory.mktemp("kept") / "data")
    assert command("up", "--detach").returncode == 0
    yield command
    command("down")


def gone(pid: int) -> bool:
    """Whether a process has ended; its entry may stay until its parent has looked."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_exit_status_is_the_commands_own(sagewright: Sagewright, script: str, status: int) -> None:
    done = sagewright("run", "--", "sh", "-c", f"cat {sagewright.data_dir}/server.json; {script}")
    assert done.returncode == status, done.stderr
    assert gone(json.loads(done.stdout)["pid"])
    assert sagewright.server() is None


def test_uses_the_server_that_is_there(kept: Sagewright) -> None:
    running = kept.server()
    assert running is not None
    done = kept("run", "sh", "-c", "echo $AWS_ENDPOINT_URL")
    assert (done.returncode, done.stdout) == (0, f"{running['url']}\n")
    assert kept.server() == running
    refused = kept("run", "--port", "1", "--", "true")
    assert refused.returncode == 1
    assert f"is on port {running['port']}, not 1" in refused.stderr


def test_two_at_once_share_a_server_until_the_last_ends(sagewright: Sagewright, tmp_path: Path) -> None:
    script = "cat {data}/server.json; touch {mark}; while [ ! -e {go} ]; do sleep 0.05; done; cat {data}/server.json"
    runs = []
    for name in ("first", "second"):
        text = script.format(data=sagewright.data_dir, mark=tmp_path / f"{name}.up", go=tmp_path / f"{name}.go")
        runs.append(sagewright.start("run", "--", "sh", "-c", text))
    deadline = time.monotonic() + 30
    while not all((tmp_path / f"{name}.up").exists() for name in ("first", "second")):
        assert all(process.poll() is None for process in runs)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running = sagewright.server()
    assert running is not None
    for name, process in zip(("first", "second"), runs, strict=True):
        assert sagewright.server() == running
        (tmp_path / f"{name}.go").touch()
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert output == json.dumps(running) * 2
    assert gone(running["pid"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(sagewright: Sagewright, number: signal.Signals) -> None:
    code = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: (print('caught', flush=True), sys.exit(5)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)\n"
    )
    words = [*SAGEWRIGHT, "run", "--", sys.executable, "-c", code]
    # A session of its own: no terminal, whose Ctrl-C would reach the command anyway.
    with subprocess.Popen(
        words, env=sagewright.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        running = sagewright.server()
        process.send_signal(number)
        assert process.stdout.read() == "caught\n"
        assert process.wait(30) == 5
    assert running is not None
    assert gone(running["pid"])


def test_children_need_no_endpoint_and_no_credentials(kept: Sagewright) -> None:
    code = (
        "import boto3, urllib.request\n"
        "print(boto3.client('sts').get_caller_identity()['Account'])\n"
        "print(boto3.client('sts', endpoint_url='https://sts.eu-west-1.amazonaws.com').get_caller_identity()['Account'])\n"
        f"request = urllib.request.Request('{IDENTITY}', headers={{'Authorization': '{AUTHORIZATION}'}})\n"
        "print('GetCallerIdentityResult' in urllib.request.urlopen(request).read().decode())\n"
        "s3 = boto3.client('s3', endpoint_url='https://s3.us-east-1.amazonaws.com')\n"
        "s3.create_bucket(Bucket='run-bucket')\n"
        "s3.put_object(Bucket='run-bucket', Key='key', Body=b'x' * 100000)\n"
        "print(s3.get_object(Bucket='run-bucket', Key='key')['ContentLength'])\n"
    )
    done = kept("run", "--", str(python_of("boto3")), "-c", code)
    assert done.stdout.split() == ["000000000000", "000000000000", "True", "100000"], done.stderr


@pytest.mark.slow
def test_boto3_example(kept: Sagewright) -> None:
    done = kept("run", "--", str(python_of("boto3")), str(EXAMPLES / "xgboost_boto3.py"), breast_cancer())
    assert done.returncode == 0, done.stderr
    status, *_, accuracy, _on, count, _rows = done.stdout.split()
    assert (status, count) == ("Completed", "69")
    assert float(accuracy) > 0.9


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(kept: Sagewright) -> None:
    done = kept("run", "--", "curl", "-sS", "--fail", "-H", f"Authorization: {AUTHORIZATION}", IDENTITY)
    assert "<Account>000000000000</Account>" in done.stdout, done.stderr


NODE = """
const https = require("node:https");
const [url, authorization] = process.argv.slice(1);
const headers = { authorization };
const ask = (agent) => new Promise((resolve, reject) => {
  https.get(url, { agent, headers }, (answer) => {
    let text = "";
    answer.on("data", (chunk) => (text += chunk)).on("end", () => resolve(/<Account>([0-9]+)/.exec(text)[1]));
  }).on("error", reject);
});
(async () => {
  const agent = new https.Agent({ keepAlive: true });
  console.log(await ask(), await ask(agent), await ask(agent), await ask(false));
  agent.destroy();
  console.log((await fetch(url, { headers })).status);
})();
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node(kept: Sagewright) -> None:
    done = kept("run", "--", "node", "-e", NODE, IDENTITY, AUTHORIZATION)
    assert done.stdout.split() == ["000000000000"] * 4 + ["200"], done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_without_the_proxy(kept: Sagewright) -> None:
    code = "delete process.env.https_proxy; delete process.env.HTTPS_PROXY; console.log(typeof https.get, typeof fetch)"
    done = kept("run", "--", "node", "-e", f"const https = require('https'); {code}")
    assert done.stdout == "function function\n", done.stderr


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Modules with the names that the hook knows, one that it does not, and a sitecustomize of the user's."""
    files = {
        "sagemaker/__init__.py": "",
        "sagemaker/session.py": "import time\n",
        "sagemaker/local/__init__.py": "import time\n",
        "sagemaker_core/__init__.py": "",
        "sagemaker_core/main/__init__.py": "",
        "sagemaker_core/main/resources.py": "import time\n",
        "sitecustomize.py": "import builtins\nbuiltins.customised = True\n",
    }
    for name, text in files.items():
        file = tmp_path / "packages" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "packages"


PAUSES = """
import builtins, inspect, json, sys, time
import sagemaker.local, sagemaker.session, sagemaker_core.main.resources as resources
def took(module):
    begin = time.perf_counter()
    module.time.sleep(0.8)
    return time.perf_counter() - begin < 0.7
clock = sagemaker.session.time.time
begin = clock()
real = time.time()
took(sagemaker.session)
print(json.dumps({
    "short": [took(sagemaker.session), took(resources), took(sagemaker.local), took(sys.modules[__name__])],
    "looks": clock() - begin > 5,
    "others": resources.time.time() - real < 5,
    "deadline": abs(clock() - time.time()) < 0.5,
    "rest": sagemaker.session.time.gmtime is time.gmtime,
    "source": inspect.getsource(sagemaker.session),
    "customised": getattr(builtins, "customised", False),
    "path": [entry for entry in sys.path if "hooks" in entry],
}))
"""


@pytest.mark.parametrize("keep", [False, True])
def test_pauses(kept: Sagewright, packages: Path, keep: bool) -> None:
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH"))))
    command = Sagewright(kept.data_dir, {"PYTHONPATH": path})
    done = command("run", *(["--keep-pauses"] if keep else []), "--", sys.executable, "-c", PAUSES)
    found = json.loads(done.stdout)
    assert found == {
        "short": [not keep, not keep, False, False],
        "looks": not keep,
        "others": True,
        "deadline": True,
        "rest": True,
        "source": "import time\n",
        "customised": True,
        "path": [],
    }
