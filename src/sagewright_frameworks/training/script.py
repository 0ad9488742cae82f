"""Runs a training script in a process of its own, and says how it ended.

The toolkit's side of it: https://github.com/aws/sagemaker-training-toolkit
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure, ClientError
from sagewright_frameworks import installed, process, setup, source
from sagewright_frameworks.failure import CalledProcessError, ExecuteUserScriptError
from sagewright_frameworks.spec import FrameworkSpec
from sagewright_frameworks.training import launch, remote
from sagewright_frameworks.training.environment import TrainingEnvironment


def train(spec: FrameworkSpec, environment: Environment) -> int:
    """Runs the job's script; the exit code. The reason of one other than 0 is in output/failure."""
    log.use(setup.TOOLKIT)
    try:
        code = setup.code_folder(environment)
        installed.check(spec)
        _run(spec, TrainingEnvironment(environment, spec.training_module), code)
    except (AlgorithmFailure, CalledProcessError) as error:
        return setup.failed(environment, str(error))
    except Exception as error:
        return setup.failed(environment, f"Framework Error: \n{traceback.format_exc()}\n{error}")
    log.info("Reporting training SUCCESS")
    (environment.base / "output" / "success").touch()
    return 0


def _run(spec: FrameworkSpec, training: TrainingEnvironment, code: Path) -> None:
    if not training.program:
        raise ClientError(
            f"The {spec.title} container runs a script, and the job names none: set the hyperparameter "
            "sagemaker_program (the SDK's entry_point), and sagemaker_submit_directory to where it is."
        )
    command = [sys.executable, "-m", remote.__name__] if launch.lends(training) else _command(training, code)
    variables = {**training.variables, **_further(spec, training, code)}
    _tell(training, variables, command)
    status, words = process.run(command, {**os.environ, **variables}, code)
    if status:
        raise ExecuteUserScriptError(command, status, words, _missing(training.program, code, status))


def _command(training: TrainingEnvironment, code: Path) -> list[str]:
    """A shell script, a module of a package that is installed, or a Python script. Raises ClientError."""
    program, words = training.program, training.arguments
    if program.endswith(".sh") or not (program.endswith(".py") or (code / "setup.py").is_file()):
        with_mode = code / program
        if with_mode.is_file():
            with_mode.chmod(0o755)
        return ["/bin/sh", "-c", shlex.join([f"./{program}", *words])]
    start = launch.launcher(training, _python())
    if (code / "setup.py").is_file():
        return [*start, "-m", program.removesuffix(".py").replace("/", "."), *words]
    return [*start, program, *words]


def _further(spec: FrameworkSpec, training: TrainingEnvironment, code: Path) -> dict[str, str]:
    """Variables that are no SM_ ones: of the toolkit, and of what trains on several processes."""
    path = [str(code), *filter(None, [os.environ.get("PYTHONPATH")]), source.NAMES]
    return {
        "PYTHONPATH": os.pathsep.join(path),
        "CURRENT_HOST": training.environment.current_host,
        "SAGEMAKER_JOB_NAME": os.environ.get("TRAINING_JOB_NAME", ""),
        "SAGEMAKER_REGION": os.environ.get("AWS_REGION", ""),
        **launch.variables(training, spec.module),
    }


def _python() -> str:
    """The job's own Python environment, where the platform has made one."""
    return shutil.which("python") or sys.executable


def _tell(training: TrainingEnvironment, variables: dict[str, str], command: Sequence[str]) -> None:
    """As AWS's toolkit opens its log."""
    log.info("Invoking user script")
    lines = [
        "Training Env:",
        "",
        *json.dumps(training.document, indent=4).splitlines(),
        "",
        "Environment variables:",
        "",
    ]
    lines += [f"{name}={value}" for name, value in variables.items()]
    lines += ["", "Invoking script with the following command:", "", " ".join(command), ""]
    log.write_line("\n".join(lines))


def _missing(program: str, code: Path, status: int) -> str:
    """A word on a script that is not there: what is."""
    if (code / program).exists() or (code / "setup.py").exists():
        return ""
    return f"The source has no {program}; it has {source.names(code)}"
