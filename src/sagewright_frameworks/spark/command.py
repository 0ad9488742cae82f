"""``smspark-submit``: from the container's command line to spark-submit, and from its end to the job's.

https://github.com/aws/sagemaker-spark-container/blob/master/src/smspark/job.py
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.errors import AlgorithmFailure
from sagewright_frameworks import installed as frameworks
from sagewright_frameworks import process
from sagewright_frameworks.spark import classifications, reason, s3, settings
from sagewright_frameworks.spark.classifications import Configuration
from sagewright_frameworks.spark.events import EventLogs
from sagewright_frameworks.spark.installed import Spark, find
from sagewright_frameworks.spark.options import Options, parsed
from sagewright_frameworks.spark.spec import SPARK

_LIMIT = 1024
_ENTRY_POINT = """#!/usr/bin/env python3
import sys

from sagewright_frameworks.spark.command import main

sys.exit(main())
"""
_FORM = log.Form("%Y-%m-%d %H:%M:%S", "{time} smspark-submit {level:8}")


def main(argv: Sequence[str] | None = None) -> int:
    """argv: the words after the name. Returns the exit status; the reason of one other than 0 is in output/."""
    log.use(_FORM)
    environment = Environment.of_process()
    try:
        return _submit(sys.argv[1:] if argv is None else argv, environment)
    except AlgorithmFailure as error:
        return _failed(environment, str(error), 1)


def setup() -> int:
    """Before a job: its entry point, and the file system for S3 compiled once, in the layer that the jobs share."""
    log.use(_FORM)
    environment = Environment.of_process()
    try:
        spark = find()
        if layer := os.environ.get("SAGEWRIGHT_LAYER"):
            _fill(spark, Path(layer))
        elif file := os.environ.get("SAGEWRIGHT_LAYER_KEY"):
            Path(file).write_text(s3.key(spark, _ENTRY_POINT))
    except AlgorithmFailure as error:
        return _failed(environment, str(error), 1)
    return 0


def _fill(spark: Spark, layer: Path) -> None:
    """Raises AlgorithmError."""
    s3.compiled(spark, layer / s3.IN_LAYER)
    script = layer / "bin" / "smspark-submit"
    script.parent.mkdir(exist_ok=True)
    script.write_text(_ENTRY_POINT)
    script.chmod(0o755)


def _submit(argv: Sequence[str], environment: Environment) -> int:
    spark = find()
    options = parsed(argv, environment.base)
    user = classifications.read(environment.base)
    if line := frameworks.difference(SPARK, environment.image):
        log.warning(line)
    if user.ignored:
        log.warning(f"Nothing here reads the classifications {', '.join(user.ignored)}.")
    if environment.current_host != min(environment.hosts):
        log.info(f"Spark runs on {min(environment.hosts)}; this instance has nothing to do.")
        return 0
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        return _run(spark, options, user, environment, Path(folder))


def _run(spark: Spark, options: Options, user: Configuration, environment: Environment, scratch: Path) -> int:
    spoken = user.of("spark-defaults.conf")
    machine = settings.Machine.of_process()
    where = settings.master(spoken, machine)
    events = options.event_logs_uri.replace("s3://", "s3a://", 1)
    logs: AbstractContextManager[object] = nullcontext()
    if options.event_logs_dir and not events:
        events = (scratch / "events").as_uri()
        logs = EventLogs(scratch / "events", Path(options.event_logs_dir))
    version = SPARK.version_of(environment.image) or ""
    theirs = s3.has_hadoop_aws(spark, [*options.lists.values(), *spoken.values()])
    defaults = settings.defaults(machine, where, version, events, scratch)
    settings.write(scratch / "conf", defaults, s3.properties(theirs), user)
    env = _environment(spark, scratch, user, where)
    words = list(options.words)
    if not theirs:
        ours = str(s3.jar(spark, scratch))
        env["SPARK_DIST_CLASSPATH"] = os.pathsep.join(filter(None, [ours, env.get("SPARK_DIST_CLASSPATH")]))
        words = words if where.startswith("local") else _with_jar(options, ours)
    command = [str(spark.home / "bin" / "spark-submit"), *words]
    log.info(f"Spark {_version()} on {where}: spark-submit {shlex.join(words)}")
    with logs:
        # A Python application's traceback comes by Spark's standard output, a Java one's by its standard error.
        status, output = process.run(command, env, both=True)
    return _failed(environment, _why(status, output), status) if status else 0


def _with_jar(options: Options, jar: str) -> list[str]:
    """A cluster's executors need the file system too."""
    jars = ",".join(filter(None, [options.lists.get("jars"), jar]))
    lists = {**options.lists, "jars": jars}
    return Options(options.app, options.arguments, options.main_class, lists, verbose=options.verbose).words


def _environment(spark: Spark, scratch: Path, user: Configuration, where: str) -> dict[str, str]:
    conf = str(scratch / "conf")
    python = shutil.which("python3") or sys.executable
    found = {
        **os.environ,
        "SPARK_HOME": str(spark.home),
        "SPARK_CONF_DIR": conf,
        "HADOOP_CONF_DIR": conf,
        "SPARK_LOCAL_DIRS": str(scratch / "local"),
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", python),
    }
    if where.startswith("local"):
        found["SPARK_LOCAL_IP"] = "127.0.0.1"
    return {**found, **user.environment}


def _version() -> str:
    from importlib.metadata import version

    return version("pyspark")


def _why(status: int, output: str) -> str:
    found = reason.of_output(output) or f"spark-submit ended with exit code {status}"
    return f"Algorithm Error: spark failed with a non-zero exit code: {found}"


def _failed(environment: Environment, text: str, status: int) -> int:
    """Say why: in the log, in the job's exit message, and to the platform. The exit status."""
    for name in ("message", "failure"):
        file = environment.base / "output" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(text[:_LIMIT])
    log.error(f"exiting with code {status}: {text}")
    return status
