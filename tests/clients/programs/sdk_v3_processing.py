"""Processing jobs by the SageMaker Python SDK v3's processors. No endpoint is named."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import FrameworkProcessor, ScriptProcessor
from sagemaker.core.s3 import S3Downloader, S3Uploader
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from steps import error_of, main
from wheels import wheel

SCRIPTS = Path(__file__).resolve().parent / "scripts" / "process"
session = Session()
bucket = session.default_bucket()
ROWS = S3Uploader.upload_string_as_file_body(
    "".join(f"{row},{row % 3}\n" for row in range(90)),
    f"s3://{bucket}/v3-process/rows/rows.csv",
    sagemaker_session=session,
)
COMMON = {
    "role": "arn:aws:iam::111122223333:role/SageMakerRole",
    "image_uri": image_uris.retrieve("sklearn", session.boto_region_name, "1.2-1"),
    "instance_type": "ml.m5.large",
    "instance_count": 1,
    "sagemaker_session": session,
}
COUNT = """
import sys
from pathlib import Path

base = Path("/opt/ml/processing")
(base / "counted/rows.txt").write_text(str(len((base / "input/rows/rows.csv").read_text().split())))
sys.exit(sys.argv[1] if len(sys.argv) > 1 else 0)
"""


def rows():
    place = ProcessingS3Input(
        s3_uri=ROWS, local_path="/opt/ml/processing/input/rows", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name="rows", s3_input=place)


def target(name):
    place = ProcessingS3Output(
        s3_uri=f"s3://{bucket}/v3-process/{name}",
        local_path=f"/opt/ml/processing/{name}",
        s3_upload_mode="EndOfJob",
    )
    return ProcessingOutput(output_name=name, s3_output=place)


def written(name):
    folder = tempfile.mkdtemp()
    S3Downloader.download(f"s3://{bucket}/v3-process/{name}", folder, sagemaker_session=session)
    return next(path for path in Path(folder).rglob("*") if path.is_file()).read_text()


def described(processor):
    return boto3.client("sagemaker").describe_processing_job(ProcessingJobName=processor.latest_job.processing_job_name)


def step_script_processor():
    processor = ScriptProcessor(command=["python3"], base_job_name="v3-count", **COMMON)
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "count.py"
        code.write_text(COUNT)
        processor.run(code=str(code), inputs=[rows()], outputs=[target("counted")])
        assert written("counted") == "90"
        failing = ScriptProcessor(command=["python3"], base_job_name="v3-failing", **COMMON)
        error_of(lambda: failing.run(code=str(code), arguments=["no"], inputs=[rows()], outputs=[]))
    assert described(processor)["ProcessingJobStatus"] == "Completed"
    assert described(failing)["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 1"


def step_framework_processor_with_a_source_folder():
    processor = FrameworkProcessor(
        base_job_name="v3-prepare", env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels"}, **COMMON
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "source"
        shutil.copytree(SCRIPTS, place)
        wheel(place / "wheels", "pandas_free", "1.0", "NAME = 'pandas-free 1.0'\n")
        processor.run(
            code="prepare.py",
            source_dir=str(place),
            requirements="requirements.txt",
            inputs=[rows()],
            outputs=[target("first"), target("second")],
            arguments=["--by", "3"],
        )
    assert len(written("first").split()) == 30
    assert len(written("second").split()) == 60


if __name__ == "__main__":
    main(globals())
