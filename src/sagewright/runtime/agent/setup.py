"""What goes before a command: its setup, and the layer of packages that the setup asks for.

The setup runs twice at most. First it makes the job's files ready and writes the key of the layer it needs, if any, to
the file named by SAGEWRIGHT_LAYER_KEY; no code of the user's has run by then. Where there is no layer of that key, it
runs again with SAGEWRIGHT_LAYER, an empty environment to install into, which then becomes that layer. Commands see a
layer and cannot write it.
"""

from __future__ import annotations

import os
import re
import time

from sagewright.runtime.agent.fault import Fault
from sagewright.runtime.agent.instance import Instance
from sagewright.runtime.agent.python import LAYER, lay
from sagewright.runtime.agent.reason import of_command, out_of_memory
from sagewright.runtime.agent.signals import Interrupted

KEY = "SAGEWRIGHT_LAYER_KEY"
WHEELS = "SAGEWRIGHT_WHEELS"
"""Where pip may find wheels without a network, and SAGEWRIGHT_WHEELS_NAME how the user knows that folder."""

_AT, _WHEELS_AT = "/opt/layer", "/opt/wheels"
_LOOK = 0.25
_FORM = re.compile(r"[0-9a-f]{64}")


def set_up(instance: Instance) -> None:
    """Run its command's setup, which gives it its layer, where it needs one. Raises Fault, Interrupted."""
    if instance.workload["setup"]:
        _Setup(instance).run()


class _Setup:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._layers = os.path.join(instance.launch["data_dir"], "layers")
        self._fresh = os.path.join(instance.folder, "layer")
        self._wheels = os.path.join(instance.launch["data_dir"], "wheels")

    def run(self) -> None:
        key_file = os.path.join(self._instance.folder, "tmp", "layer.key")
        inside = self._instance.sandboxed
        self._command((), {KEY: "/tmp/layer.key" if inside else key_file})  # noqa: S108
        try:
            with open(key_file) as file:
                key = file.read(65)
            os.unlink(key_file)
        except FileNotFoundError:
            return
        if not _FORM.fullmatch(key):
            raise Fault("InternalServerError", "We encountered an internal error: the setup gave no layer's key.")
        layer = os.path.join(self._layers, key)
        if not os.path.isdir(layer):
            self._build(layer)
        self._instance.layer = layer

    def _build(self, layer: str) -> None:
        inside, instance = self._instance.sandboxed, self._instance
        os.makedirs(self._layers, exist_ok=True)
        at = _AT if inside else self._fresh
        lay(self._fresh, at, instance.launch["python"])
        binds, env = [("--bind", self._fresh, _AT)], {LAYER: at, "SAGEWRIGHT_WHEELS_NAME": self._wheels}
        if os.path.isdir(self._wheels):
            binds.append(("--ro-bind", self._wheels, _WHEELS_AT))
            env[WHEELS] = _WHEELS_AT if inside else self._wheels
        self._command(binds, env)
        if not inside:
            _readdress(os.path.join(self._fresh, "bin"), self._fresh, layer)
        os.sync()  # half of it must not be there under its name, even after a power cut
        try:
            os.rename(self._fresh, layer)
        except OSError:
            if not os.path.isdir(layer):
                raise
            import shutil  # which most jobs do not need

            shutil.rmtree(self._fresh)  # another was first

    def _command(self, binds: list[tuple[str, str, str]] | tuple[()], env: dict[str, str]) -> None:
        instance = self._instance
        limit = instance.workload["resources"]["memory"]
        process = instance.spawn(instance.workload["setup"], binds, **env)
        memory, cause, look_at = 0, "", 0.0
        while (code := process.poll()) is None:
            if instance.signals.any():
                cause = "stop"
            elif time.monotonic() >= look_at:
                memory, look_at = process.memory(limit), time.monotonic() + _LOOK
                cause = "memory" if limit and memory > limit else ""
            if cause:
                process.kill()
            else:
                instance.signals.wait(_LOOK)
        process.kill()
        instance.drain()
        if cause == "stop":
            raise Interrupted
        if cause == "memory":
            raise out_of_memory(memory, limit, code)
        if code:
            raise of_command(instance.base, code)


def _readdress(folder: str, before: str, after: str) -> None:
    """Without a sandbox a layer has its own path, and the scripts in it name the Python that made them."""
    old, new = f"#!{before}/bin/".encode(), f"#!{after}/bin/".encode()
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False):
            with open(entry.path, "r+b") as file:
                text = file.read()
                if text.startswith(old):
                    file.seek(0)
                    file.truncate()
                    file.write(new + text[len(old) :])
