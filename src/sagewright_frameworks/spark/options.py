"""The command line of ``smspark-submit``: spark-submit's; with folders for lists of files.

https://github.com/aws/sagemaker-spark-container/blob/master/src/smspark/cli.py
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlparse

from sagewright_algorithms.contract.errors import ClientError

_REMOTE = ("s3", "s3a", "s3n", "hdfs", "http", "https", "local")


@dataclass(frozen=True, slots=True)
class Options:
    """lists: of files, ``jars``, ``py-files`` and ``files`` as spark-submit takes them. app: a path or an S3 URI."""

    app: str
    arguments: tuple[str, ...] = ()
    main_class: str = ""
    lists: dict[str, str] = field(default_factory=dict)
    event_logs_uri: str = ""
    event_logs_dir: str = ""
    verbose: bool = False

    @property
    def words(self) -> list[str]:
        """What goes to spark-submit."""
        found = ["--verbose"] if self.verbose else []
        found += ["--class", self.main_class] if self.main_class else []
        found += [word for name, value in self.lists.items() for word in (f"--{name}", value)]
        return [*found, self.app, *self.arguments]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ClientError(f"smspark-submit: {message}")


def parsed(argv: Sequence[str], base: Path) -> Options:
    """base: /opt/ml. Raises ClientError for an unknown option, or a file that is not there."""
    parser = _Parser("smspark-submit", allow_abbrev=False)
    parser.add_argument("--class", dest="main_class", default="")
    for name in ("jars", "py-files", "files"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--spark-event-logs-s3-uri", default="")
    parser.add_argument("--local-spark-event-logs-dir", default="")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("app")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    found = parser.parse_args(argv)
    lists = {"jars": found.jars, "py-files": found.py_files, "files": found.files}
    return Options(
        app=_app(found.app, base),
        arguments=tuple(found.arguments),
        main_class=found.main_class,
        lists={name: _listed(f"--{name}", value, base) for name, value in lists.items() if value is not None},
        event_logs_uri=found.spark_event_logs_s3_uri,
        event_logs_dir=str(_inside(found.local_spark_event_logs_dir, base)) if found.local_spark_event_logs_dir else "",
        verbose=found.verbose,
    )


def _inside(path: str, base: Path) -> Path:
    """A path of the container in this one, where /opt/ml may be another folder."""
    given = Path(path)
    return base / given.relative_to("/opt/ml") if given.is_relative_to("/opt/ml") else given


def _app(given: str, base: Path) -> str:
    if urlparse(given).scheme in _REMOTE:
        return given
    path = _inside(given.removeprefix("file://"), base)
    if path.is_file():
        return str(path)
    there = ", ".join(sorted(each.name for each in path.parent.iterdir())[:8]) if path.parent.is_dir() else ""
    beside = f"its folder has {there}" if there else "there is no such folder, or it is empty"
    raise ClientError(f"smspark-submit: the application {given} does not exist; {beside}.")


def _listed(option: str, value: str, base: Path) -> str:
    """Comma-separated files; a folder stands for the files in it."""
    if not value:
        raise ClientError(f"smspark-submit: {option} must not be empty")
    found: list[str] = []
    for each in value.split(","):
        if urlparse(each).scheme in _REMOTE:
            found.append(each)
            continue
        path = _inside(each.removeprefix("file://"), base)
        if not path.is_absolute():
            raise ClientError(f"smspark-submit: {option}: {each} must be an absolute path to a file or a folder")
        if not path.exists():
            raise ClientError(f"smspark-submit: {option}: {each} does not exist")
        files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
        if not files:
            raise ClientError(f"smspark-submit: {option}: there are no files in {each}")
        found += map(str, files)
    return ",".join(found)
