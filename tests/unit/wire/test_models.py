import ast
from pathlib import Path

import pytest

from sagewright.wire import models


def test_botocore_is_loaded_on_first_use_only() -> None:
    tree = ast.parse(Path(models.__file__).read_text())
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert "botocore" not in " ".join(ast.unparse(node) for node in at_import)


def test_names() -> None:
    op = models.operation("sagemaker", "CreateTrainingJob")
    assert op is models.operation("sagemaker", "CreateTrainingJob")
    assert models.member_names(op)["hyper_parameters"] == "HyperParameters"
    assert models.operation_name("sagemaker", "create_auto_ml_job_v2") == "CreateAutoMLJobV2"
    assert models.member_names(models.operation("sts", "GetCallerIdentity")) == {}


@pytest.mark.parametrize(("service", "operation"), [("nonsense", "X"), ("../s3", "X"), ("s3", "Nonsense")])
def test_what_aws_lacks(service: str, operation: str) -> None:
    with pytest.raises(KeyError):
        models.operation(service, operation)
    with pytest.raises(KeyError):
        models.entry("nonsense")


def test_extras_are_merged() -> None:
    assert models.service("s3").shape_for("Expires").type_name == "timestamp"


def test_streaming() -> None:
    assert models.streams_input(models.operation("s3", "PutObject"))
    assert not models.streams_input(models.operation("sagemaker-runtime", "InvokeEndpoint"))
    assert not models.streams_input(models.operation("sts", "GetCallerIdentity"))
    assert not models.streams_input(models.operation("s3", "ListBuckets"))


def test_protocols() -> None:
    found = {name: models.protocol_of(name) for name in ("s3", "sagemaker", "sagemaker-runtime", "sts")}
    assert found == {"s3": "rest-xml", "sagemaker": "json", "sagemaker-runtime": "rest-json", "sts": "query"}
    assert models.entry("cloudwatch").protocols == ("smithy-rpc-v2-cbor", "json", "query")
