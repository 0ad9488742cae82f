"""Spark's event logs: written beside, and copied to where the job's output takes them from, under their final names.

https://github.com/aws/sagemaker-spark-container/blob/master/src/smspark/spark_event_logs_publisher.py
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from types import TracebackType

_PERIOD = 20.0
_UNFINISHED = ".inprogress"


class EventLogs:
    """A context, in which Spark writes. source, target: folders, made where they are not there."""

    def __init__(self, source: Path, target: Path) -> None:
        self._source, self._target = source, target
        self._end = threading.Event()
        self._copier = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> EventLogs:
        self._source.mkdir(parents=True, exist_ok=True)
        self._target.mkdir(parents=True, exist_ok=True)
        self._copier.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._end.set()
        self._copier.join()
        self._copy()

    def _run(self) -> None:
        while not self._end.wait(_PERIOD):
            self._copy()

    def _copy(self) -> None:
        for file in list(self._source.iterdir()):
            name = file.name.removesuffix(_UNFINISHED)
            if file.is_file() and not name.startswith("."):
                fresh = self._target / f".{name}.fresh"
                shutil.copyfile(file, fresh)
                os.replace(fresh, self._target / name)
