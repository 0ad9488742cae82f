"""Spark's configuration folder: defaults sized to the instance, S3, event logs, and the user's own on top."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from sagewright_frameworks.spark.classifications import Configuration

MASTER = "SAGEWRIGHT_SPARK_MASTER"
"""Environment variable: a cluster's master, ``spark://host:7077``."""
_HEAP = 0.7
"""Of the instance's memory; the rest is for what the JVM has beside its heap, and for Python's workers."""
_LEAST_HEAP = 512 << 20
_ANSI_SINCE = 4


@dataclass(frozen=True, slots=True)
class Machine:
    """What the instance has. memory: bytes."""

    cpus: int
    memory: int

    @classmethod
    def of_process(cls, environ: Mapping[str, str] = os.environ) -> Machine:
        cpus = int(environ.get("OMP_NUM_THREADS") or 0) or len(os.sched_getaffinity(0))
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(cpus, int(environ.get("SAGEWRIGHT_MEMORY") or 0) or whole)


def master(user: Mapping[str, str], machine: Machine, environ: Mapping[str, str] = os.environ) -> str:
    """Where Spark runs: as the environment says, or spark.master of the user's defaults; else in this instance.

    There is no YARN here, which is what AWS's container has.
    """
    asked = environ.get(MASTER) or user.get("spark.master", "")
    return f"local[{machine.cpus}]" if asked in ("", "yarn") else asked


def defaults(machine: Machine, where: str, image_version: str, event_logs: str, scratch: Path) -> dict[str, str]:
    """spark-defaults.conf under the user's. where: the master. image_version: of Spark, empty where none is known.

    event_logs: where events go, empty for nowhere. scratch: a folder for what is in the way.
    """
    heap = max(_LEAST_HEAP, int(machine.memory * _HEAP))
    found = {
        "spark.master": where,
        "spark.driver.memory": f"{heap >> 20}m",
        "spark.default.parallelism": str(machine.cpus * 2),
        "spark.driver.defaultJavaOptions": f"-Djava.io.tmpdir={scratch}",
        "spark.rpc.askTimeout": "300s",
        # What AWS's container has too: a task's files move once, since S3 moves by copying.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        # Nobody could look at it, and two jobs would want the same port.
        "spark.ui.enabled": "false",
    }
    if where.startswith("local"):
        found["spark.driver.host"] = "127.0.0.1"
    else:
        found["spark.executor.memory"] = found["spark.driver.memory"]
    major = image_version.partition(".")[0]
    if major.isdigit() and int(major) < _ANSI_SINCE:
        found["spark.sql.ansi.enabled"] = "false"  # as in the Spark that the script was written for
    if event_logs:
        found |= {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": event_logs,
            "spark.eventLog.rolling.enabled": "false",
            "spark.eventLog.compress": "false",
        }
    return found


def write(folder: Path, spark: Mapping[str, str], core: Mapping[str, str], user: Configuration) -> None:
    """Spark's and Hadoop's files in a folder that only we may read: keys may be in them."""
    folder.mkdir(mode=0o700)
    files: dict[str, dict[str, str]] = {"spark-defaults.conf": dict(spark), "core-site.xml": dict(core)}
    for name, properties in user.files.items():
        files.setdefault(name, {}).update(properties)
    if user.of("spark-defaults.conf").get("spark.master") == "yarn":
        files["spark-defaults.conf"]["spark.master"] = spark["spark.master"]
    for name, properties in files.items():
        text = _xml(properties) if name.endswith(".xml") else _lines(properties, " " if name.endswith(".conf") else "=")
        (folder / name).write_text(text)


def _lines(properties: Mapping[str, str], between: str) -> str:
    """A file of Java's properties: a backslash begins an escape there, and a line ends a property."""
    escaped = {name: value.replace("\\", "\\\\").replace("\n", "\\n") for name, value in properties.items()}
    return "".join(f"{name}{between}{value}\n" for name, value in escaped.items())


def _xml(properties: Mapping[str, str]) -> str:
    entries = (
        f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in properties.items()
    )
    return f'<?xml version="1.0"?>\n<configuration>\n{"".join(entries)}</configuration>\n'
