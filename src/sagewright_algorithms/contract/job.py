"""A training job inside its container: from /opt/ml/input to /opt/ml/model, or to /opt/ml/output/failure."""

from __future__ import annotations

import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import FrameType
from typing import Any

from sagewright_algorithms.contract import log, report
from sagewright_algorithms.contract.channels import Channel, channels_of
from sagewright_algorithms.contract.collective import Collective, alone, connect
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure, ClientError, failure_of
from sagewright_algorithms.contract.spec import AlgorithmSpec

_FAILURE_LENGTH = 1024
_TRACEBACK_LINES = 12


class Stop:
    """SIGTERM: SageMaker stops the job and gives it 120 s.

    Until the algorithm says that it can stop in order (``graceful``), the process just exits; afterwards ``requested``
    turns true, and the algorithm saves what it has and returns.
    """

    def __init__(self) -> None:
        self.requested = False
        self.graceful = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = signal.signal(signal.SIGTERM, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if not self.graceful:
            log.warning("Received SIGTERM before training began: no model is saved.")
            sys.exit(0)
        log.warning("Received SIGTERM: saving the current model.")
        self.requested = True


@dataclass(frozen=True)
class TrainingJob:
    """What an algorithm's ``train(job)`` gets. hyperparameters: parsed and checked. channels: by name.

    collective: of the job's instances. The first one alone writes the model: SageMaker puts the files of all of them
    into one archive.
    """

    environment: Environment
    hyperparameters: Mapping[str, Any]
    channels: Mapping[str, Channel]
    stop: Stop = field(default_factory=Stop)
    collective: Collective = field(default_factory=alone)


def run(spec: AlgorithmSpec, environment: Environment) -> int:
    """Trains; returns the process's exit code: 0, or 1 with the reason in output/failure."""
    stop = Stop()
    log.use(spec.log_form)
    try:
        with stop.listening(), warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _log_warning
            _train(spec, environment, stop)
    except AlgorithmFailure as failure:
        _fail(environment, str(failure), failure.__cause__)
        return 1
    except Exception as error:
        _fail(environment, str(failure_of(error)), error)
        return 1
    return 0


def _train(spec: AlgorithmSpec, environment: Environment, stop: Stop) -> None:
    given = environment.hyperparameters
    report.configuration(spec, environment, given)
    values = spec.parse(given)
    log.use(spec.log_form, values.get("_log_level", "info"))
    channels = channels_of(spec, environment.input_data, environment.data_folder)
    if len(environment.hosts) > 1 and not spec.distributed:
        raise ClientError(f"{spec.name} trains on one instance only; the job has {len(environment.hosts)}")
    environment.model_dir.mkdir(parents=True, exist_ok=True)
    report.begin(spec, environment)
    with connect(environment.hosts, environment.current_host) as collective:
        job = TrainingJob(environment, values, channels, stop, collective)
        import_module(f"sagewright_algorithms.{spec.package}.train").train(job)


def _log_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    log.warning(str(message))


def _fail(environment: Environment, reason: str, cause: BaseException | None) -> None:
    if cause is not None and not reason.startswith("ClientError"):
        lines = "".join(traceback.format_exception(cause)).rstrip().splitlines()
        for line in lines[-_TRACEBACK_LINES:]:
            log.write_line(line)
    log.error(reason)
    environment.failure_file.parent.mkdir(parents=True, exist_ok=True)
    environment.failure_file.write_text(reason[:_FAILURE_LENGTH])
