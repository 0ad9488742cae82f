"""S3 for Spark: our own file system of Hadoop's, compiled from java/ by the compiler that Spark brings along.

hadoop-aws and the AWS SDK for Java, half a gigabyte, are not in pyspark. Where the user brings them, they are used.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from sagewright_algorithms.contract.errors import AlgorithmError
from sagewright_frameworks.spark.installed import Spark

_SOURCES = Path(__file__).with_name("java")
_COMPILER = "org.codehaus.commons.compiler.samples.CompilerDemo"
_NEEDS = ("janino-*", "commons-compiler-*", "hadoop-client-*", "slf4j-api-*")
_OURS = "sagewright.spark.S3FileSystem"
_THEIRS = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_COMMITTERS = "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory"
IN_LAYER = Path("share") / "sagewright-s3.jar"
_BUFFER = str(128 << 10)
"""Bytes of a read by lines: Hadoop's 4 KiB are for disks."""


def key(spark: Spark, beside: str) -> str:
    """A layer's: a digest of the sources, of Hadoop's jars by name, and of what else is in it."""
    digest = sha256("\n".join([beside, *sorted(file.name for file in _jars(spark))]).encode())
    for file in _sources():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def jar(spark: Spark, scratch: Path) -> Path:
    """The file system's jar: that of the job's layer, or a fresh one in a scratch folder."""
    if layer := os.environ.get("SAGEWRIGHT_LAYER"):
        ready = Path(layer) / IN_LAYER
        if ready.is_file():
            return ready
    return compiled(spark, scratch / IN_LAYER.name)


def compiled(spark: Spark, target: Path) -> Path:
    """Compile into a jar. Raises AlgorithmError with the compiler's words."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(map(str, _jars(spark)))
    with tempfile.TemporaryDirectory() as classes:
        words = ["-XX:TieredStopAtLevel=1", "-cp", path, _COMPILER, "-d", classes, "-classpath", path]
        done = subprocess.run(
            [spark.java, *words, *map(str, _sources())], capture_output=True, text=True, errors="replace", check=False
        )
        found = sorted(Path(classes).rglob("*.class"))
        if done.returncode or not any(file.stem == _OURS.rpartition(".")[2] for file in found):
            raise AlgorithmError(f"The file system for S3 cannot be compiled: {(done.stderr or done.stdout).strip()}")
        with zipfile.ZipFile(target, "w") as archive:
            for file in found:
                archive.write(file, str(file.relative_to(classes)))
    return target


def _sources() -> list[Path]:
    return sorted(_SOURCES.rglob("*.java"))


def _jars(spark: Spark) -> list[Path]:
    return sorted(file for name in _NEEDS for file in (spark.home / "jars").glob(f"{name}.jar"))


def has_hadoop_aws(spark: Spark, lists: Iterable[str]) -> bool:
    """Whether hadoop-aws is there. lists: comma-separated jars and packages, or class paths, that the user names."""
    if any((spark.home / "jars").glob("hadoop-aws-*.jar")):
        return True
    return any("hadoop-aws" in each for each in lists)


def properties(theirs: bool, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """core-site.xml: which classes have S3's schemes, and where S3 is. theirs: hadoop-aws has them."""
    found = {f"fs.{scheme}.impl": _THEIRS if theirs else _OURS for scheme in ("s3", "s3a", "s3n")}
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL", "")
    given = {
        "endpoint": endpoint,
        "endpoint.region": environ.get("AWS_REGION", ""),
        "access.key": environ.get("AWS_ACCESS_KEY_ID", ""),
        "secret.key": environ.get("AWS_SECRET_ACCESS_KEY", ""),
        "session.token": environ.get("AWS_SESSION_TOKEN", ""),
    }
    found["io.file.buffer.size"] = _BUFFER
    found |= {f"fs.s3a.{name}": value for name, value in given.items() if value}
    if not theirs:
        # Hadoop's defaults name a factory of hadoop-aws's for s3a.
        found["mapreduce.outputcommitter.factory.scheme.s3a"] = _COMMITTERS
    else:
        found["fs.s3a.path.style.access"] = "true"
        found["fs.s3a.connection.ssl.enabled"] = "false" if endpoint.startswith("http://") else "true"
        kind = "TemporaryAWSCredentialsProvider" if given["session.token"] else "SimpleAWSCredentialsProvider"
        found["fs.s3a.aws.credentials.provider"] = f"org.apache.hadoop.fs.s3a.{kind}"
    return found
