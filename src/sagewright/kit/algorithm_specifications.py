"""What the CreateAlgorithm API wants to know of an installed algorithm, from what the algorithm says of itself.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrainingSpecification.html and
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceSpecification.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.core.arn import partition
from sagewright.runtime.instances import UnknownInstanceType, lookup
from sagewright.wire import models

Description = Mapping[str, Any]
"""An algorithm's ``describe()``."""

_MOST_METRICS = 40
_MODES = ("File", "Pipe")
"""CreateAlgorithm refuses FastFile."""
_DOMAINS = {"aws-cn": "amazonaws.com.cn"}


def training_specification(description: Description, region: str, tag: str = "") -> dict[str, Any]:
    """A TrainingSpecification. tag: of the image; the algorithm's newest where none is named.

    Default values are left out: with them in a specification, every job would be sent them all, and what a
    hyperparameter means where it is not set, an algorithm knows better itself. Hyperparameters of tuning jobs are not
    for users. Of metrics, the API takes the first 40. Raises KeyError for a region without a registry.
    """
    metrics = description["metrics"][:_MOST_METRICS]
    return {
        "TrainingImage": image_uri(description, region, tag),
        "SupportedHyperParameters": [
            _parameter(each) for each in description["hyperparameters"] if not each["Name"].startswith("_")
        ],
        "SupportedTrainingInstanceTypes": _instance_types("TrainingInstanceType", gpu=description["gpu"]),
        "SupportsDistributedTraining": description["distributed"],
        "MetricDefinitions": [{"Name": each["Name"], "Regex": each["Regex"]} for each in metrics],
        "TrainingChannels": [
            {**each, "SupportedInputModes": [mode for mode in each["SupportedInputModes"] if mode in _MODES]}
            for each in description["channels"]
        ],
        "SupportedTuningJobObjectiveMetrics": [
            {"Type": each["Direction"], "MetricName": each["Name"]} for each in metrics
        ],
    }


def _parameter(described: Mapping[str, Any]) -> dict[str, Any]:
    """A number that may be a word too (``auto``) is free text to the API, unless it is to be tuned as a number."""
    kept = {name: value for name, value in described.items() if name not in ("DefaultValue", "Words")}
    if "Words" in described and not described["IsTunable"]:
        del kept["Range"]
        kept["Type"] = "FreeText"
    return kept


def inference_specification(description: Description, region: str, tag: str = "") -> dict[str, Any]:
    """An InferenceSpecification for the same image. Raises KeyError for a region without a registry."""
    gpu, inference = description["gpu"], description["inference"]
    return {
        "Containers": [{"Image": image_uri(description, region, tag)}],
        "SupportedTransformInstanceTypes": _instance_types("TransformInstanceType", gpu=gpu),
        "SupportedRealtimeInferenceInstanceTypes": _instance_types("ProductionVariantInstanceType", gpu=gpu),
        "SupportedContentTypes": inference["SupportedContentTypes"],
        "SupportedResponseMIMETypes": inference["SupportedResponseMIMETypes"],
    }


def image_uri(description: Description, region: str, tag: str = "") -> str:
    """The image's name in AWS's registry of a region. Raises KeyError for a region without one."""
    image = description["images"][0]
    domain = _DOMAINS.get(partition(region), "amazonaws.com")
    return f"{image['registries'][region]}.dkr.ecr.{region}.{domain}/{image['repository']}:{tag or _newest(image)}"


def _newest(image: Mapping[str, Any]) -> str:
    """Of the tags that are versions and nothing else."""
    versions: list[str] = [tag for tag in image["tags"] if re.fullmatch(r"\d+([.-]\d+)*", tag)]
    return max(versions, key=lambda tag: [int(part) for part in re.split(r"[.-]", tag)], default=str(image["tags"][0]))


def _instance_types(shape: str, *, gpu: bool) -> Sequence[str]:
    """Those of the API that the platform knows, with an accelerator only where the algorithm has a use for one."""
    return [name for name in models.service("sagemaker").shape_for(shape).enum if _fits(name, gpu=gpu)]


def _fits(name: str, *, gpu: bool) -> bool:
    try:
        return lookup(name).accelerator in ("", *(["GPU"] if gpu else []))
    except UnknownInstanceType:
        return False
