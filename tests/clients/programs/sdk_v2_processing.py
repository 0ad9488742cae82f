"""Processing jobs by the SageMaker Python SDK v2, as a team's own code has them. No endpoint is named."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
import time
from pathlib import Path

import boto3
import sagemaker
from sagemaker.network import NetworkConfig
from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
from steps import error_of, main
from wheels import wheel

ROLE = "arn:aws:iam::111122223333:role/SageMakerRole"
SCRIPTS = Path(__file__).resolve().parent / "scripts" / "process"
session = sagemaker.Session()
bucket = session.default_bucket()
ROWS = session.upload_string_as_file_body(
    "".join(f"{row},{row % 3}\n" for row in range(90)), bucket, "process/rows/rows.csv"
)
COMMON = {"role": ROLE, "instance_type": "ml.m5.large", "instance_count": 1, "sagemaker_session": session}
SCALE = """
import sys
from pathlib import Path

from sklearn.preprocessing import StandardScaler

base = Path("/opt/ml/processing")
rows = [[float(value) for value in line.split(",")] for line in (base / "input/rows/rows.csv").read_text().split()]
names = (base / "input/names/names.txt").read_text().split()
scaled = StandardScaler().fit_transform(rows)
(base / "output/scaled/rows.csv").write_text("\\n".join(",".join(map(str, row)) for row in scaled))
(base / "output/report/report.txt").write_text(f"{names} {len(rows)} {sys.argv[1:]}")
"""


@contextlib.contextmanager
def script(text, name="scale.py"):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / name
        place.write_text(text)
        yield str(place)


def written(uri):
    """The files below an S3 prefix."""
    folder = tempfile.mkdtemp()
    S3Downloader.download(uri, folder, sagemaker_session=session)
    return {path.name: path.read_text() for path in Path(folder).rglob("*") if path.is_file()}


def rows():
    return ProcessingInput(source=ROWS, destination="/opt/ml/processing/input/rows", input_name="rows")


def step_scikit_learn_with_two_inputs_and_two_outputs():
    processor = SKLearnProcessor(framework_version="1.2-1", base_job_name="scale", **COMMON)
    with script(SCALE) as code, script("number rest\n", "names.txt") as names:
        processor.run(
            code=code,
            inputs=[rows(), ProcessingInput(source=names, destination="/opt/ml/processing/input/names")],
            outputs=[
                ProcessingOutput(source="/opt/ml/processing/output/scaled", output_name="scaled"),
                ProcessingOutput(
                    source="/opt/ml/processing/output/report", destination=f"s3://{bucket}/process/report"
                ),
            ],
            arguments=["--fast", "yes"],
        )
    job = processor.latest_job.describe()
    assert job["ProcessingJobStatus"] == "Completed", job
    assert job["AppSpecification"]["ContainerArguments"] == ["--fast", "yes"]
    place = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    assert place == processor.latest_job.outputs[0].destination
    assert len(written(place)["rows.csv"].split()) == 90
    assert written(f"s3://{bucket}/process/report")["report.txt"] == "['number', 'rest'] 90 ['--fast', 'yes']"


def step_script_processor_logs_and_fails_with_a_reason():
    image = sagemaker.image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1")
    processor = ScriptProcessor(image_uri=image, command=["python3", "-u"], env={"MOOD": "bad"}, **COMMON)
    said = io.StringIO()
    text = "import os\nprint('mood', os.environ['MOOD'])\nraise SystemExit('enough')"
    with script(text) as code, contextlib.redirect_stdout(said):
        error = error_of(lambda: processor.run(code=code), sagemaker.exceptions.UnexpectedStatusException)
    assert "Failed. Reason: AlgorithmError: See job logs for more information" in error, error
    assert "mood bad" in said.getvalue()
    assert "enough" in said.getvalue()


def step_framework_processor_with_a_source_folder():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "source"
        shutil.copytree(SCRIPTS, place)
        wheel(place / "wheels", "pandas_free", "1.0", "NAME = 'pandas-free 1.0'\n")
        processor = FrameworkProcessor(
            estimator_cls=SKLearn,
            framework_version="1.2-1",
            env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels"},
            **COMMON,
        )
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            processor.run(
                code="prepare.py",
                source_dir=str(place),
                inputs=[rows()],
                outputs=[
                    ProcessingOutput(source=f"/opt/ml/processing/{name}", output_name=name)
                    for name in ("first", "second")
                ],
                arguments=["--by", "3"],
            )
    assert "prepared by pandas-free 1.0 30 60" in said.getvalue(), said.getvalue()
    first, second = processor.latest_job.outputs
    assert len(written(first.destination)["rows.csv"].split()) == 30
    assert len(written(second.destination)["rows.csv"].split()) == 60


def step_several_instances_without_a_network_and_a_job_that_is_stopped():
    image = sagemaker.image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1")
    code = "import json; print('host', json.load(open('/opt/ml/config/resourceconfig.json'))['current_host'])"
    processor = Processor(
        image_uri=image,
        entrypoint=["python3", "-c", code],
        network_config=NetworkConfig(enable_network_isolation=True),
        **{**COMMON, "instance_count": 2},
    )
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        processor.run()
    assert {word for word in said.getvalue().split() if word.startswith("algo-") and len(word) == 6} >= {
        "algo-1",
        "algo-2",
    }, said.getvalue()
    slow = Processor(image_uri=image, entrypoint=["sleep", "600"], max_runtime_in_seconds=3600, **COMMON)
    slow.run(wait=False, logs=False)
    slow.latest_job.stop()
    deadline = time.monotonic() + 30
    while (status := slow.latest_job.describe()["ProcessingJobStatus"]) != "Stopped":
        assert time.monotonic() < deadline, status


def step_jobs_are_listed_and_found_by_their_arn():
    client = boto3.client("sagemaker")
    jobs = client.list_processing_jobs(NameContains="scale", StatusEquals="Completed")["ProcessingJobSummaries"]
    assert jobs
    again = sagemaker.processing.ProcessingJob.from_processing_arn(session, jobs[0]["ProcessingJobArn"])
    assert again.describe()["ProcessingJobName"] == jobs[0]["ProcessingJobName"]


if __name__ == "__main__":
    main(globals())
