"""The Spark container's words: options, configuration, defaults, reasons. No Spark and no Java are needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks.spark import classifications, reason, s3, settings
from sagewright_frameworks.spark.classifications import Configuration
from sagewright_frameworks.spark.options import parsed
from sagewright_frameworks.spark.settings import Machine
from sagewright_frameworks.spark.spec import SPARK

MACHINE = Machine(4, 8 << 30)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """/opt/ml with an application, two Python files and an empty folder."""
    code = tmp_path / "processing" / "input"
    (code / "py-files").mkdir(parents=True)
    (code / "nothing").mkdir()
    for name in ("app.py", "py-files/a.py", "py-files/b.py"):
        (code / name).write_text("")
    return tmp_path


def test_options_become_spark_submits(base: Path) -> None:
    inputs = "/opt/ml/processing/input"
    words = ["--py-files", f"{inputs}/py-files", "--jars", "s3://b/x.jar", "--class", "org.Main", f"{inputs}/app.py"]
    found = parsed([*words, "--py-files", "mine"], base)
    place = base / "processing" / "input"
    assert found.words == [
        *("--class", "org.Main", "--jars", "s3://b/x.jar"),
        *("--py-files", f"{place}/py-files/a.py,{place}/py-files/b.py"),
        *(f"{place}/app.py", "--py-files", "mine"),
    ]
    logs = parsed(["--local-spark-event-logs-dir", "/opt/ml/processing/events", f"{inputs}/app.py"], base)
    assert logs.event_logs_dir == str(base / "processing" / "events")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["/opt/ml/processing/input/other.py"], "other.py does not exist; its folder has app.py, nothing, py-files"),
        (["--nosuch", "x", "app.py"], "smspark-submit: "),
        (["--files", "relative.txt", "/opt/ml/processing/input/app.py"], "must be an absolute path"),
        (["--jars", "/opt/ml/none.jar", "/opt/ml/processing/input/app.py"], "/opt/ml/none.jar does not exist"),
        (["--files", "/opt/ml/processing/input/nothing", "/opt/ml/processing/input/app.py"], "there are no files in"),
    ],
)
def test_wrong_words_are_named(base: Path, words: list[str], text: str) -> None:
    with pytest.raises(ClientError) as caught:
        parsed(words, base)
    assert text in str(caught.value)


def configured(base: Path, document: object) -> Configuration:
    place = base / "processing" / "input" / "conf"
    place.mkdir()
    (place / "configuration.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return classifications.read(base)


def test_classifications_become_files_and_variables(base: Path) -> None:
    exports = {"Classification": "export", "Properties": {"PYTHONHASHSEED": 0}}
    found = configured(
        base,
        [
            {"Classification": "spark-defaults", "Properties": {"spark.x": True, "spark.y": "a"}},
            {"Classification": "spark-env", "Configurations": [exports]},
            {"Classification": "yarn-site", "Properties": {"y": "1"}},
        ],
    )
    assert found.of("spark-defaults.conf") == {"spark.x": "true", "spark.y": "a"}
    assert (found.environment, found.ignored) == ({"PYTHONHASHSEED": "0"}, ("yarn-site",))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "is no JSON"),
        ([{"Classification": "spark"}], "Invalid classification: spark. Must be one of core-site"),
        ([{"Classification": "spark-env"}], "spark-env needs Configurations of the classification export"),
        ([{"Classification": "core-site", "Properties": [1]}], "are no JSON object"),
    ],
)
def test_wrong_configurations_are_named(base: Path, document: object, text: str) -> None:
    with pytest.raises(ClientError) as caught:
        configured(base, document)
    assert text in str(caught.value)


def test_where_spark_runs() -> None:
    assert settings.master({}, MACHINE, {}) == "local[4]"
    assert settings.master({"spark.master": "yarn"}, MACHINE, {}) == "local[4]", "there is no YARN here"
    assert settings.master({"spark.master": "local[2]"}, MACHINE, {}) == "local[2]"
    cluster = {"SAGEWRIGHT_SPARK_MASTER": "spark://host:7077"}
    assert settings.master({"spark.master": "local[2]"}, MACHINE, cluster) == "spark://host:7077"


def test_defaults_are_sized_to_the_instance(tmp_path: Path) -> None:
    found = settings.defaults(MACHINE, "local[4]", "3.3", "file:///events", tmp_path)
    assert found["spark.driver.memory"] == f"{int((8 << 30) * 0.7) >> 20}m"
    assert found["spark.eventLog.dir"] == "file:///events"
    assert found["spark.sql.ansi.enabled"] == "false", "as in Spark 3, which the image has"
    assert "spark.sql.ansi.enabled" not in settings.defaults(MACHINE, "local[4]", "4.0", "", tmp_path)
    assert "spark.executor.memory" in settings.defaults(MACHINE, "spark://h:1", "", "", tmp_path)


def test_the_users_settings_go_before_ours(tmp_path: Path) -> None:
    user = Configuration(files={"spark-defaults.conf": {"spark.a": "mine\nx"}, "core-site.xml": {"b": "<&"}})
    settings.write(tmp_path / "conf", {"spark.a": "ours", "spark.c": "1"}, {"d": "2"}, user)
    assert (tmp_path / "conf" / "spark-defaults.conf").read_text() == "spark.a mine\\nx\nspark.c 1\n"
    text = (tmp_path / "conf" / "core-site.xml").read_text()
    assert "<name>b</name><value>&lt;&amp;</value>" in text
    assert (tmp_path / "conf").stat().st_mode & 0o77 == 0


def test_hadoops_properties_of_s3() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    ours = s3.properties(False, environ)
    assert ours["fs.s3.impl"] == ours["fs.s3a.impl"] == "sagewright.spark.S3FileSystem"
    assert (ours["fs.s3a.endpoint"], ours["fs.s3a.access.key"]) == ("http://127.0.0.1:4566", "k")
    theirs = s3.properties(True, {**environ, "AWS_SESSION_TOKEN": "t"})
    assert theirs["fs.s3a.connection.ssl.enabled"] == "false"
    assert theirs["fs.s3a.aws.credentials.provider"].endswith("TemporaryAWSCredentialsProvider")


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (
            "25/01/01 10:00:00 INFO X: begins\nTraceback (most recent call last):\n  File 'a', line 1\nValueError: no\n"
            "25/01/01 10:00:01 INFO X: ends\n",
            "ValueError: no",
        ),
        (
            'Exception in thread "main" java.lang.RuntimeException: outer\n\tat A.b\n'
            "Caused by: java.io.IOException: why\n",
            'Exception in thread "main" java.lang.RuntimeException: outer\nCaused by: java.io.IOException: why',
        ),
        ("25/01/01 10:00:00 ERROR SparkSubmit: Failed to load class org.Main.\n", "Failed to load class org.Main."),
        ("nothing of interest\n", ""),
    ],
)
def test_why_an_application_failed(output: str, text: str) -> None:
    assert reason.of_output(output) == text


def test_a_java_that_is_too_old_is_named() -> None:
    said = reason.of_output("Error: LinkageError\njava.lang.UnsupportedClassVersionError: x\n")
    assert "needs 17 or newer" in said


def test_the_images_versions() -> None:
    image = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.2"
    assert SPARK.version_of(image) == "3.3"
    assert set(SPARK.describe()["command"]) == {"setup"}
