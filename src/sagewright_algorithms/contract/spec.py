"""An algorithm as data. Light: standard library only, so that the platform can read every spec when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.first_party import WORDING, FirstParty
from sagewright_algorithms.contract.hyperparameters import TOOLKIT, Hyperparameter, Rule, validate


@dataclass(frozen=True, slots=True)
class Image:
    """An ECR repository, its tags (and a regex for those to come), and the registry account of each region."""

    repository: str
    tags: tuple[str, ...]
    tag_pattern: str = ""
    registries: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        return {
            "repository": self.repository,
            "tags": list(self.tags),
            "tag_pattern": self.tag_pattern,
            "accounts": sorted(set(self.registries.values())),
            "registries": dict(self.registries),
        }


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric in the log.

    regex: matched on the line as CloudWatch shows it (a tab is ``#011``); its first group is the value.
    direction: ``Maximize`` or ``Minimize``.
    """

    name: str
    regex: str
    direction: str

    def describe(self) -> dict[str, str]:
        return {"Name": self.name, "Regex": self.regex, "Direction": self.direction}


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """A channel. content_types: accepted name -> format, a name in ``formats``. pipe_formats: those that Pipe mode can
    bring.
    """

    name: str
    content_types: Mapping[str, str]
    required: bool = False
    input_modes: tuple[str, ...] = ("File",)
    pipe_formats: tuple[str, ...] = ()
    default_content_type: str | None = None

    def describe(self) -> dict[str, Any]:
        """A ChannelSpecification."""
        return {
            "Name": self.name,
            "Description": self.name,
            "IsRequired": self.required,
            "SupportedContentTypes": list(self.content_types),
            "SupportedCompressionTypes": ["None", "Gzip"],
            "SupportedInputModes": list(self.input_modes),
        }


@dataclass(frozen=True, slots=True)
class Inference:
    """Requests and responses. requests: content type -> format; accepts: the response types.

    verbose: columns of a prediction that are answered only to an Accept with ``verbose=true``.
    """

    requests: Mapping[str, str]
    accepts: tuple[str, ...]
    default_request: str
    default_accept: str
    verbose: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        return {
            "SupportedContentTypes": list(self.requests),
            "SupportedResponseMIMETypes": list(self.accepts),
            "DefaultContentType": self.default_request,
            "DefaultAccept": self.default_accept,
        }


@dataclass(frozen=True)
class AlgorithmSpec:
    """An algorithm.

    name: as in AWS's documentation. package: its folder in sagewright_algorithms, with ``train.py`` and ``model.py``.
    first_party: of the containers that are not built with AWS's algorithm toolkit.
    """

    name: str
    package: str
    images: tuple[Image, ...]
    hyperparameters: tuple[Hyperparameter, ...]
    channels: tuple[ChannelSpec, ...]
    metrics: tuple[Metric, ...]
    inference: Inference
    rules: tuple[Rule, ...] = ()
    gpu: bool = False
    distributed: bool = False
    first_party: FirstParty | None = None

    def channel(self, name: str) -> ChannelSpec:
        """Raises KeyError."""
        return {channel.name: channel for channel in self.channels}[name]

    @property
    def log_form(self) -> log.Form:
        return log.FIRST_PARTY if self.first_party else log.TOOLKIT

    def parse(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a job's hyperparameters. Raises ClientError, which names the one at fault."""
        if self.first_party is None:
            return validate(self.hyperparameters, self.rules, given, TOOLKIT)
        return validate((*self.hyperparameters, *self.first_party.hyperparameters), self.rules, given, WORDING)

    def describe(self) -> dict[str, Any]:
        """Plain JSON types: all that the platform and AlgorithmSuite know of the algorithm."""
        launch = ["-m", "sagewright_algorithms", self.package]
        return {
            "name": self.name,
            "images": [image.describe() for image in self.images],
            "command": {verb: [*launch, verb] for verb in ("train", "serve", "validate")},
            "metrics": [metric.describe() for metric in self.metrics],
            "hyperparameters": [row.describe() for row in self.hyperparameters],
            "channels": [channel.describe() for channel in self.channels],
            "inference": self.inference.describe(),
            "gpu": self.gpu,
            "distributed": self.distributed,
        }
