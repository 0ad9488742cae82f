"""The inference half of FrameworkSuite: what the container of a framework does around a user's model and functions.

The contract: https://github.com/aws/sagemaker-inference-toolkit and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from sagewright.testing.algorithm_processes import (
    DEADLINE,
    Run,
    Server,
    environment,
    free_port,
    is_up,
    wait_until,
)
from sagewright.testing.framework_training import tar, write

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
_MODEL = "def model_fn(model_dir):\n    return open(model_dir + '/weights.txt').read()\n"
_TELLS = (
    _MODEL
    + """
import json, os, signal, sys, time
import helper

def input_fn(request_body, content_type):
    if content_type == "a/broken":
        raise ValueError("cannot read this")
    return {"body": repr(request_body), "content_type": content_type}

def predict_fn(data, model, context):
    what = data["body"]
    if "raise" in what:
        raise KeyError("cannot predict")
    if "exit" in what:
        os._exit(7)
    if "kill" in what:
        os.kill(os.getpid(), signal.SIGKILL)
    if "leave" in what:
        sys.exit("gave up")
    if "status" in what:
        error = LookupError("no such thing")
        error.status_code = 404
        raise error
    if "wait" in what:
        time.sleep(1 if "short" in what else 60)
    header = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
    return {**data, "model": model, "helper": helper.NAME, "pid": os.getpid(), "header": header}

def output_fn(prediction, accept):
    if accept == "a/nothing":
        return None
    return json.dumps({**prediction, "accept": accept}), "application/x-own"
"""
)
_HELPER = "NAME = 'helper of the source'\n"
_ALL = {"inference.py": _TELLS, "helper.py": _HELPER}


class FrameworkServingSuite:
    """name: of the framework on the command line; the author supplies it."""

    name: str

    @classmethod
    def instance(cls, folder: Path, code: Mapping[str, str] = _ALL) -> Path:
        """/opt/ml of an endpoint's instance; the model's archive brought code with it."""
        write(folder, "model/weights.txt", "the weights")
        for name, text in code.items():
            write(folder, f"model/code/{name}", text)
        return folder

    @classmethod
    def server_command(cls) -> list[str]:
        return [sys.executable, "-m", "sagewright_frameworks", cls.name, "serve"]

    @classmethod
    def settings(cls, base: Path, given: Mapping[str, str]) -> dict[str, str]:
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        place = {"PATH": path, "SAGEMAKER_BIND_TO_HOST": "127.0.0.1", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
        return environment(base, {**place, **given})

    @classmethod
    @contextmanager
    def serving(cls, base: Path, **given: str) -> Iterator[Server]:
        """A server that is up. given: environment variables."""
        port = free_port()
        env = cls.settings(base, {"SAGEMAKER_BIND_TO_PORT": str(port), **given})
        with (base / "serve.log").open("w") as log:
            process = subprocess.Popen(cls.server_command(), env=env, stdout=log, stderr=subprocess.STDOUT, text=True)
        server = Server(port, process)
        try:
            wait_until(lambda: is_up(server), process)
            yield server
        finally:
            process.terminate()
            process.wait(DEADLINE)

    @classmethod
    def refused(cls, base: Path, **given: str) -> Run:
        """A server that does not come up."""
        env = cls.settings(base, {"SAGEMAKER_BIND_TO_PORT": str(free_port()), **given})
        done = subprocess.run(
            cls.server_command(),
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 1, done.stdout
        return Run(base, done.returncode, done.stdout)

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with cls.serving(cls.instance(tmp_path_factory.mktemp("serving"))) as server:
            yield server

    # What the user's functions get, and what becomes of what they return.

    def test_functions_of_the_user(self, server: Server) -> None:
        status, content_type, body = server.invoke(b"1,2", CSV, "text/plain")
        told = json.loads(body)
        assert (status, content_type) == (200, "application/x-own")
        assert told.pop("pid") in server.workers()
        assert told == {
            "body": "'1,2'",
            "content_type": CSV,
            "accept": "text/plain",
            "model": "the weights",
            "helper": "helper of the source",
            "header": None,
        }

    def test_text_is_decoded_and_the_rest_stays_bytes(self, server: Server) -> None:
        bodies = {kind: json.loads(server.invoke(b"[1]", kind)[2])["body"] for kind in (JSON, CSV, NPY, "image/png")}
        assert bodies == {JSON: "'[1]'", CSV: "'[1]'", NPY: "b'[1]'", "image/png": "b'[1]'"}

    def test_what_is_taken_where_the_request_does_not_say(self, server: Server) -> None:
        told = json.loads(server.invoke(b"{}")[2])
        assert (told["content_type"], told["accept"]) == (JSON, JSON)
        assert json.loads(server.invoke(b"{}", accept="*/*")[2])["accept"] == JSON

    def test_accept_of_the_endpoint(self, tmp_path: Path) -> None:
        with self.serving(self.instance(tmp_path), SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=CSV) as server:
            assert json.loads(server.invoke(b"{}", accept="*/*")[2])["accept"] == CSV

    def test_transform_fn(self, tmp_path: Path) -> None:
        script = _MODEL + "def transform_fn(model, body, content_type, accept):\n    return f'{model} {body}', 'a/b'\n"
        with self.serving(self.instance(tmp_path, {"serve.py": script}), SAGEMAKER_PROGRAM="serve.py") as server:
            assert server.invoke(b"words", CSV) == (200, "a/b", b"the weights words")

    def test_a_source_beside_the_model(self, tmp_path: Path) -> None:
        base = self.instance(tmp_path, {})
        (base / "input/source").mkdir(parents=True)
        (base / "input/source/sourcedir.tar.gz").write_bytes(tar({"deep/own.py": _TELLS, "helper.py": _HELPER}))
        where = {"SAGEMAKER_PROGRAM": "deep/own.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/x/sourcedir.tar.gz"}
        with self.serving(base, **where) as server:
            assert json.loads(server.invoke(b"")[2])["helper"] == "helper of the source"

    def test_shared_libraries_of_the_models_archive(self, tmp_path: Path) -> None:
        script = (
            "import os\ndef model_fn(model_dir):\n    return sorted(os.listdir(model_dir))\n"
            "def transform_fn(model, *_):\n"
            "    path = os.environ['LD_LIBRARY_PATH'].split(':')[0]\n    return [model, os.listdir(path)], 'a/b'\n"
        )
        base = self.instance(tmp_path, {"inference.py": script})
        write(base, "model/shared_libs/libown.so", "")
        for _ in range(2):  # and after the server was started anew
            with self.serving(base) as server:
                assert json.loads(server.invoke(b"")[2]) == [["code", "weights.txt"], ["libown.so"]]

    # HTTP.

    def test_other_paths_and_methods(self, server: Server) -> None:
        assert server.get("/ping") == (200, b"")
        assert server.get("/nowhere")[0] == 404
        assert server.get("/invocations")[0] == 405
        status, body = server.get("/execution-parameters")
        assert status == 200
        assert json.loads(body)["MaxConcurrentTransforms"] == 1

    def test_too_large(self, tmp_path: Path) -> None:
        with self.serving(self.instance(tmp_path), SAGEMAKER_MAX_PAYLOAD_IN_MB="1") as server:
            assert server.invoke(bytes(2**20), "a/b")[0] == 200
            status, _, body = server.invoke(bytes(2**20 + 1), "a/b")
            assert (status, json.loads(body)["type"]) == (413, "RequestEntityTooLargeException")

    def test_workers_answer_at_the_same_time(self, tmp_path: Path) -> None:
        with self.serving(self.instance(tmp_path), SAGEMAKER_MODEL_SERVER_WORKERS="2") as server:
            wait_until(lambda: (tmp_path / "serve.log").read_text() and len(server.workers()) == 2, server.process)
            found: list[int] = []
            asking = threading.Thread(target=lambda: found.append(server.invoke(b"wait short", CSV)[0]))
            asking.start()
            answered = server.invoke(b"", CSV)[0]
            assert (answered, found) == (200, []), "the second worker is free"
            asking.join()
            assert found == [200]

    def test_a_stop_lets_requests_end(self, tmp_path: Path) -> None:
        found: list[int] = []
        with self.serving(self.instance(tmp_path)) as server:
            asking = threading.Thread(target=lambda: found.append(server.invoke(b"wait short", CSV)[0]))
            asking.start()
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(DEADLINE) == 0
            asking.join()
        assert found == [200]
        assert "Traceback" not in (tmp_path / "serve.log").read_text()

    # Errors of requests.

    def test_an_exception_is_the_answers_body(self, server: Server) -> None:
        status, _, body = server.invoke(b"", "a/broken")
        first, *trace = body.decode().splitlines()
        assert (status, first) == (500, "cannot read this")
        assert trace[0] == "Traceback (most recent call last):"
        assert 'raise ValueError("cannot read this")' in body.decode()
        assert "/sagewright_frameworks/" not in body.decode(), "of the toolkit nothing is shown"
        status, _, body = server.invoke(b"raise", CSV)
        assert (status, body.splitlines()[-1]) == (500, b"KeyError: 'cannot predict'")
        assert server.invoke(b"leave", CSV)[0] == 500
        assert server.invoke(b"", CSV)[0] == 200

    def test_an_exception_with_a_status(self, server: Server) -> None:
        status, _, body = server.invoke(b"status", CSV)
        assert (status, body.splitlines()[0]) == (404, b"no such thing")

    def test_nothing_returned(self, server: Server) -> None:
        status, _, body = server.invoke(b"", accept="a/nothing")
        assert status == 500
        assert b"output_fn returned None" in body

    def test_text_that_is_none(self, server: Server) -> None:
        status, _, body = server.invoke(b"\xff", CSV)
        assert status == 500
        assert b"UnicodeDecodeError" in body

    @pytest.mark.parametrize(("what", "how"), [("exit", "exit code 7"), ("kill", "killed by SIGKILL")])
    def test_a_worker_that_dies_is_replaced(self, server: Server, what: str, how: str) -> None:
        before = server.workers()
        status, _, body = server.invoke(what.encode(), CSV)
        assert (status, json.loads(body)) == (
            500,
            {"code": 500, "type": "InternalServerException", "message": f"Worker died: {how}."},
        )
        assert server.invoke(b"", CSV)[0] == 200, "which waits for the next"
        assert not server.workers() & before
        assert server.get("/ping")[0] == 200

    def test_a_worker_that_takes_too_long_is_replaced(self, tmp_path: Path) -> None:
        with self.serving(self.instance(tmp_path), SAGEMAKER_MODEL_SERVER_TIMEOUT="2") as server:
            status, _, body = server.invoke(b"wait", CSV)
            assert status == 500
            assert "no answer within 2 s (SAGEMAKER_MODEL_SERVER_TIMEOUT)" in json.loads(body)["message"]
            assert server.invoke(b"", CSV)[0] == 200

    def test_a_worker_that_does_not_come_up_again_is_tried_anew(self, tmp_path: Path) -> None:
        weights = tmp_path / "model/weights.txt"
        with self.serving(self.instance(tmp_path), SAGEMAKER_MODEL_SERVER_TIMEOUT="1") as server:
            weights.rename(tmp_path / "away")
            assert server.invoke(b"kill", CSV)[0] == 500
            assert server.invoke(b"", CSV)[0] == 503
            assert server.get("/ping")[0] == 503
            (tmp_path / "away").rename(weights)
            wait_until(lambda: is_up(server), server.process)
            assert server.invoke(b"", CSV)[0] == 200
        assert "A worker did not come up: exit code 1." in (tmp_path / "serve.log").read_text()

    # Endpoints that cannot come up.

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("def broken(:\n", "SyntaxError: "),
            ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
            ("def model_fn(model_dir):\n    return open(model_dir + '/no-such.bin')\n", "FileNotFoundError: [Errno 2]"),
            ("import sys\nsys.exit('gave up')\n", "gave up"),
            (_MODEL + "input_fn = transform_fn = print\n", "ValueError: Cannot use transform_fn implementation in"),
        ],
    )
    def test_what_cannot_be_loaded(self, tmp_path: Path, script: str, words: str) -> None:
        done = self.refused(self.instance(tmp_path, {"inference.py": script}), SAGEMAKER_PROGRAM="inference.py")
        assert done.failure.startswith("ClientError: ")
        assert words in done.failure
        assert words in done.log
        assert len(done.failure) < 800

    def test_the_lines_that_raised_are_told(self, tmp_path: Path) -> None:
        script = "def model_fn(model_dir):\n    inner()\ndef inner():\n    raise RuntimeError('no such model')\n"
        done = self.refused(self.instance(tmp_path, {"inference.py": script}))
        assert "in inner\n    raise RuntimeError('no such model')\nRuntimeError: no such model" in done.failure
        assert "/sagewright_frameworks/" not in done.failure
        assert "Traceback (most recent call last):" in done.log

    def test_a_loading_process_that_is_killed(self, tmp_path: Path) -> None:
        script = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
        done = self.refused(self.instance(tmp_path, {"inference.py": script}))
        assert done.failure.startswith("ClientError: A process that was to hold the model ended while it loaded it")
        assert "killed by SIGKILL" in done.failure

    def test_a_model_without_the_program(self, tmp_path: Path) -> None:
        done = self.refused(self.instance(tmp_path, {"other.py": ""}), SAGEMAKER_PROGRAM="inference.py")
        assert done.failure == (
            "ClientError: SAGEMAKER_PROGRAM is inference.py, and the source has none; it has other.py."
        )
        none = self.refused(self.instance(tmp_path / "none", {}), SAGEMAKER_PROGRAM="inference.py")
        assert none.failure == "ClientError: SAGEMAKER_PROGRAM is inference.py, and the model brings no code."

    def test_a_setting_that_is_no_number(self, tmp_path: Path) -> None:
        done = self.refused(self.instance(tmp_path), SAGEMAKER_MODEL_SERVER_WORKERS="many")
        assert done.failure == "ClientError: SAGEMAKER_MODEL_SERVER_WORKERS is many, and must be a whole number."
