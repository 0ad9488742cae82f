"""Endpoints of users' own models and functions: a framework's image with a script, by boto3 and by the SDKs."""

from __future__ import annotations

import io
import json
import os
import pickle
import site
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from sagemaker_journey import ROLE, Journey, journey
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import sagewright
from clients.command import Sagewright
from clients.harness import python_of
from clients.outcomes import PROGRAMS, check, outcomes_of, steps_of
from sagewright.runtime.sandbox import probe
from sagewright.testing.framework_training import wheel

_SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
_LOADS = "import pickle\ndef model_fn(model_dir):\n    return pickle.load(open(model_dir + '/model.pkl', 'rb'))\n"
FEATURES, LABELS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with journey(tmp_path_factory.mktemp("server"), PIP_NO_INDEX="1") as made:
        made.s3.create_bucket(Bucket="journey")
        yield made


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression(max_iter=500).fit(FEATURES, LABELS)


def archive(files: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


class Endpoint:
    """One of a model's archive."""

    def __init__(
        self, trip: Journey, name: str, files: Mapping[str, bytes], *, isolated: bool = False, **environment: str
    ) -> None:
        self.trip, self.name = trip, name
        trip.s3.put_object(Bucket="journey", Key=f"{name}/model.tar.gz", Body=archive(files))
        container = {
            "Image": _SKLEARN,
            "ModelDataUrl": f"s3://journey/{name}/model.tar.gz",
            "Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", "PIP_NO_INDEX": "1", **environment},
        }
        trip.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, EnableNetworkIsolation=isolated
        )
        variant = {"VariantName": "AllTraffic", "ModelName": name}
        size = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        trip.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{**variant, **size}])
        trip.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def settled(self) -> dict[str, Any]:
        found: dict[str, Any] = self.trip.until(
            lambda: self.trip.sagemaker.describe_endpoint(EndpointName=self.name),
            lambda seen: seen["EndpointStatus"] in ("InService", "Failed"),
        )
        return found

    def up(self) -> Endpoint:
        seen = self.settled()
        assert seen["EndpointStatus"] == "InService", (seen, self.log())
        return self

    def failed(self) -> str:
        seen = self.settled()
        assert seen["EndpointStatus"] == "Failed", seen
        return str(seen["FailureReason"])

    def log(self) -> str:
        return "\n".join(self.trip.log(f"/aws/sagemaker/Endpoints/{self.name}", "AllTraffic/"))

    def invoke(self, body: bytes, content_type: str, **asked: str) -> bytes:
        request = {"EndpointName": self.name, "ContentType": content_type, "Body": body, **asked}
        return bytes(self.trip.runtime.invoke_endpoint(**request)["Body"].read())

    def refused(self, body: bytes, content_type: str) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            self.invoke(body, content_type)
        return dict(caught.value.response)


def test_a_model_with_its_script(trip: Journey, model: LogisticRegression) -> None:
    files = {"model.pkl": pickle.dumps(model), "code/iris.py": _LOADS.encode()}
    endpoint = Endpoint(trip, "iris", files, SAGEMAKER_PROGRAM="iris.py").up()
    rows = FEATURES[::20].astype(np.float32)
    expected = model.predict(rows).tolist()
    assert json.loads(endpoint.invoke(json.dumps(rows.tolist()).encode(), "application/json")) == expected
    buffer = io.BytesIO()
    np.save(buffer, rows)
    answer = endpoint.invoke(buffer.getvalue(), "application/x-npy", Accept="application/x-npy")
    assert np.load(io.BytesIO(answer)).tolist() == expected
    assert "is of scikit-learn 1.2" in endpoint.log()
    refused = endpoint.refused(b"x", "image/png")
    assert refused["Error"]["Code"] == "ModelError"
    assert refused["OriginalStatusCode"] == 415
    assert "UnsupportedFormatError" in refused["OriginalMessage"]


_USES = _LOADS + "import json, tiny\ndef output_fn(prediction, accept):\n    return json.dumps([tiny.NAME]), accept\n"


def test_a_source_in_s3_with_requirements(trip: Journey, model: LogisticRegression, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    (made,) = (tmp_path / "wheels").iterdir()
    source = {
        "serve.py": _USES.encode(),
        "requirements.txt": b"tiny-thing==1.0\n",
        f"wheels/{made.name}": made.read_bytes(),
    }
    trip.s3.put_object(Bucket="journey", Key="code/sourcedir.tar.gz", Body=archive(source))
    where = {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://journey/code/sourcedir.tar.gz", "SAGEMAKER_PROGRAM": "serve.py"}
    files = {"model.pkl": pickle.dumps(model)}
    for name in ("required", "again"):
        endpoint = Endpoint(trip, name, files, **where).up()
        assert json.loads(endpoint.invoke(b"[[1, 2, 3, 4]]", "application/json")) == ["tiny of the wheel"]
        assert ("Installing dependencies" in endpoint.log()) == (name == "required"), "once, for both"


_FAILS = b"""
def model_fn(model_dir):
    return load(model_dir)
def load(place):
    raise ValueError('no weights there')
"""


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        (
            "raises",
            {"code/serve.py": _FAILS},
            "in load\n    raise ValueError('no weights there')\nValueError: no weights",
        ),
        ("syntax", {"code/serve.py": b"def broken(:\n"}, "SyntaxError: "),
        ("imports", {"code/serve.py": b"import not_there_at_all\n"}, "No module named 'not_there_at_all'"),
        ("none", {"code/serve.py": b""}, "NotImplementedError: Please provide a model_fn implementation"),
        ("other", {"code/other.py": b""}, "the source has none; it has other.py"),
        ("weights", {"code/serve.py": _LOADS.encode()}, "FileNotFoundError: [Errno 2] No such file or directory"),
        (
            "requires",
            {"code/serve.py": b"", "code/requirements.txt": b"no-such-thing-anywhere==1.0\n"},
            "No matching distribution found for no-such-thing-anywhere==1.0",
        ),
    ],
)
def test_endpoints_that_fail_say_why(trip: Journey, name: str, files: dict[str, bytes], words: str) -> None:
    endpoint = Endpoint(trip, f"fails-{name}", {"weights": b"", **files}, SAGEMAKER_PROGRAM="serve.py")
    reason = endpoint.failed()
    assert reason.startswith("The primary container for production variant AllTraffic did not pass the ping health ")
    assert words in reason
    assert words in endpoint.log()


_BREAKS = b"""
import os
def model_fn(model_dir):
    return None
def input_fn(body, content_type):
    if content_type == "text/csv":
        raise ValueError("cannot read " + body)
    if content_type == "a/death":
        os._exit(3)
    return body
def predict_fn(data, model):
    return data
def output_fn(prediction, accept):
    return prediction
"""


def test_errors_of_requests(trip: Journey) -> None:
    settings = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1"}
    endpoint = Endpoint(trip, "breaks", {"code/serve.py": _BREAKS}, **settings).up()
    refused = endpoint.refused(b"this", "text/csv")
    assert (refused["Error"]["Code"], refused["OriginalStatusCode"]) == ("ModelError", 500)
    assert refused["OriginalMessage"].startswith("cannot read this\nTraceback (most recent call last):")
    assert "/aws/sagemaker/Endpoints/breaks" in refused["LogStreamArn"]
    trip.until(endpoint.log, lambda said: "ValueError: cannot read this" in said)
    large = endpoint.refused(bytes(2**20 + 1), "a/b")
    assert (large["Error"]["Code"], large["OriginalStatusCode"]) == ("ModelError", 413)
    died = endpoint.refused(b"", "a/death")
    assert (died["OriginalStatusCode"], "Worker died" in died["OriginalMessage"]) == (500, True)
    assert endpoint.invoke(b"again", "a/b") == b"again"
    assert trip.status("breaks") == "InService"


@pytest.mark.skipif(not probe().network, reason="bubblewrap cannot cut off networks here")
def test_network_isolation(trip: Journey) -> None:
    names = b"[line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line]"
    script = _BREAKS.replace(b"return data", b"return ','.join(" + names + b")")
    endpoint = Endpoint(trip, "isolated", {"code/serve.py": script}, isolated=True, SAGEMAKER_PROGRAM="serve.py").up()
    assert endpoint.invoke(b"", "a/b") == b"lo"


_PROGRAMS = ("sdk_v2_serving.py", "sdk_v3_serving.py", "sdk_v3_builder.py")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Of a program, which is run once."""

    @cache
    def run(program: str) -> dict[str, str]:
        python = python_of(program[: len("sdk_v2")])
        settings = {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"}
        if program == "sdk_v3_builder.py":  # the SDK in the endpoint too, with what Sagewright needs behind it
            behind = [str(Path(sagewright.__file__).parents[1]), *site.getsitepackages()]
            settings |= {"SAGEWRIGHT_SCRIPT_PYTHON": str(python), "PYTHONPATH": os.pathsep.join(behind)}
        command = Sagewright(tmp_path_factory.mktemp("sdk") / "data", settings)
        return outcomes_of(command("run", "--", str(python), str(PROGRAMS / program), timeout=600))

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("program", "step"), [(each, step) for each in _PROGRAMS for step in steps_of(each)])
def test_by_an_sdk(outcomes: Callable[[str], dict[str, str]], program: str, step: str) -> None:
    check(outcomes(program)[step])
