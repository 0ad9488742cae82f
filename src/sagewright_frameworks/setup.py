"""Before the command: the source unpacked, the framework there, the requirements installed.

The platform runs this up to twice (``sagewright.runtime.agent.setup``): with SAGEWRIGHT_LAYER_KEY, the file for the key
of the layer that is needed, and where there is none of that key yet, with SAGEWRIGHT_LAYER, the environment to fill.
"""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure, ClientError
from sagewright_frameworks import installed, requirements, source
from sagewright_frameworks.failure import CalledProcessError
from sagewright_frameworks.spec import FrameworkSpec

TOOLKIT = log.Form("%Y-%m-%d %H:%M:%S", "{time} sagemaker-training-toolkit {level:8}")
SERVING = log.Form("%Y-%m-%d %H:%M:%S", "{time} sagemaker-inference-toolkit {level:8}")
PROCESSING = log.Form("%Y-%m-%d %H:%M:%S", "{time} {level:8}")


def setup(spec: FrameworkSpec, environment: Environment) -> int:
    """The exit code; the reason of one other than 0 is in output/failure."""
    log.use(PROCESSING if processing(environment) else TOOLKIT if training(environment) else SERVING)
    try:
        if layer := os.environ.get("SAGEWRIGHT_LAYER"):
            _install(environment, Path(layer))
        else:
            _prepare(spec, environment)
    except (AlgorithmFailure, CalledProcessError) as error:
        return failed(environment, str(error))
    except Exception as error:
        return failed(environment, f"Framework Error: \n{traceback.format_exc()}\n{error}")
    return 0


def failed(environment: Environment, text: str, said: str = "") -> int:
    """Say why, in the log and to the platform; a reason that the user's own code has given stands. The exit code.

    said: what the log gets, where that is more.
    """
    file = environment.failure_file
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text(text)
    log.error("Reporting training FAILURE" if training(environment) else "Reporting FAILURE")
    log.error(said or text)
    return 1


def training(environment: Environment) -> bool:
    """Whether this is a training job, and no endpoint's instance."""
    return (environment.base / "input" / "config" / "resourceconfig.json").exists()


def processing(environment: Environment) -> bool:
    """Whether this is a processing job, which brings its code itself."""
    return (environment.base / "config" / "processingjobconfig.json").exists()


def code_folder(environment: Environment) -> Path:
    """Where the user's code is, brought there where it is not yet. Raises ClientError."""
    given = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if training(environment):
        given = _decoded(environment.hyperparameters.get("sagemaker_submit_directory", "")) or given
        return source.unpacked(given or "/opt/ml/code", environment.base)
    inside = environment.model_dir / "code"
    if not given:
        return inside
    place = source.located(given, environment.base)
    return place if place.is_dir() else source.unpacked(given, environment.base)


def _decoded(value: str) -> str:
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def is_package(environment: Environment, code: Path) -> bool:
    """Whether the code is a package that is installed, and not a script."""
    program = _decoded(environment.hyperparameters.get("sagemaker_program", ""))
    return training(environment) and not program.endswith(".sh") and (code / "setup.py").is_file()


def _prepare(spec: FrameworkSpec, environment: Environment) -> None:
    if line := installed.difference(spec, environment.image):
        log.warning(line)
    if processing(environment):
        installed.check(spec)
        return
    code = code_folder(environment)
    key = requirements.key(code, package=is_package(environment, code))
    if key is None:
        installed.check(spec)
    elif file := os.environ.get("SAGEWRIGHT_LAYER_KEY"):
        Path(file).write_text(key)
    else:
        raise ClientError("There is nowhere to install requirements.txt to.")


def _install(environment: Environment, layer: Path) -> None:
    code = code_folder(environment)
    requirements.install(code, layer, package=is_package(environment, code))
