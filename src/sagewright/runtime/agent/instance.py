"""What batch and service instances have in common: the folder, the layout of /opt/ml, the input, the command."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.journal import Journal, Log
from sagewright.runtime.agent.process import TOKEN, Process, sweep
from sagewright.runtime.agent.python import LAYER, lay
from sagewright.runtime.agent.s3 import S3, endpoint
from sagewright.runtime.agent.signals import Signals
from sagewright.runtime.agent.signer import Signer

if TYPE_CHECKING:
    from sagewright.runtime.agent.container import Container
    from sagewright.runtime.agent.fetch import Fetcher
    from sagewright.runtime.agent.lazy import Lazy

_FOLDERS = ("input/config", "input/data", "model", "output/data", "checkpoints", "code")
PYTHON = "/opt/python"
"""Where a command finds its own Python environment in the sandbox."""
_LAST_WORDS = 4096
_DRAIN = 5.0
"""Seconds the log gets after the command's end, where something that left the sandbox's reach holds the pipe."""


class Instance:
    """One workload's folder and its command.

    launch.json: workload (Workload.to_json), data_dir, sandbox (argv before the command, or null), env (what the
    command's environment starts from), token, warnings (log lines), patience (seconds for S3 to answer), lifeline
    (whether stdin is a pipe whose end ends the workload), peers (host name -> folder of the instances whose output is
    stored with this one's), network (null, or for a network shared with other instances: folder of the one that makes
    it; holder, the argv that does, and others, their folders by id, both empty for the others; enter, the argv before a
    command in it), python (``runtime.python.describe()`` of the one that runs users' code), engine (null, or what
    agent.container.Container takes).
    """

    def __init__(self, folder: str, launch: dict[str, Any], signals: Signals) -> None:
        self.folder = folder
        self.launch = launch
        self.signals = signals
        self.workload: dict[str, Any] = launch["workload"]
        self.base = os.path.join(folder, "opt", "ml")
        self.container = _container(launch, folder)
        self.sandboxed = launch["sandbox"] is not None or self.container is not None
        self.journal = Journal(os.path.join(folder, "journal.jsonl"))
        self.log = Log(os.path.join(folder, "log"))
        self.s3 = self._s3()
        self.broken: Fault | None = None
        """Why the command's input ended early, where it did."""
        self.layer = ""
        """The layer of packages that the command is to see; empty for none."""
        self.mounts: list[tuple[str, str, str]] = []
        self._lazy: list[Lazy] = []
        """Folders of the host that channels are, as spawn's binds."""
        self._pump: threading.Thread | None = None
        self._entrance: list[str] = []

    def _s3(self) -> S3:
        workload = self.workload
        signer = Signer(workload["credentials"], workload["account"], workload["region"])
        return S3(self.launch["data_dir"], signer, self.launch["patience"])

    def ran_before(self) -> bool:
        """Whether an agent before this one got far enough to write a step; its command must not run twice."""
        return os.path.getsize(os.path.join(self.folder, "journal.jsonl")) > 0

    def begin(self) -> None:
        """Lay out /opt/ml and open the log."""
        self.journal.step("Starting")
        self.log.write(*(line.encode() for line in [*self.workload["log_header"], *self.launch["warnings"]]))
        for name in _FOLDERS:
            os.makedirs(os.path.join(self.base, name), exist_ok=True)
        for upload in self.workload["uploads"]:
            os.makedirs(os.path.join(self.base, upload["source"]), exist_ok=True)
        config = os.path.join(self.base, self.workload["config_folder"])
        os.makedirs(config, exist_ok=True)
        for name, document in self.workload["config"].items():
            with open(os.path.join(config, f"{name}.json"), "w") as file:
                json.dump(document, file)
        os.makedirs(os.path.join(self.folder, "tmp"), exist_ok=True)
        own = os.path.join(self.folder, "python")
        lay(own, PYTHON if self.sandboxed else own, self.launch["python"])
        hosts = {"localhost": "127.0.0.1", self.workload["hostname"]: self.workload["address"] or "127.0.0.1"}
        with open(os.path.join(self.folder, "hosts"), "w") as file:
            for name, address in (hosts | self.workload["hosts"]).items():
                file.write(f"{address}\t{name}\n")

    def fetch(self) -> None:
        """Bring the input in. Raises Fault, Interrupted."""
        self.journal.step("Downloading")
        if self.launch["network"]:
            self._join(self.launch["network"])
        if not self.workload["channels"] and not self.workload["model_data"]:
            return
        from sagewright.runtime.agent.fetch import Fetcher

        region, account = self.workload["region"], self.workload["account"]
        fetcher = Fetcher(self.s3, self.base, region, account, link=self.sandboxed, say=self.log.say)
        with self.signals.interruptible():
            for channel in self.workload["channels"]:
                if "root" in channel["source"]:
                    self._folder(channel)
                elif channel["input_mode"] == "Pipe":
                    self._pipe(channel, fetcher)
                else:
                    fetcher.channel(channel)
            if self.workload["model_data"]:
                fetcher.archive(self.workload["model_data"], os.path.join(self.base, "model"))

    def _join(self, network: dict[str, Any]) -> None:
        from sagewright.runtime.agent.network import enter, hold

        with self.signals.interruptible():
            if network["holder"]:
                hold(self.folder, network["holder"], self.signals)
            self._entrance = enter(network, self.signals)

    def _folder(self, channel: dict[str, Any]) -> None:
        from sagewright.runtime.agent.folder_source import folder_of, show

        folder = self._lazily(channel) or folder_of(channel, self.s3, self.log.say)
        mount = show(channel, folder, self.base, sandboxed=self.sandboxed)
        if mount is not None:
            self.mounts.append(mount)
        elif channel["read_only"]:
            self.log.say(f"The channel {channel['name']} can be written to, since there is no sandbox: {folder}")

    def _lazily(self, channel: dict[str, Any]) -> str:
        """Where the channel's file system is mounted; nothing where it has no links, or cannot be."""
        if not channel["source"]["links"]:
            return ""
        from sagewright.runtime.agent.folder_source import mounted

        lazy = mounted(channel, self.launch, self.folder, self.log.say)
        if lazy is None:
            return ""
        self._lazy.append(lazy)
        return lazy.place

    def release(self) -> None:
        """Unmount what is mounted."""
        while self._lazy:
            lazy = self._lazy.pop()
            lazy.end()
            self.broken = self.broken or lazy.fault

    def _pipe(self, channel: dict[str, Any], fetcher: Fetcher) -> None:
        from sagewright.runtime.agent.feed import Feed
        from sagewright.runtime.agent.pipe import Pipe

        keys = []
        if channel["source"]["kind"] != "AugmentedManifestFile":
            keys = fetcher.keys(channel)
            fetcher.tell(channel, len(keys[channel["source"]["shard"] :]))
        place = os.path.join(self.base, channel["path"] or f"input/data/{channel['name']}")
        scratch = os.path.join(self.folder, f"pipe-{channel['name']}")
        Pipe(Feed(self._s3(), channel, keys, scratch), place, self._break).start()

    def _break(self, fault: Fault) -> None:
        self.broken = fault

    @property
    def listens(self) -> tuple[str, int]:
        """Where a service does, as it sees it itself."""
        if self.container is not None:
            return self.container.listens
        if self.workload["network_isolation"]:
            from sagewright.runtime.agent.relay import INSIDE

            return INSIDE
        return self.workload["address"], self.workload["port"]

    def spawn(self, command: Sequence[str] = (), binds: Iterable[tuple[str, str, str]] = (), **env: str) -> Process:
        """Start the command, or another one in its place. Raises Fault where there is no such command.

        binds: of folders the sandbox is to show besides, with bubblewrap's words.
        """
        environment = {**self.launch["env"], **self._aws(), **self._mapped(self.workload["env"]), **env}
        binds = [*self.mounts, *binds]
        if self.layer:
            binds.append(("--ro-bind", self.layer, "/opt/layer"))
            environment[LAYER] = "/opt/layer" if self.sandboxed else self.layer
        command = list(command or self.workload["command"])
        if not self.sandboxed:
            command = [self._inside(word) for word in command]
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            if self.container is not None:
                process = self._contain(self.container, command, binds, env, writer)
            else:
                argv = [*self._entrance, *self._sandbox(binds), *command]
                cwd = None if self.sandboxed else os.path.join(self.base, "code")
                process = Process(argv, environment, cwd, writer, self.sandboxed)
        except OSError as error:
            os.close(reader)
            raise Fault("ClientError", f"Cannot start the command {command[0]}: {error.strerror}") from None
        finally:
            os.close(writer)
        self._pump = threading.Thread(target=self.log.pump, args=(reader,), daemon=True)
        self._pump.start()
        return process

    def _contain(
        self,
        container: Container,
        command: list[str],
        binds: list[tuple[str, str, str]],
        more: dict[str, str],
        out: int,
    ) -> Process:
        """The command in a container, whose environment has nothing of this machine's. Raises Fault."""
        container.check()
        token = {TOKEN: self.launch["token"]}
        environment = {**self._aws(), "SAGEMAKER_BASE_DIR": "/opt/ml", **self.workload["env"], **more, **token}
        container.write_environment(environment)
        argv = container.argv(command, environment, binds)
        return Process(argv, {**container.env, **token}, self.folder, out, False, container)

    def not_started(self, code: int) -> Fault | None:
        """Why the container engine did not start the command, where that is what this exit status means."""
        if self.container is None:
            return None
        with open(os.path.join(self.folder, "log"), "rb") as file:
            file.seek(max(0, os.path.getsize(file.name) - _LAST_WORDS))
            lines = file.read().decode(errors="replace").splitlines()
        return self.container.fault(code, "\n".join(line.partition(" ")[2] for line in lines))

    def _sandbox(self, binds: Iterable[tuple[str, str, str]]) -> list[str]:
        argv: list[str] = self.launch["sandbox"] or []
        if not argv:
            return []
        end = argv.index("--")
        return [*argv[:end], *(word for bind in binds for word in bind), *argv[end:]]

    def _aws(self) -> dict[str, str]:
        """What lets the command's own AWS calls be those of its role here, unless it brings keys of its own."""
        where = "" if self.workload["network_isolation"] else endpoint(self.launch["data_dir"])
        keys = {} if "AWS_ACCESS_KEY_ID" in self.workload["env"] else self.workload["credentials"]
        return {**keys, "AWS_ENDPOINT_URL": where} if where else dict(keys)

    def drain(self) -> None:
        """Wait until what the command printed is in the log."""
        if self._pump is not None:
            self._pump.join(_DRAIN)

    def fail(self, fault: Fault, **detail: Any) -> None:
        """The final step of a failure, with nothing left running."""
        if not self.sandboxed or self.container is not None:
            sweep(self.launch["token"])
        self.journal.step("Failed", fault.text, kind=fault.kind, **detail)

    def _mapped(self, env: dict[str, str]) -> dict[str, str]:
        return env if self.sandboxed else {name: self._inside(value) for name, value in env.items()}

    def _inside(self, word: str) -> str:
        """Without a sandbox there is no /opt/ml; words that name it mean the job's folder."""
        return self.base + word[len("/opt/ml") :] if word == "/opt/ml" or word.startswith("/opt/ml/") else word


def _container(launch: dict[str, Any], folder: str) -> Container | None:
    if launch["engine"] is None:
        return None
    from sagewright.runtime.agent.container import Container

    return Container(launch["engine"], folder, launch["workload"])
