"""The frameworks whose containers AWS has, by the repositories and tags that its SDKs ask for.

https://docs.aws.amazon.com/sagemaker/latest/dg/docker-containers-prebuilt.html
"""

from __future__ import annotations

from sagewright_frameworks.spec import FrameworkSpec, Image

_VERSION = r"(?P<version>\d+(\.\d+)+)"
_TAG = rf"{_VERSION}([.-][\w.-]+)?"
"""``1.2-1-cpu-py3``, ``2.8.0-gpu-py312-cu129-ubuntu22.04-sagemaker``."""
_ANY = r"[\w.-]+"


def _trains(name: str) -> str:
    return f"sagemaker_{name}_container.training:main"


SCIKIT_LEARN = FrameworkSpec(
    "scikit-learn",
    "scikit-learn",
    (Image("sagemaker-scikit-learn", _TAG),),
    "sklearn",
    "scikit-learn",
    _trains("sklearn"),
)
XGBOOST = FrameworkSpec(
    "xgboost", "XGBoost", (Image("sagemaker-xgboost", _TAG),), "xgboost", "xgboost", _trains("xgboost")
)
PYTORCH = FrameworkSpec(
    "pytorch",
    "PyTorch",
    tuple(
        Image(name, _TAG)
        for name in ("pytorch-training", "pytorch-inference", "pytorch-inference-graviton", "sagemaker-pytorch")
    ),
    "torch",
    "torch",
    _trains("pytorch"),
)
TENSORFLOW = FrameworkSpec(
    "tensorflow",
    "TensorFlow",
    tuple(
        Image(name, _TAG)
        for name in (
            "tensorflow-training",
            "tensorflow-inference",
            "tensorflow-inference-graviton",
            "sagemaker-tensorflow",
            "sagemaker-tensorflow-scriptmode",
            "sagemaker-tensorflow-serving",
        )
    ),
    "tensorflow",
    "tensorflow",
    _trains("tensorflow"),
)
HUGGING_FACE = FrameworkSpec(
    "huggingface",
    "Hugging Face Transformers",
    tuple(
        Image(f"huggingface-{base}-{scope}", rf"[\d.]+-transformers{_VERSION}([.-][\w.-]+)?")
        for base in ("pytorch", "tensorflow")
        for scope in ("training", "inference")
    ),
    "transformers",
    "transformers",
    _trains("pytorch"),
)
MXNET = FrameworkSpec(
    "mxnet",
    "MXNet",
    tuple(
        Image(name, _TAG)
        for name in ("mxnet-training", "mxnet-inference", "sagemaker-mxnet", "sagemaker-mxnet-serving")
    ),
    "mxnet",
    "mxnet",
    _trains("mxnet"),
)
PYTHON = FrameworkSpec(
    "python",
    "Python",
    (
        *(Image(f"sagemaker-base-python-{version}", _ANY) for version in ("38", "310", "311", "312", "313")),
        Image("sagemaker-distribution-prod", _ANY),
        Image("sagemaker/sagemaker-distribution", _ANY),
        Image("sagemaker-distribution", _ANY),
    ),
)

ALL = {each.name: each for each in (SCIKIT_LEARN, XGBOOST, PYTORCH, TENSORFLOW, HUGGING_FACE, MXNET, PYTHON)}
