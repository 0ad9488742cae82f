"""BackendSuite's part about several instances of a job: they know each other, and one stores what all have written."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.agent.process import started
from sagewright.runtime.backend import Backend, Unsupported
from sagewright.runtime.observation import Observation
from sagewright.runtime.workload import Upload, Workload
from sagewright.testing.backend_inputs import SHOW, Bench, python
from sagewright.testing.s3_stub import S3Stub

_HOSTS = ("algo-1", "algo-2", "algo-3")
_UPLOADS = (
    Upload("model", "s3://bucket/out"),
    Upload("output/data", "s3://bucket/out", name="output.tar.gz", on_failure=True, skip_empty=True),
)
_WRITE = SHOW + (
    "import os, sys, time\nhost = os.environ['HOST']\n"
    "def write(name):\n"
    "    os.makedirs(os.path.dirname(base + '/' + name), exist_ok=True)\n"
    "    open(base + '/' + name, 'w').write(host)\n"
)


_MEET = (
    "import json, socket, threading\n"
    "all = json.loads(os.environ['ALL']); server = socket.create_server((all[host], 7413)); heard = []\n"
    "def listen():\n"
    "    for _ in range(2): heard.append(server.accept()[0].makefile('r').readline())\n"
    "thread = threading.Thread(target=listen); thread.start()\n"
    "for other in all:\n"
    "    while other != host:\n"
    "        try: target = socket.gethostbyname(other)\n"
    "        except OSError: target = all[other]\n"
    "        try: socket.create_connection((target, 7413), 5).sendall(host.encode() + b'\\n'); break\n"
    "        except OSError: time.sleep(0.02)\n"
    "thread.join(15)\n"
    "print(sorted(heard), socket.gethostname())"
)


class GroupTests(Bench):
    """Several workloads of one job."""

    def group(self, backend: Backend, code: str, **changes: Any) -> list[str]:
        """Launch three instances; their ids."""
        addresses = dict(zip(_HOSTS, backend.addresses(_HOSTS), strict=True))
        for host in _HOSTS:
            first = host == _HOSTS[0]
            stores: dict[str, Any] = {"uploads": _UPLOADS, "gathers": {other: other for other in _HOSTS[1:]}}
            workload = Workload(
                host,
                "batch",
                python(_WRITE + code),
                env={"HOST": host, "ALL": json.dumps(addresses)},
                hostname=host,
                address=addresses[host],
                hosts=addresses,
                job="job",
                **{**(stores if first else {}), **changes},
            )
            backend.launch(workload)
        return list(_HOSTS)

    def says(self, backend: Backend, id: str, line: str) -> None:
        """Wait for that line in its log."""
        self.until(backend, id, lambda _: line in self.printed(backend, id))

    def ends(self, backend: Backend, ids: list[str]) -> list[Observation]:
        """Each at its end."""
        return [self.until(backend, each, lambda seen: seen.finished) for each in ids]

    def test_they_find_each_other(self, real: Backend) -> None:
        ids = self.group(real, _MEET)
        assert [seen.phase for seen in self.ends(real, ids)] == ["Completed"] * 3
        for host in ids:
            others = [f"{other}\n" for other in ids if other != host]
            name = self.printed(real, host)[-1].removeprefix(f"{others} ")
            assert name == host or not real.capabilities.hostnames

    def test_isolated_they_find_each_other_and_nobody_else(self, real: Backend, s3: S3Stub) -> None:
        if not real.capabilities.group_isolation:
            with pytest.raises(Unsupported):
                self.group(real, "pass", network_isolation=True, network=_HOSTS)
            return
        port = json.loads((s3.data_dir / "server.json").read_text())["port"]
        code = (
            "import socket\n"
            f"try: socket.create_connection(('127.0.0.1', {port}), 2); print('outside')\n"
            "except OSError: print('cut off')\n" + _MEET
        )
        ids = self.group(real, code, network_isolation=True, network=_HOSTS)
        assert [seen.phase for seen in self.ends(real, ids)] == ["Completed"] * 3
        for host in ids:
            first, second = self.printed(real, host)[-2:]
            assert first == "cut off"
            assert second.endswith(f" {host}")
        holder = json.loads((self.agents(s3.data_dir) / "work" / "algo-1" / "network.json").read_text())["pid"]
        for each in ids:
            real.remove(each)
        deadline = time.monotonic() + 5
        while started(holder) is not None:
            assert time.monotonic() < deadline, "the network goes with them"
            time.sleep(0.01)

    def test_isolated_the_first_one_may_be_done_before_the_others_begin(self, real: Backend) -> None:
        if not real.capabilities.group_isolation:
            return
        late = python("import os, time; time.sleep(os.environ['HOST'] != 'algo-1')")
        more: dict[str, Any] = {"uploads": (), "gathers": {}, "setup": late}
        ids = self.group(real, "print('here')", network_isolation=True, network=_HOSTS, **more)
        assert [(seen.phase, seen.failure) for seen in self.ends(real, ids)] == [("Completed", None)] * 3

    def test_one_archive_of_all(self, real: Backend, s3: S3Stub) -> None:
        ids = self.group(real, "time.sleep(0.3 * int(host[-1])); write('model/' + host + '/m'); write('model/same')")
        first, *others = self.ends(real, ids)
        assert [seen.phase for seen in (first, *others)] == ["Completed"] * 3
        assert first.steps[-1].at >= max(seen.steps[-1].at for seen in others)
        assert s3.members("out/model.tar.gz") == {**{f"{host}/m": host.encode() for host in ids}, "same": b"algo-1"}
        assert [line.split(" since")[0] for line in self.printed(real, "algo-1") if "are not stored" in line] == [
            f"1 of the files in {host}'s /opt/ml/model are not stored," for host in ids[1:]
        ]
        assert [request.split()[0] for request in s3.requests].count('"PUT') == 1

    @pytest.mark.parametrize("name", ["model/x", "model/x/y/z"])
    def test_a_file_where_another_has_a_folder(self, real: Backend, s3: S3Stub, name: str) -> None:
        other = {"model/x": "model/x/y/z", "model/x/y/z": "model/x"}[name]
        ids = self.group(real, f"write({name!r} if host == 'algo-1' else {other!r})")
        assert [seen.phase for seen in self.ends(real, ids)] == ["Completed"] * 3
        assert s3.members("out/model.tar.gz") == {name.removeprefix("model/"): b"algo-1"}

    @pytest.mark.parametrize("ill", ["algo-1", "algo-3"])
    def test_where_one_fails_no_model_is_stored(self, real: Backend, s3: S3Stub, ill: str) -> None:
        code = (
            "write('model/m'); write('output/data/' + host); print('on')\n"
            f"if host == {ill!r}: write('output/failure'); sys.exit(3)\n"
            "time.sleep(60)"
        )
        ids = self.group(real, code)
        for each in ids:
            self.says(real, each, "on")
        self.until(real, ill, lambda seen: seen.step("Uploading") is not None)
        for each in ids:
            real.signal(each, "stop")
        ended = dict(zip(ids, self.ends(real, ids), strict=True))
        assert {each: seen.phase for each, seen in ended.items()} == {
            each: "Failed" if each == ill else "Stopped" for each in ids
        }
        assert set(s3.objects["bucket"]) == {"out/output.tar.gz"}
        assert s3.members("out/output.tar.gz") == {host: host.encode() for host in ids}

    def test_a_lost_one_is_waited_for_until_it_is_buried(self, real: Backend, s3: S3Stub, data_dir: Path) -> None:
        ids = self.group(real, "write('model/m')\nif host == 'algo-2': print('on'); time.sleep(60)")
        self.says(real, "algo-2", "on")
        self.until(real, "algo-1", lambda seen: seen.phase == "Uploading")
        pid = json.loads((self.agents(data_dir) / "work" / "algo-2" / "agent.json").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
        assert [seen.phase for seen in self.ends(real, ids[::-1])] == ["Completed", "Failed", "Completed"]
        assert s3.objects["bucket"] == {}

    def test_killed_while_it_waits_for_the_others(self, real: Backend, s3: S3Stub) -> None:
        self.group(real, "write('model/m')\nif host != 'algo-1': time.sleep(60)")
        self.until(real, "algo-1", lambda seen: seen.phase == "Uploading")
        real.signal("algo-1", "kill")
        assert self.until(real, "algo-1", lambda seen: seen.finished).phase == "Stopped"
        assert s3.objects["bucket"] == {}
