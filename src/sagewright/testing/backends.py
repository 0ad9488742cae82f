"""BackendSuite: what every backend must do, with real processes and a small S3 beside it.

    class TestMyBackend(BackendSuite):
        def new_backend(self, data_dir):
            return MyBackend(data_dir)

What a backend declares that it lacks (Capabilities) is skipped. LifecycleSuite is the part that needs no processes.
"""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from sagewright.runtime.backend import Backend, Signal, UnknownWorkload, Unsupported
from sagewright.runtime.observation import Observation
from sagewright.runtime.workload import Resources, Upload, Workload
from sagewright.testing.backend_groups import GroupTests
from sagewright.testing.backend_inputs import SERVER, SHOW, Bench, InputTests, python, tar
from sagewright.testing.backend_lazy import LazyFolderTests
from sagewright.testing.backend_limits import LimitTests
from sagewright.testing.backend_pipes import PipeTests
from sagewright.testing.backend_setup import SetupTests
from sagewright.testing.s3_stub import S3Stub

_OUT = (Upload("model", "s3://bucket/out"),)


class LifecycleSuite(Bench):
    """The part for every backend; scripted ones override lasting, brief, serving and tick."""

    def test_unknown_ids_are_refused(self, backend: Backend) -> None:
        with pytest.raises(UnknownWorkload):
            backend.observe("nobody")
        with pytest.raises(UnknownWorkload):
            backend.signal("nobody", "stop")
        with pytest.raises(UnknownWorkload):
            backend.logs("nobody")
        backend.remove("nobody")

    def test_a_batch_goes_its_way(self, backend: Backend, s3: S3Stub) -> None:
        seen = self.finish(backend, self.brief("a"))
        assert [step.name for step in seen.steps] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert [step.at for step in seen.steps] == sorted(step.at for step in seen.steps)
        assert (seen.exit_code, seen.failure, seen.kind, seen.job) == (0, None, "batch", "a")
        assert backend.observe("a") == seen or not backend.observe("a").alive

    @pytest.mark.parametrize("how", ["stop", "kill", "interrupt"])
    def test_a_batch_is_stopped(self, backend: Backend, how: Signal) -> None:
        backend.launch(self.lasting("a"))
        self.until(backend, "a", lambda _: "begun" in self.printed(backend, "a"))
        backend.signal("a", how)
        seen = self.until(backend, "a", lambda seen: seen.finished)
        assert seen.phase == "Stopped"
        assert not seen.max_runtime_exceeded
        backend.signal("a", "stop")
        assert backend.observe("a").phase == "Stopped"

    def test_logs_go_on_from_an_offset(self, backend: Backend) -> None:
        backend.launch(self.brief("a"))
        self.until(backend, "a", lambda _: "begun" in self.printed(backend, "a"))
        _, offset = backend.logs("a")
        self.until(backend, "a", lambda seen: seen.finished)
        lines, offset = backend.logs("a", offset)
        assert [line.text for line in lines] == ["done"]
        assert backend.logs("a", offset) == ([], offset)

    def test_a_service_serves_until_it_is_stopped(self, backend: Backend) -> None:
        backend.launch(self.serving("s"))
        seen = self.until(backend, "s", lambda seen: seen.phase == "InService")
        assert seen.alive
        assert seen.address.startswith("127.")
        backend.signal("s", "stop")
        assert self.until(backend, "s", lambda seen: seen.finished).phase == "Stopped"

    def test_addresses_for_workloads_to_be(self, backend: Backend) -> None:
        found = backend.addresses([f"w-{number}" for number in range(20)])
        assert len(set(found)) == 20
        assert all(address.startswith("127.") and address != "127.0.0.1" for address in found)

    def test_launch_recover_and_remove(self, backend: Backend) -> None:
        for name in ("a", "b", "a"):
            backend.launch(self.lasting(name))
        assert sorted(backend.recover()) == ["a", "b"]
        backend.remove("a")
        assert backend.recover() == ["b"]
        with pytest.raises(UnknownWorkload):
            backend.observe("a")


class BackendSuite(LifecycleSuite, InputTests, LazyFolderTests, PipeTests, LimitTests, GroupTests, SetupTests):
    """Inherit, and say how a backend is made (new_backend)."""

    def test_remove_leaves_nothing(self, real: Backend, data_dir: Path) -> None:
        real.launch(Workload("a", "batch", python("import time; time.sleep(60)")))
        self.until(real, "a", lambda seen: seen.phase == "Training")
        real.remove("a")
        assert real.recover() == []
        with pytest.raises(UnknownWorkload):
            real.observe("a")
        for folder in (data_dir, self.agents(data_dir)):
            assert not list((folder / "work").glob("*"))

    def test_launched_twice_runs_once(self, real: Backend, data_dir: Path) -> None:
        workload = Workload("twice", "batch", python("print('once')"))
        real.launch(workload)
        self.new_backend(data_dir).launch(workload)
        real.launch(workload)
        self.until(real, "twice", lambda seen: seen.finished and not seen.alive)
        self.new_backend(data_dir).launch(workload)
        time.sleep(0.1)
        assert self.printed(real, "twice")[-1:] == ["once"]
        assert [step.name for step in real.observe("twice").steps].count("Starting") == 1

    def test_ids_of_any_form(self, real: Backend) -> None:
        for name in ("a/b:c é", "../x", "x" * 200):
            assert self.finish(real, Workload(name, "batch", python("pass"))).phase == "Completed"
            assert name in real.recover()

    # A batch to its end

    def test_batch_completes(self, real: Backend, s3: S3Stub) -> None:
        code = SHOW + (
            "open(base + '/model/m', 'w').write(os.environ['HELLO'])\nprint(open(base + '/input/config/h.json').read())"
        )
        workload = Workload(
            "ok",
            "batch",
            python(code),
            env={"HELLO": "there"},
            config={"h": {"k": "1"}},
            uploads=_OUT,
            log_header=("#",),
        )
        seen = self.finish(real, workload)
        names = [step.name for step in seen.steps]
        assert names == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert (seen.exit_code, seen.failure) == (0, None)
        assert s3.members("out/model.tar.gz") == {"m": b"there"}
        assert self.printed(real, "ok")[0] == "#"
        assert self.printed(real, "ok")[-1] == '{"k": "1"}'

    @pytest.mark.parametrize(
        ("written", "code", "reason"),
        [
            ("", 3, "AlgorithmError: , exit code: 3"),
            ("it broke", 1, "AlgorithmError: it broke, exit code: 1"),
            ("ClientError: your fault", 2, "ClientError: your fault"),
            ("CustomerError: bad value", 2, "ClientError: bad value"),
            ("AlgorithmError: no", 1, "AlgorithmError: no, exit code: 1"),
        ],
    )
    def test_failures_are_explained(self, real: Backend, written: str, code: int, reason: str) -> None:
        script = SHOW + f"open(base + '/output/failure', 'w').write({written!r}); raise SystemExit({code})"
        seen = self.finish(real, Workload("bad", "batch", python(script)))
        assert seen.failure is not None
        assert (seen.phase, seen.exit_code, seen.failure.reason) == ("Failed", code, reason)

    def test_signals_are_named(self, real: Backend) -> None:
        seen = self.finish(real, Workload("segv", "batch", python("import os; os.kill(os.getpid(), 11)")))
        assert seen.failure is not None
        assert seen.failure.reason == "AlgorithmError: killed by SIGSEGV, exit code: 139"

    def test_a_command_that_is_not_there(self, real: Backend) -> None:
        seen = self.finish(real, Workload("none", "batch", ("/no/such/program",)))
        assert seen.phase == "Failed"

    def test_output_is_uploaded_after_a_failure_where_asked(self, real: Backend, s3: S3Stub) -> None:
        code = SHOW + "open(base + '/output/data/x', 'w').write('1'); raise SystemExit(1)"
        output = Upload("output/data", "s3://bucket/out", name="output.tar.gz", on_failure=True, skip_empty=True)
        self.finish(real, Workload("out", "batch", python(code), uploads=(*_OUT, output)))
        assert list(s3.objects["bucket"]) == ["out/output.tar.gz"]

    def test_upload_as_files(self, real: Backend, s3: S3Stub) -> None:
        code = SHOW + "os.mkdir(base + '/model/d'); open(base + '/model/d/x', 'w').write('1')"
        uploads = (Upload("model", "s3://bucket/p/", form="files"),)
        self.finish(real, Workload("files", "batch", python(code), uploads=uploads))
        assert s3.get("p/d/x") == b"1"

    def test_upload_to_a_missing_bucket(self, real: Backend) -> None:
        seen = self.finish(real, Workload("gone", "batch", python("pass"), uploads=(Upload("model", "s3://gone/x"),)))
        assert seen.failure is not None
        expected = "ClientError: Artifact upload failed:NoSuchBucket (404): The specified bucket does not exist"
        assert seen.failure.reason == expected

    def test_links_lead_nowhere(self, real: Backend, s3: S3Stub, data_dir: Path) -> None:
        secret = data_dir / "secret"
        secret.write_text("s3cret")
        code = SHOW + (
            f"os.symlink({str(secret)!r}, base + '/model/s'); os.symlink({str(secret)!r}, base + '/output/failure')\n"
            "raise SystemExit(1)"
        )
        uploads = (Upload("model", "s3://bucket/out", on_failure=True),)
        seen = self.finish(real, Workload("link", "batch", python(code), uploads=uploads))
        assert seen.failure is not None
        assert seen.failure.reason == "AlgorithmError: , exit code: 1"
        assert s3.members("out/model.tar.gz") == {}

    # Stopping, and limits

    def test_stop_is_heard(self, real: Backend, s3: S3Stub) -> None:
        code = SHOW + (
            "import signal, sys, time\n"
            "def leave(*_): open(base + '/model/last', 'w').write('words'); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, leave); print('ready'); time.sleep(60)"
        )
        real.launch(Workload("stop", "batch", python(code), uploads=_OUT))
        self.until(real, "stop", lambda _: "ready" in self.printed(real, "stop"))
        real.signal("stop", "stop")
        seen = self.until(real, "stop", lambda seen: seen.finished)
        assert [step.name for step in seen.steps][-3:] == ["Stopping", "Uploading", "Stopped"]
        assert s3.members("out/model.tar.gz") == {"last": b"words"}

    def test_an_interrupted_instance_leaves_its_checkpoints_alone(self, real: Backend, s3: S3Stub) -> None:
        code = SHOW + (
            "import signal, sys, time\n"
            "def leave(*_): open(base + '/checkpoints/last', 'w').write('words'); sys.exit(1)\n"
            "open(base + '/model/half', 'w').close()\n"
            "signal.signal(signal.SIGTERM, leave); print('ready'); time.sleep(60)"
        )
        checkpoints = Upload("checkpoints", "s3://bucket/checkpoints", form="files", continuous=True, on_failure=True)
        real.launch(Workload("spot", "batch", python(code), uploads=(*_OUT, checkpoints)))
        self.until(real, "spot", lambda _: "ready" in self.printed(real, "spot"))
        real.signal("spot", "interrupt")
        assert self.until(real, "spot", lambda seen: seen.finished).phase == "Stopped"
        assert {key: s3.get(key) for key in s3.objects["bucket"]} == {"checkpoints/last": b"words"}

    def test_stop_before_anything_ran(self, real: Backend) -> None:
        real.launch(Workload("early", "batch", python("import time; time.sleep(60)")))
        real.signal("early", "stop")
        assert self.until(real, "early", lambda seen: seen.finished).phase == "Stopped"

    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_the_deaf_are_killed(self, real: Backend, how: str) -> None:
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(60)"
        real.launch(Workload("deaf", "batch", python(code), stop_grace=0.3 if how == "stop" else 60))
        self.until(real, "deaf", lambda _: "ready" in self.printed(real, "deaf"))
        real.signal("deaf", "stop" if how == "stop" else "kill")
        seen = self.until(real, "deaf", lambda seen: seen.finished, timeout=10)
        assert (seen.phase, seen.exit_code) == ("Stopped", 137)

    def test_max_runtime(self, real: Backend) -> None:
        seen = self.finish(real, Workload("long", "batch", python("import time; time.sleep(60)"), max_runtime=0.5))
        assert seen.phase == "Stopped"
        assert seen.max_runtime_exceeded

    def test_memory_limit(self, real: Backend) -> None:
        if not real.capabilities.memory_limit:
            pytest.skip("no memory limit")
        code = "import time\nheld = []\nfor _ in range(60): held.append(b'x' * 2**22); time.sleep(0.02)\ntime.sleep(60)"
        seen = self.finish(real, Workload("fat", "batch", python(code), resources=Resources(1, 100 * 2**20)))
        assert seen.failure is not None
        assert seen.failure.kind == "ClientError"
        assert "the limit is 100 MiB, exit code: 137" in seen.failure.text

    # Logs

    def test_log_order_and_offsets(self, real: Backend, data_dir: Path) -> None:
        code = (
            "import os\nfor i in range(5000): os.write(1 + i % 2, b'line %d\\n' % i)\n"
            "os.write(1, b'tab\\tcr\\resc\\x1b\\xff \\xc3\\xa9\\n\\n' + b'x' * 600000 + b'\\nlast')"
        )
        before = int(time.time() * 1000)
        self.finish(real, Workload("log", "batch", python(code)))
        lines, offset = [], 0
        while True:
            page, offset = self.new_backend(data_dir).logs("log", offset)
            lines += page
            if not page:
                break
        texts = [line.text for line in lines if not line.text.startswith("Running without")]
        assert texts[:5000] == [f"line {i}" for i in range(5000)]
        assert texts[5000:5002] == ["tab#011cr#015esc#033#377 é", ""]
        assert "".join(texts[5002:-1]) == "x" * 600000
        assert max(len(text) for text in texts) <= 256 * 1024
        assert texts[-1] == "last"
        times = [line.at for line in lines]
        assert times == sorted(times)
        assert before <= times[0] <= times[-1] <= time.time() * 1000 + 1

    # Accidents

    def _agent(self, data_dir: Path) -> int:
        return int(json.loads(next(self.agents(data_dir).glob("work/*/agent.json")).read_text())["pid"])

    def test_a_killed_agent_fails_the_job_and_leaves_no_orphans(self, real: Backend, data_dir: Path) -> None:
        mark = f"sleep(60.{time.time_ns()})"
        code = (
            "import subprocess, sys, time\n"
            f"subprocess.Popen([sys.executable, '-c', 'import time; time.{mark}'], start_new_session=True)\n"
            f"print('ready'); time.{mark}"
        )
        real.launch(Workload("agent", "batch", python(code)))
        self.until(real, "agent", lambda _: "ready" in self.printed(real, "agent"))
        os.kill(self._agent(data_dir), signal.SIGKILL)
        seen = self.until(real, "agent", lambda seen: seen.finished)
        assert seen.failure is not None
        assert seen.failure.kind == "InternalServerError"
        assert "agent" in seen.failure.text
        deadline = time.monotonic() + 5
        while _running(mark.encode()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert self.new_backend(data_dir).observe("agent").phase == "Failed"

    def test_an_agent_terminated_from_outside_was_not_stopped(self, real: Backend, data_dir: Path) -> None:
        real.launch(Workload("down", "batch", python("print('ready'); import time; time.sleep(60)")))
        self.until(real, "down", lambda _: "ready" in self.printed(real, "down"))
        os.kill(self._agent(data_dir), signal.SIGTERM)
        seen = self.until(real, "down", lambda seen: seen.finished)
        assert seen.failure is not None
        assert seen.failure.kind == "InternalServerError"

    def test_a_new_server_follows_what_the_old_one_launched(self, real: Backend, data_dir: Path, s3: S3Stub) -> None:
        if not real.capabilities.survives_restart:
            pytest.skip("workloads end with the server")
        code = (
            SHOW + "import time; print('one'); time.sleep(0.5); print('two'); open(base + '/model/m', 'w').write('1')"
        )
        real.launch(Workload("on", "batch", python(code), uploads=_OUT))
        self.until(real, "on", lambda _: "one" in self.printed(real, "on"))
        _, offset = real.logs("on")
        s3.stop()
        after = self.new_backend(data_dir)
        assert after.recover() == ["on"]
        self.until(after, "on", lambda seen: seen.phase == "Uploading")
        time.sleep(0.1)
        s3.start()
        assert self.until(after, "on", lambda seen: seen.finished).phase == "Completed"
        assert [line.text for line in after.logs("on", offset)[0]] == ["two"]
        assert s3.members("out/model.tar.gz") == {"m": b"1"}
        after.remove("on")

    # Services

    def call(self, seen: Observation, body: bytes) -> bytes:
        """POST /invocations."""
        request = urllib.request.Request(f"http://{seen.address}:8080/invocations", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return bytes(answer.read())

    def test_a_service_serves_crashes_comes_back_and_stops(self, real: Backend, s3: S3Stub) -> None:
        s3.put("m.tar.gz", tar(weights=b"1"))
        real.launch(Workload("serve", "service", python(SERVER), model_data="s3://bucket/m.tar.gz"))
        seen = self.until(real, "serve", lambda seen: seen.phase == "InService")
        assert seen.address.startswith("127.")
        assert self.call(seen, b"abc") == b"cba"
        with pytest.raises(OSError, match=r"closed|reset"):
            self.call(seen, b"crash")
        names = ["Launching", "InService", "Unhealthy", "Launching", "InService"]
        seen = self.until(real, "serve", lambda seen: [step.name for step in seen.steps][2:] == names)
        assert self.call(seen, b"abc") == b"cba"
        real.signal("serve", "stop")
        assert self.until(real, "serve", lambda seen: seen.finished).phase == "Stopped"

    def test_services_have_addresses_of_their_own(self, real: Backend) -> None:
        for name in ("one", "two"):
            real.launch(Workload(name, "service", python(SERVER)))
        found = [self.until(real, name, lambda seen: seen.phase == "InService").address for name in ("one", "two")]
        assert len(set(found)) == 2

    def test_a_service_that_never_gets_healthy(self, real: Backend) -> None:
        seen = self.finish(real, Workload("ill", "service", python("raise SystemExit(5)")))
        assert seen.failure is not None
        assert "did not pass the ping health check" in seen.failure.text
        sleeper = Workload("slow", "service", python("import time; time.sleep(60)"), startup_timeout=0.5)
        assert self.finish(real, sleeper).phase == "Failed"

    # Isolation

    def test_network_isolation(self, real: Backend, s3: S3Stub) -> None:
        port = json.loads((s3.data_dir / "server.json").read_text())["port"]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2); print('connected')"
        if not real.capabilities.network_isolation:
            with pytest.raises(Unsupported):
                real.launch(Workload("net", "batch", python(code), network_isolation=True))
            return
        assert self.finish(real, Workload("net", "batch", python(code), network_isolation=True)).phase == "Failed"
        assert self.finish(real, Workload("open", "batch", python(code))).phase == "Completed"

    def test_an_isolated_service_is_reached(self, real: Backend) -> None:
        workload = Workload("isolated", "service", python(SERVER), network_isolation=True)
        if not real.capabilities.service_isolation:
            with pytest.raises(Unsupported):
                real.launch(workload)
            return
        real.launch(workload)
        seen = self.until(real, "isolated", lambda seen: seen.phase == "InService")
        for body in (b"abc", bytes(range(256)) * 50_000):
            assert self.call(seen, body) == body[::-1]

    def test_the_sandbox_shows_only_the_job(self, real: Backend, data_dir: Path) -> None:
        if not real.capabilities.sandbox:
            pytest.skip("no sandbox")
        places = [
            str(data_dir / "server.json"),
            str(self.agents(data_dir) / "work"),
            os.path.expanduser("~/.bashrc"),
            "/etc/shadow",
        ]
        code = f"import os; print([p for p in {places!r} if os.path.exists(p)], len(os.listdir('/proc')) < 500)"
        self.finish(real, Workload("box", "batch", python(code)))
        assert self.printed(real, "box") == ["[] True"]


def _running(words: bytes) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                return True
        except OSError:
            continue
    return False
