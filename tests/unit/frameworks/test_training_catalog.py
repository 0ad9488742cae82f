"""The frameworks as data, and the images that the SDKs ask for."""

from __future__ import annotations

import sys

import pytest

from sagewright.kit.algorithms import frameworks
from sagewright.services.sagemaker.images import Images
from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks import installed
from sagewright_frameworks.catalog import ALL, SCIKIT_LEARN
from sagewright_frameworks.spec import FrameworkSpec, Image

IMAGES = Images()


@pytest.mark.parametrize(
    ("image", "name", "version"),
    [
        ("sagemaker-scikit-learn:1.2-1-cpu-py3", "scikit-learn", "1.2"),
        ("sagemaker-scikit-learn:0.20.0-cpu-py3", "scikit-learn", "0.20.0"),
        ("sagemaker-scikit-learn:1.4-2-cpu-py3", "scikit-learn", "1.4"),
        ("sagemaker-xgboost:1.7-1", "xgboost", "1.7"),
        ("sagemaker-xgboost:3.0-5", "xgboost", "3.0"),
        ("pytorch-training:2.8.0-gpu-py312", "pytorch", "2.8.0"),
        ("pytorch-training:2.3.0-cpu-py311", "pytorch", "2.3.0"),
        ("pytorch-inference:2.6.0-cpu-py312", "pytorch", "2.6.0"),
        ("tensorflow-training:2.19.0-cpu-py312", "tensorflow", "2.19.0"),
        ("tensorflow-inference:2.19.0-cpu", "tensorflow", "2.19.0"),
        ("mxnet-training:1.9.0-cpu-py38", "mxnet", "1.9.0"),
        ("huggingface-pytorch-training:2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04", "huggingface", "4.49.0"),
        ("huggingface-pytorch-inference:2.6.0-transformers4.51.3-cpu-py312-ubuntu22.04", "huggingface", "4.51.3"),
        ("sagemaker-base-python-310:1.0", "python", None),
        ("sagemaker-distribution-prod:3.2.0-cpu", "python", None),
    ],
)
def test_images(image: str, name: str, version: str | None) -> None:
    uri = f"763104351884.dkr.ecr.eu-west-1.amazonaws.com/{image}"
    runner = IMAGES.runner(uri, script=True)
    assert (runner.name, runner.kind) == (name, "framework")
    assert runner.train == (sys.executable, "-m", "sagewright_frameworks", name, "train")
    assert runner.setup == (sys.executable, "-m", "sagewright_frameworks", name, "setup")
    assert ALL[name].version_of(uri) == version


def test_an_image_of_both_runs_a_script_only_when_there_is_one() -> None:
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    assert IMAGES.runner(uri).kind == "algorithm"
    assert IMAGES.runner(uri, script=True).kind == "framework"


def test_every_framework_is_declared() -> None:
    assert set(ALL) <= {each["name"] for each in frameworks()}


def test_another_python_for_scripts() -> None:
    images = Images(script_python="/venv/bin/python")
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/{}"
    assert images.runner(uri.format("sagemaker-scikit-learn:1.2-1-cpu-py3")).train[0] == "/venv/bin/python"
    assert images.runner(uri.format("sagemaker-xgboost:1.7-1")).train[0] == sys.executable


def test_what_is_not_installed() -> None:
    missing = FrameworkSpec("x", "The X", (Image("x", ".*"),), "no_such_module_x", "the-x")
    with pytest.raises(ClientError, match="The X is not installed in the Python that runs scripts") as caught:
        installed.check(missing)
    assert "-m pip install the-x" in str(caught.value)
    installed.check(SCIKIT_LEARN)


def test_versions_are_told_when_they_differ() -> None:
    import sklearn

    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:{}-1-cpu-py3"
    same = ".".join(sklearn.__version__.split(".")[:2])
    assert installed.difference(SCIKIT_LEARN, uri.format(same)) == ""
    line = installed.difference(SCIKIT_LEARN, uri.format("0.23"))
    assert f"is of scikit-learn 0.23; scikit-learn {sklearn.__version__} is installed here" in line
