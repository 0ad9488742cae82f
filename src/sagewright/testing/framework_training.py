"""The training half of FrameworkSuite: what the container of a framework does around a user's training script.

The contract: https://github.com/aws/sagemaker-training-toolkit and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sagewright.runtime.agent.python import lay
from sagewright.runtime.python import describe
from sagewright.testing.algorithm_processes import DEADLINE, Run, environment

_TELLS = """
import json, os, sys
import helper
document = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "helper": helper.NAME}
with open(os.path.join(os.environ["SM_MODEL_DIR"], "told.json"), "w") as file:
    json.dump(document, file)
print("said by the script")
"""
_HELPER = "NAME = 'helper of the source'\n"
_TAR = "s3://bucket/somewhere/sourcedir.tar.gz"
_BUILD = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
_BACKEND = """
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = "own_package-1.0.dist-info"
    files = {name: open(name).read() for name in ("inner/__init__.py", "inner/work.py")}
    files[info + "/METADATA"] = "Metadata-Version: 2.1\\nName: own-package\\nVersion: 1.0\\n"
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(folder + "/own_package-1.0-py3-none-any.whl", "w") as file:
        for name, text in {**files, info + "/RECORD": ""}.items():
            file.writestr(name, text)
    return "own_package-1.0-py3-none-any.whl"
"""
"""A way to build a package for which nothing need be fetched."""


class FrameworkTrainingSuite:
    """What the author supplies.

    name: of the framework on the command line. module: what its scripts import. image: a URI whose tag asks for another
    version than the one installed, and title the framework's name in the log.
    """

    name: str
    module: str
    image: str
    title: str

    @pytest.fixture
    def base(self, tmp_path: Path) -> Path:
        """/opt/ml of a job with two channels on the second of two instances."""
        for folder in ("model", "output/data", "code", "input/data/train", "input/data/eval", "input/config"):
            (tmp_path / folder).mkdir(parents=True)
        resources = {
            "current_host": "algo-2",
            "hosts": ["algo-1", "algo-2"],
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": ["algo-1", "algo-2"],
                }
            ],
            "network_interface_name": "eth0",
        }
        channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        write(tmp_path, "input/config/resourceconfig.json", json.dumps(resources))
        write(tmp_path, "input/config/inputdataconfig.json", json.dumps({"train": channel, "eval": channel}))
        return tmp_path

    def run(self, base: Path, verb: str = "train", **settings: str) -> Run:
        """The toolkit's end. settings: environment variables."""
        done = subprocess.run(
            self.launch(verb),
            env=self.environment(base, settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        return Run(base, done.returncode, done.stdout)

    def launch(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "sagewright_frameworks", self.name, verb]

    def environment(self, base: Path, settings: Mapping[str, str]) -> dict[str, str]:
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        job = {"SM_NUM_CPUS": "2", "SM_NUM_GPUS": "0", "TRAINING_JOB_NAME": "job", "SAGEWRIGHT_IMAGE": self.image}
        return environment(base, {"PATH": path, "AWS_REGION": "eu-west-1", **job, **settings})

    def job(self, base: Path, source: Mapping[str, str], **hyperparameters: Any) -> None:
        """A job whose source is a tar in S3, brought by the platform; hyperparameters as the SDK sends them."""
        (base / "input" / "source").mkdir(exist_ok=True)
        (base / "input" / "source" / "sourcedir.tar.gz").write_bytes(tar(source))
        given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": _TAR, **hyperparameters}
        encoded = {name: json.dumps(value) for name, value in given.items()}
        write(base, "input/config/hyperparameters.json", json.dumps(encoded))

    def told(self, base: Path, **settings: str) -> dict[str, Any]:
        done = self.run(base, **settings)
        assert done.code == 0, done.log + done.failure
        assert "said by the script" in done.log
        found: dict[str, Any] = json.loads(done.model["told.json"])
        return found

    # What a script gets.

    def test_arguments(self, base: Path) -> None:
        given: dict[str, Any] = {"epochs": 3, "lr": 0.1, "flag": True, "none": None, "words": "two words", "a": "x"}
        given |= {"list": [1, "b"], "map": {"y": 2, "x": 1}, "sagemaker_region": "us-east-1", "sagemaker_own": 1}
        self.job(base, {"train.py": _TELLS, "helper.py": _HELPER}, **given, _tuning_objective_metric="loss")
        pairs = ["-a", "x", "--epochs", "3", "--flag", "True", "--list", "[1, 'b']", "--lr", "0.1"]
        pairs += ["--map", "x=1,y=2", "--none", "", "--words", "two words"]
        found = self.told(base)
        assert found["argv"] == pairs
        assert found["cwd"] == str(base / "code")
        assert found["helper"] == "helper of the source"
        assert json.loads(found["env"]["SM_USER_ARGS"]) == pairs
        assert json.loads(found["env"]["SM_FRAMEWORK_PARAMS"]) == {"sagemaker_own": 1}

    def test_environment(self, base: Path) -> None:
        self.job(base, {"train.py": _TELLS, "helper.py": _HELPER}, epochs=3, objective="mse", deep={"b": [1]})
        found = self.told(base, OWN="of the job")["env"]
        hosts = ["algo-1", "algo-2"]
        texts = {
            "SM_MODEL_DIR": str(base / "model"),
            "SM_INPUT_DIR": str(base / "input"),
            "SM_INPUT_CONFIG_DIR": str(base / "input/config"),
            "SM_OUTPUT_DIR": str(base / "output"),
            "SM_OUTPUT_DATA_DIR": str(base / "output/data"),
            "SM_OUTPUT_INTERMEDIATE_DIR": str(base / "output/intermediate"),
            "SM_CHANNEL_TRAIN": str(base / "input/data/train"),
            "SM_CHANNEL_EVAL": str(base / "input/data/eval"),
            "SM_CURRENT_HOST": "algo-2",
            "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
            "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
            "SM_NETWORK_INTERFACE_NAME": "eth0",
            "SM_MODULE_NAME": "train",
            "SM_MODULE_DIR": _TAR,
            "SM_USER_ENTRY_POINT": "train.py",
            "SM_LOG_LEVEL": "20",
            "SM_NUM_CPUS": "2",
            "SM_NUM_GPUS": "0",
            "SM_NUM_NEURONS": "0",
            "SM_IS_HETERO": "false",
            "SM_HP_EPOCHS": "3",
            "SM_HP_OBJECTIVE": "mse",
            "SM_HP_DEEP": '{"b":[1]}',
            "OWN": "of the job",
            "CURRENT_HOST": "algo-2",
            "SAGEMAKER_REGION": "eu-west-1",
        }
        assert {name: found.get(name) for name in texts} == texts
        documents = {
            "SM_HPS": {"epochs": 3, "objective": "mse", "deep": {"b": [1]}},
            "SM_HOSTS": hosts,
            "SM_CHANNELS": ["eval", "train"],
            "SM_CURRENT_INSTANCE_GROUP_HOSTS": hosts,
            "SM_INSTANCE_GROUPS": ["homogeneousCluster"],
            "SM_DISTRIBUTION_INSTANCE_GROUPS": [],
            "SM_RESOURCE_CONFIG": json.loads((base / "input/config/resourceconfig.json").read_text()),
            "SM_INPUT_DATA_CONFIG": json.loads((base / "input/config/inputdataconfig.json").read_text()),
        }
        assert {name: json.loads(found[name]) for name in documents} == documents
        everything = json.loads(found["SM_TRAINING_ENV"])
        assert everything["hyperparameters"] == documents["SM_HPS"]
        assert everything["job_name"] == "job"
        assert everything["is_master"] is False
        assert everything["master_hostname"] == "algo-1"

    def test_words_that_are_no_json(self, base: Path) -> None:
        self.job(base, {"train.py": _TELLS, "helper.py": _HELPER})
        plain = {"sagemaker_program": "train.py", "sagemaker_submit_directory": _TAR, "kernel": "rbf", "c": "1.5"}
        write(base, "input/config/hyperparameters.json", json.dumps(plain))
        assert self.told(base)["argv"] == ["-c", "1.5", "--kernel", "rbf"]

    def test_the_framework_is_there(self, base: Path) -> None:
        self.job(base, {"train.py": f"import {self.module}\nprint('imported', {self.module}.__name__)"})
        ready, done = self.setup(base), self.run(base)
        assert ready.code == 0, ready.log
        assert f"is of {self.title}" in ready.log, "the image's version is another than the installed one"
        assert "is what runs" not in done.log, "which is said once"
        assert f"imported {self.module}" in done.log
        assert (base / "output" / "success").exists()

    # Where the source is.

    def test_source_folder(self, base: Path) -> None:
        write(base, "input/data/code/deep/helper.py", _HELPER)
        write(base, "input/data/code/train.py", "from deep.helper import NAME\nprint(NAME)")
        self.job(base, {}, sagemaker_submit_directory="/opt/ml/input/data/code")
        assert "helper of the source" in self.run(base).log

    def test_source_tar_in_a_channel(self, base: Path) -> None:
        (base / "input/data/code").mkdir()
        (base / "input/data/code/sourcedir.tar.gz").write_bytes(tar({"train.py": _TELLS, "helper.py": _HELPER}))
        self.job(base, {}, sagemaker_submit_directory="/opt/ml/input/data/code/sourcedir.tar.gz")
        assert self.told(base)["argv"] == []

    def test_code_that_is_there_stays(self, base: Path) -> None:
        write(base, "code/train.py", "print('of the image')")
        self.job(base, {"train.py": "print('of the job')"})
        assert "of the image\n" in self.run(base).log

    def test_program_of_the_environment(self, base: Path) -> None:
        self.job(base, {"other.py": "print('the other one')"})
        assert "the other one\n" in self.run(base, SAGEMAKER_PROGRAM="other.py").log

    def test_shell_script(self, base: Path) -> None:
        script = '#!/bin/sh\nprintf %s "$*" > "$SM_MODEL_DIR/said"\n'
        self.job(base, {"go.sh": script}, sagemaker_program="go.sh", words="a b", n=1)
        done = self.run(base)
        assert done.code == 0, done.log
        assert done.model["said"] == b"-n 1 --words a b"

    # How it ends.

    def test_exception(self, base: Path) -> None:
        script = "import sys\ndef inner():\n    raise ValueError('no such thing')\nprint('before')\ninner()\n"
        self.job(base, {"train.py": script}, epochs=1)
        done = self.run(base)
        assert done.code == 1
        head, message, command = done.failure.split("\n", 1)[0], done.failure, done.failure.rsplit("\n", 1)[1]
        assert head == "ExecuteUserScriptError:"
        assert '\nExitCode 1\nErrorMessage "' in message
        assert "in inner\n    raise ValueError('no such thing')\nValueError: no such thing\"\n" in message
        assert command.startswith('Command "')
        assert command.endswith('train.py --epochs 1"')
        assert "Traceback (most recent call last):" in done.log
        assert not (base / "output" / "success").exists()

    def test_long_messages_keep_their_end(self, base: Path) -> None:
        script = (
            "def deep(n):\n    deep(n - 1) if n else error()\ndef error():\n    raise KeyError('at the end')\ndeep(90)"
        )
        self.job(base, {"train.py": script}, **{f"parameter-{n}": "x" * 100 for n in range(20)})
        failure = self.run(base).failure
        assert len(failure) < 1000
        assert "KeyError: 'at the end'" in failure
        assert 'Command "' in failure

    @pytest.mark.parametrize(
        ("script", "word"),
        [
            ("def broken(:\n", "SyntaxError: "),
            ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
            ("import sys\nsys.exit('gave up')", "gave up"),
            ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL (signal 9): out of memory"),
            ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ExitCode 139"),
            ("import os\nos._exit(7)", "ExitCode 7"),
        ],
    )
    def test_other_ends(self, base: Path, script: str, word: str) -> None:
        self.job(base, {"train.py": script})
        done = self.run(base)
        assert done.code == 1
        assert done.failure.startswith("ExecuteUserScriptError:\nExitCode ")
        assert word in done.failure

    def test_the_scripts_own_reason_stands(self, base: Path) -> None:
        script = "import os, sys\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('mine')\nsys.exit(2)"
        self.job(base, {"train.py": script})
        done = self.run(base)
        assert (done.code, done.failure) == (1, "mine")

    def test_stop_reaches_the_script(self, base: Path) -> None:
        script = (
            "import os, signal, sys, time\n"
            "def end(*_):\n    open(os.environ['SM_MODEL_DIR'] + '/stopped', 'w').close()\n    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, end)\nprint('ready', flush=True)\ntime.sleep(60)\n"
        )
        self.job(base, {"train.py": script})
        with (base / "train.log").open("w") as log:
            process = subprocess.Popen(self.launch("train"), env=self.environment(base, {}), stdout=log)
        deadline = time.monotonic() + DEADLINE
        while "ready\n" not in (base / "train.log").read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
        assert (base / "model" / "stopped").exists()

    # Wrong input.

    def test_no_program(self, base: Path) -> None:
        write(base, "input/config/hyperparameters.json", "{}")
        done = self.run(base)
        assert done.code == 1
        assert done.failure.startswith("ClientError: ")
        assert "sagemaker_program" in done.failure

    def test_no_such_program(self, base: Path) -> None:
        self.job(base, {"other.py": "", "more.py": ""})
        done = self.run(base)
        assert done.code == 1
        assert done.failure.startswith("ExecuteUserScriptError:")
        assert "The source has no train.py; it has more.py, other.py" in done.failure

    def test_no_source(self, base: Path) -> None:
        self.job(base, {}, sagemaker_submit_directory="/opt/ml/input/data/nowhere")
        done = self.run(base)
        assert (done.code, done.failure[:13]) == (1, "ClientError: ")
        assert "/opt/ml/input/data/nowhere" in done.failure

    @pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "a/../../outside.py"])
    def test_a_tar_that_climbs_out(self, base: Path, name: str) -> None:
        self.job(base, {name: "print('out')", "train.py": ""})
        done = self.setup(base)
        outside = [file for file in (base / "outside.py", Path("/outside.py")) if file.exists()]
        assert not outside
        if name.startswith("/"):
            return  # taken for a name inside, as tar itself does
        assert (done.code, done.failure[:13]) == (1, "ClientError: ")
        assert "outside.py" in done.failure

    def test_no_tar_at_all(self, base: Path) -> None:
        self.job(base, {"train.py": ""})
        (base / "input/source/sourcedir.tar.gz").write_bytes(tar({"train.py": "x" * 9999})[:-40])
        done = self.setup(base)
        assert (done.code, done.failure[:13]) == (1, "ClientError: ")
        assert _TAR in done.failure

    # requirements.txt

    def setup(self, base: Path, **settings: str) -> Run:
        return self.run(base, "setup", **{"SAGEWRIGHT_LAYER_KEY": str(base / "key"), **settings})

    def key(self, base: Path) -> str:
        done = self.setup(base)
        assert done.code == 0, done.log
        return (base / "key").read_text()

    def install(self, base: Path) -> Run:
        lay(str(base / "layer"), str(base / "layer"), describe())
        names = {"SAGEWRIGHT_LAYER_KEY": "", "SAGEWRIGHT_WHEELS_NAME": "/the/wheels"}
        return self.setup(base, SAGEWRIGHT_LAYER=str(base / "layer"), PIP_NO_INDEX="1", **names)

    def test_no_requirements_need_no_layer(self, base: Path) -> None:
        self.job(base, {"train.py": ""})
        assert self.setup(base).code == 0
        assert not (base / "key").exists()

    def test_requirements_that_are_the_same_share_a_layer(self, base: Path) -> None:
        def key(**files: str) -> str:
            for file in (base / "code").iterdir():
                file.unlink()
            self.job(base, {name.replace("_", "."): text for name, text in files.items()})
            return self.key(base)

        one = key(requirements_txt="-r more.txt\n", more_txt="a==1\n", train_py="1")
        assert len(one) == 64
        assert key(requirements_txt="-r more.txt\n", more_txt="a==1\n", train_py="2") == one
        assert key(requirements_txt="-r more.txt\n", more_txt="a==2\n", train_py="1") != one
        assert key(requirements_txt="a==1\n", train_py="1") != one

    def test_requirements_are_installed(self, base: Path) -> None:
        self.job(base, {"train.py": "import tiny\nprint(tiny.NAME)", "requirements.txt": "tiny-thing==1.0\n"})
        self.key(base)
        wheel(base / "code" / "wheels")
        done = self.install(base)
        assert done.code == 0, done.log
        ran = self.run(
            base, SAGEWRIGHT_LAYER=str(base / "layer"), PATH=f"{base / 'layer' / 'bin'}:{os.environ['PATH']}"
        )
        assert "tiny of the wheel\n" in ran.log, ran.log

    def test_a_package_is_installed_and_run_as_a_module(self, base: Path) -> None:
        files = {"setup.py": "", "inner/__init__.py": "", "inner/work.py": "NAME = 'work of the package'\n"}
        files |= {"backend.py": _BACKEND, "pyproject.toml": _BUILD}
        self.job(base, {**files, "train.py": "from inner.work import NAME\nprint(__name__, NAME)\n"})
        self.key(base)
        done = self.install(base)
        assert done.code == 0, done.log
        (installed,) = (base / "layer").glob("lib/*/site-packages/inner/work.py")
        assert installed.read_text() == files["inner/work.py"]
        ran = self.run(base)
        assert "__main__ work of the package\n" in ran.log, ran.log
        assert " -m train\n" in ran.log

    def test_requirements_that_do_not_resolve(self, base: Path) -> None:
        self.job(base, {"train.py": "", "requirements.txt": "no-such-thing-anywhere==1.0\n"})
        self.key(base)
        done = self.install(base)
        assert done.code == 1
        assert done.failure.startswith("InstallRequirementsError:\nExitCode 1\n")
        assert "No matching distribution found for no-such-thing-anywhere==1.0" in done.failure
        assert "put its wheel into /the/wheels, or into a folder wheels beside requirements.txt" in done.failure
        assert 'pip install -r requirements.txt"' in done.failure


def write(base: Path, name: str, text: str) -> None:
    """A file below a folder, with the folders above it."""
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_text(text)


def tar(files: Mapping[str, str]) -> bytes:
    """A tar.gz of files by name."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return raw.getvalue()


def wheel(folder: Path) -> None:
    """tiny-thing 1.0, a module ``tiny``, as pip takes it."""
    folder.mkdir()
    info = "tiny_thing-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_thing-1.0-py3-none-any.whl", "w") as file:
        file.writestr("tiny.py", "NAME = 'tiny of the wheel'\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
