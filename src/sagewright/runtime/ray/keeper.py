"""What looks after workloads on a node: one detached actor a node, which takes JSON text and nothing else.

It runs them as the backend ``local`` does, in a folder of the node's, so the agent is the same and so is its folder:
what it writes there is safe while the server is away. A ``Courier`` carries journal and log to the server.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import tempfile
import threading
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from fcntl import ioctl
from pathlib import Path
from typing import Any

from sagewright.runtime import engine
from sagewright.runtime.addresses import can_bind
from sagewright.runtime.backend import Signal, UnknownWorkload, Unsupported
from sagewright.runtime.local import LocalBackend
from sagewright.runtime.local.folder import Folder, safe_name
from sagewright.runtime.observation import endpoint
from sagewright.runtime.ray.courier import Courier, Errand
from sagewright.runtime.workload import SERVICE_PORT, Workload

_FIRST_PORT, _PORTS = 20_000, 10_000
_FIRST_JOB_PORT, _JOB_PORTS = 30_000, 2_700
"""Where the instances of a job meet: they have the nodes' addresses, which other jobs have too."""
_SIOCGIFADDR = 0x8915
_REPORT = "report.json"
"""In a workload's folder: what its courier needs, for a keeper that comes after this one."""


class Keeper:
    """The actor. Each call's ``server`` says whose workloads are meant, and what is to be known of that server:

    key, data_dir and nonce (whether this machine has the server's disk), address and port (of its S3), reports (address
    and port), python and script_python (its own, which commands name), sandbox, patience, engine, engine_args,
    engine_pull (as in its configuration).
    """

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def tell(self, text: str) -> str:
        """``ids``: what the server takes for running here. Gives those that are not, and what the node can do."""
        document = json.loads(text)
        host = self._host(document)
        return json.dumps({"unknown": host.adopt(document["ids"]), **host.described()})

    def addresses(self, text: str) -> str:
        """Loopback addresses, for ``ids`` that run on this node alone."""
        document = json.loads(text)
        return json.dumps(self._host(document).addresses(document["ids"]))

    def launch(self, text: str) -> str:
        """Start ``workload``; see _Host.launch."""
        document = json.loads(text)
        return json.dumps(self._host(document).launch(document))

    def signal(self, text: str) -> str:
        """Send ``signal`` to the workload ``id``."""
        document = json.loads(text)
        self._host(document).signal(document["id"], document["signal"])
        return "null"

    def remove(self, text: str) -> str:
        """Clear the workload ``id`` away."""
        document = json.loads(text)
        self._host(document).remove(document["id"])
        return "null"

    def _host(self, document: Mapping[str, Any]) -> _Host:
        server = document["server"]
        with self._lock:
            if server["key"] not in self._hosts:
                self._hosts[server["key"]] = _Host(server)
            host = self._hosts[server["key"]]
        host.hear(server)
        return host


class _Host:
    """The workloads of one server on this node."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        self._folder, shared = _place(server)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shared and not (self._folder / "blobs").is_symlink():
            with suppress(FileExistsError):
                (self._folder / "blobs").symlink_to(Path(server["data_dir"]) / "blobs")
        self._python = _script_python(server)
        self._names = {server["python"]: sys.executable, server["script_python"]: self._python}
        self._engine = engine.find(server["engine"], server["engine_args"], pull=server["engine_pull"])
        self._local = LocalBackend(
            self._folder,
            sandbox_mode=server["sandbox"],
            patience=server["patience"],
            script_python=self._python,
            containers=lambda: self._engine,
            lifeline=True,
            peers=self._peer,
        )
        self._couriers: dict[str, Courier] = {}
        self._away: set[str] = set()
        self._lock = threading.Lock()
        self._where: dict[str, Any] = {}

    def hear(self, server: Mapping[str, Any]) -> None:
        """Note where the server is now; the agents look into the file for S3."""
        where = {"host": server["address"], "port": server["port"], "reports": server["reports"], "key": server["key"]}
        with self._lock:
            if where != self._where:
                fresh = self._folder / f"server.json.{os.getpid()}"
                fresh.write_text(json.dumps(where))
                fresh.rename(self._folder / "server.json")
                self._where = where

    def described(self) -> dict[str, Any]:
        able = asdict(self._local.capabilities)
        able["input_modes"] = sorted(able["input_modes"])
        return {"capabilities": able, "engine": self._engine is not None}

    def addresses(self, ids: list[str]) -> list[str]:
        return self._local.addresses(ids)

    def adopt(self, ids: list[str]) -> list[str]:
        """Take up what an earlier keeper of this node left. Gives what is not here."""
        unknown = []
        with self._lock:
            for work in ids:
                if work not in self._couriers:
                    try:
                        document = json.loads((self._path(work) / _REPORT).read_text())
                        self._send(Errand(**document))
                    except (OSError, ValueError, TypeError):
                        unknown.append(work)
        return unknown

    def launch(self, document: Mapping[str, Any]) -> dict[str, str]:
        """Start a workload, unless it was started before.

        address: this node's. token: of the workload's reports. away: of the workloads it gathers, those on other
        nodes, with their host names. share: folders below /opt/ml that another node's gathers. gpus: the numbers of
        those it may use. Gives the address of a service, or why it is ``refused``.
        """
        workload = self._fitted(Workload.from_json(document["workload"]), document)
        errand = Errand(workload.id, document["token"], tuple(document["share"]), tuple(document["away"]))
        with self._lock:
            self._away.update(errand.away)
            if workload.kind == "service" and not (self._path(workload.id) / "launch.json").exists():
                address = document["address"]
                workload = replace(workload, address=address, port=self._port(address, workload.id))
            folder = self._path(workload.id)
            folder.mkdir(parents=True, exist_ok=True)
            with open(os.open(folder / _REPORT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(asdict(errand), file)
            try:
                self._local.launch(workload)
            except (Unsupported, OSError) as error:
                return {
                    "refused": f"{'ClientError' if isinstance(error, Unsupported) else 'InternalServerError'}: {error}"
                }
            self._send(errand)
            return {"address": endpoint(Folder(folder).workload)}

    def signal(self, id: str, signal: Signal) -> None:
        with suppress(UnknownWorkload):
            self._local.signal(id, signal)

    def remove(self, id: str) -> None:
        with self._lock:
            courier = self._couriers.pop(id, None)
        if courier is not None:
            courier.stop()
        self._local.remove(id)
        with suppress(FileNotFoundError):  # one that was refused
            (self._path(id) / _REPORT).unlink()
            self._path(id).rmdir()

    def _send(self, errand: Errand) -> None:
        if errand.id not in self._couriers:
            self._away.update(errand.away)
            courier = Courier(errand, self._local, self._path, self._folder, lambda: self.remove(errand.id))
            self._couriers[errand.id] = courier
            courier.start()

    def _path(self, id: str) -> Path:
        return self._folder / "work" / safe_name(id)

    def _peer(self, id: str) -> Path:
        """Where an agent finds another workload of its job."""
        return self._folder / "peers" / safe_name(id) if id in self._away else self._path(id)

    def _fitted(self, workload: Workload, document: Mapping[str, Any]) -> Workload:
        """As it is to run here: this node's Python, network interface, ports and GPUs."""
        config = dict(workload.config)
        if "network_interface_name" in config.get("resourceconfig", {}):
            name = _interface(workload.address or document["address"])
            config["resourceconfig"] = {**config["resourceconfig"], "network_interface_name": name}
        env = dict(workload.env)
        if len(workload.hosts) > 1:
            job = (workload.job or workload.id).encode()
            env["SAGEWRIGHT_JOB_PORT"] = str(_FIRST_JOB_PORT + zlib.crc32(job) % _JOB_PORTS)
        if document["gpus"]:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(document["gpus"])
        command, setup = self._named(workload.command), self._named(workload.setup)
        return replace(workload, config=config, env=env, command=command, setup=setup)

    def _named(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return (self._names.get(words[0], words[0]), *words[1:]) if words else words

    def _port(self, address: str, id: str) -> int:
        """A free one, SageMaker's where possible."""
        known = [Folder(path.parent).workload for path in (self._folder / "work").glob("*/launch.json")]
        taken = {each.port for each in known if each.address == address}
        start = zlib.crc32(id.encode())
        for port in (SERVICE_PORT, *(_FIRST_PORT + (start + step * 7919) % _PORTS for step in range(_PORTS))):
            if port not in taken and can_bind(address, port):
                return port
        raise OSError(f"no port of {address} is free")


def _place(server: Mapping[str, Any]) -> tuple[Path, bool]:
    """The folder for a server's workloads, and whether that is on the server's own disk."""
    data_dir = Path(server["data_dir"])
    with suppress(OSError, ValueError, KeyError):
        if json.loads((data_dir / "ray.json").read_text())["nonce"] == server["nonce"]:
            return data_dir / "node", True
    chosen = os.environ.get("SAGEWRIGHT_NODE_DIR")
    base = Path(chosen) if chosen else Path(tempfile.gettempdir(), f"sagewright-{os.getuid()}")
    return base.absolute() / server["key"], False


def _script_python(server: Mapping[str, Any]) -> str:
    chosen = os.environ.get("SAGEWRIGHT_SCRIPT_PYTHON")
    if chosen:
        return chosen
    named = str(server["script_python"])
    return named if named != server["python"] and os.access(named, os.X_OK) else sys.executable


def _interface(address: str) -> str:
    """The name of the network interface that has an address."""
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            found = ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", name[:15].encode()))
            if socket.inet_ntoa(found[20:24]) == address:
                return name
    return "lo"
