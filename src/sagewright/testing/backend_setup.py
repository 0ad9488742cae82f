"""BackendSuite's part about what goes before the command: setups, layers of packages, and a command's own Python."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.backend import Backend
from sagewright.runtime.workload import Channel, Resources, S3Input, Workload
from sagewright.testing.backend_inputs import SERVER, SHOW, Bench, python
from sagewright.testing.s3_stub import S3Stub

_KEY = "0123456789abcdef" * 4
_SETUP = (
    SHOW
    + """
layer = os.environ.get('SAGEWRIGHT_LAYER')
if layer:
    print('building')
    site = next(os.path.join(layer, 'lib', name, 'site-packages') for name in os.listdir(layer + '/lib'))
    open(site + '/of_the_layer.py', 'w').write('NAME = "of the layer"')
    with open(layer + '/bin/layer-script', 'w') as file:
        file.write(f'#!{layer}/bin/python\\nimport of_the_layer; print("script", of_the_layer.NAME)')
    os.chmod(layer + '/bin/layer-script', 0o755)
else:
    open(os.environ['SAGEWRIGHT_LAYER_KEY'], 'w').write(KEY)
"""
)
_IMPORT = "import subprocess; subprocess.run(['python', '-c', 'import of_the_layer; print(of_the_layer.NAME)'])\n"
_SPOIL = """
import os
layer = os.environ['SAGEWRIGHT_LAYER']
site = next(os.path.join(layer, 'lib', name, 'site-packages') for name in os.listdir(layer + '/lib'))
for action in (lambda: open(site + '/of_the_layer.py', 'w'), lambda: os.rename(layer + '/lib', layer + '/gone')):
    try: action(); print('spoilt')
    except OSError as error: print(error.strerror)
"""


class SetupTests(Bench):
    """Setups."""

    def with_layer(self, id: str, code: str = _IMPORT, key: str = _KEY, **changes: Any) -> Workload:
        return Workload(id, "batch", python(code), setup=python(f"KEY = {key!r}\n{_SETUP}"), **changes)

    def test_a_setup_comes_between_channels_and_command(self, real: Backend, s3: S3Stub) -> None:
        s3.put("p/a", b"of the channel")
        setup = (
            SHOW + "text = open(base + '/input/data/c/a').read()\nopen(base + '/code/made.py', 'w').write(repr(text))"
        )
        workload = Workload(
            "setup",
            "batch",
            python(SHOW + "print('command:', open(base + '/code/made.py').read())"),
            channels=(Channel("c", S3Input("s3://bucket/p/")),),
            setup=python(setup + "\nprint('setup: ready')"),
        )
        seen = self.finish(real, workload)
        assert [step.name for step in seen.steps] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert self.printed(real, "setup")[-2:] == ["setup: ready", "command: 'of the channel'"]

    def test_a_setup_that_fails(self, real: Backend) -> None:
        words = SHOW + "open(base + '/output/failure', 'w').write('ClientError: no source')\nraise SystemExit(1)"
        for name, code, reason in [
            ("said", words, "ClientError: no source"),
            ("silent", "raise SystemExit(3)", "AlgorithmError: , exit code: 3"),
        ]:
            seen = self.finish(real, Workload(name, "batch", python("print('command')"), setup=python(code)))
            assert seen.failure is not None
            assert seen.failure.reason == reason
            assert "command" not in self.printed(real, name)

    def test_a_service_fails_with_its_setup(self, real: Backend) -> None:
        setup = SHOW + "open(base + '/output/failure', 'w').write('no framework')\nraise SystemExit(1)"
        seen = self.finish(real, Workload("service", "service", python(SERVER), setup=python(setup)))
        assert seen.failure is not None
        assert seen.failure.reason == "AlgorithmError: no framework, exit code: 1"

    def test_a_setup_may_be_stopped(self, real: Backend) -> None:
        setup = python("import time; print('begun', flush=True); time.sleep(60)")
        real.launch(Workload("stop", "batch", python("print('command')"), setup=setup))
        self.until(real, "stop", lambda _: "begun" in self.printed(real, "stop"))
        real.signal("stop", "stop")
        assert self.until(real, "stop", lambda seen: seen.finished).phase == "Stopped"
        assert "command" not in self.printed(real, "stop")

    def test_a_setup_has_no_more_memory_than_the_command(self, real: Backend) -> None:
        hungry = python("import time; held = bytearray(400_000_000); time.sleep(60)")
        seen = self.finish(
            real, Workload("much", "batch", python("pass"), setup=hungry, resources=Resources(1, 200_000_000))
        )
        assert seen.failure is not None
        assert "Out of memory" in seen.failure.reason

    def test_a_layer_is_built_once(self, real: Backend, data_dir: Path) -> None:
        for name, built in (("first", True), ("second", False)):
            assert self.finish(real, self.with_layer(name)).phase == "Completed"
            lines = self.printed(real, name)
            assert ("building" in lines) == built
            assert lines[-1] == "of the layer"
            real.remove(name)
        assert [path.name for path in (self.agents(data_dir) / "layers").iterdir()] == [_KEY]

    def test_a_layers_scripts_run(self, real: Backend) -> None:
        run = "import os, subprocess; subprocess.run([os.environ['SAGEWRIGHT_LAYER'] + '/bin/layer-script'])"
        assert self.finish(real, self.with_layer("first")).phase == "Completed"
        real.remove("first")
        assert self.finish(real, self.with_layer("second", run)).phase == "Completed"
        assert self.printed(real, "second")[-1] == "script of the layer"

    def test_another_key_is_another_layer(self, real: Backend, data_dir: Path) -> None:
        assert self.finish(real, self.with_layer("one")).phase == "Completed"
        assert self.finish(real, self.with_layer("two", key="f" * 64)).phase == "Completed"
        assert "building" in self.printed(real, "two")
        assert len(list((self.agents(data_dir) / "layers").iterdir())) == 2

    def test_a_command_cannot_write_a_layer(self, real: Backend) -> None:
        if not real.capabilities.sandbox:
            pytest.skip("no sandbox")
        assert self.finish(real, self.with_layer("spoils", _SPOIL)).phase == "Completed"
        assert "spoilt" not in self.printed(real, "spoils")
        self.finish(real, self.with_layer("next"))
        assert self.printed(real, "next")[-1] == "of the layer"

    def test_a_layer_whose_building_fails_is_not_there(self, real: Backend, data_dir: Path) -> None:
        setup = python(f"KEY = {_KEY!r}\n{_SETUP}\nif layer: raise SystemExit(1)")
        seen = self.finish(real, Workload("fails", "batch", python("pass"), setup=setup))
        assert seen.phase == "Failed"
        assert not list((self.agents(data_dir) / "layers").iterdir())

    @pytest.mark.parametrize("key", ["../../up", "short", "G" * 64, "a" * 65])
    def test_keys_are_checked(self, real: Backend, data_dir: Path, key: str) -> None:
        seen = self.finish(real, self.with_layer("key", key=key))
        assert seen.failure is not None
        assert seen.failure.kind == "InternalServerError"
        assert not (self.agents(data_dir) / "layers").exists()

    def test_python_is_the_workloads_own(self, real: Backend, tmp_path: Path) -> None:
        """A bare ``pip install`` works, stays with the workload, and sees what is installed beneath."""
        with zipfile.ZipFile(tmp_path / "own_thing-1.0-py3-none-any.whl", "w") as file:
            file.writestr("own_thing.py", "NAME = 'installed by the command'\n")
            file.writestr("own_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: own-thing\nVersion: 1.0\n")
            file.writestr(
                "own_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            file.writestr("own_thing-1.0.dist-info/RECORD", "")
        code = (
            "pip install --quiet --no-index own_thing-1.0-py3-none-any.whl pytest && "
            "python3 -c 'import own_thing, pytest; print(own_thing.NAME)'"
        )
        wheel = (tmp_path / "own_thing-1.0-py3-none-any.whl").read_bytes()
        copy = f"open('own_thing-1.0-py3-none-any.whl', 'wb').write({wheel!r})\n"
        run = f"import subprocess; subprocess.run(['/bin/sh', '-c', {code!r}], check=True)"
        seen = self.finish(real, Workload("pip", "batch", python(copy + run)))
        assert seen.phase == "Completed", self.printed(real, "pip")
        assert self.printed(real, "pip")[-1] == "installed by the command"
        look = "import importlib.util; print('found', importlib.util.find_spec('own_thing'))"
        self.finish(real, Workload("later", "batch", ("python", "-c", look)))
        assert self.printed(real, "later")[-1] == "found None"
