"""What an image URI runs: algorithms and frameworks that installed packages declare, found by repository and tag.

Nothing is pulled from anywhere, so the account and region in a URI do not matter.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sagewright.kit.algorithms import frameworks, installed

Kind = Literal["algorithm", "framework", "own"]
_Described = Mapping[str, Any]
_Found = tuple[_Described, "Runner"]
"""An image of a description, and what runs it."""

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|c2s\.ic\.gov|"
    r"sc2s\.sgov\.gov)/(?P<repository>[a-z0-9._/-]+?)(?::(?P<tag>[\w.-]+))?(?:@sha256:[0-9a-f]{64})?"
)


class UnknownImage(Exception):
    """No runner for an image; the text is for the user and says what to do."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What an image runs.

    train, serve, process: the whole argv of the container's command; empty where it has none. setup: the argv that
    makes ready what the command needs, run before it; empty for none. metrics: MetricDefinitions as the API shows
    them. image: the engine's image; empty where a process of this machine runs.
    """

    name: str
    kind: Kind
    train: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    process: tuple[str, ...] = ()
    metrics: tuple[Mapping[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    image: str = ""


def has_script(hyperparameters: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Whether a container is told to run a user's script."""
    return "sagemaker_program" in hyperparameters or bool(environment.get("SAGEMAKER_PROGRAM"))


def built_in_metrics(images: Images, uri: str) -> tuple[Mapping[str, str], ...] | None:
    """The MetricDefinitions of an algorithm's image; None for an image that runs the user's own code, or nothing."""
    try:
        runner = images.runner(uri)
    except UnknownImage:
        return None
    return runner.metrics if runner.kind == "algorithm" else None


class Images:
    """Image URIs to runners.

    algorithms, frameworks: descriptions, read once, on the first look-up. script_python: what runs frameworks.
    """

    def __init__(
        self,
        algorithms: Callable[[], Iterable[_Described]] = installed,
        frameworks: Callable[[], Iterable[_Described]] = frameworks,
        script_python: str = sys.executable,
    ) -> None:
        self._sources: dict[Kind, tuple[Callable[[], Iterable[_Described]], str]] = {
            "algorithm": (algorithms, sys.executable),
            "framework": (frameworks, script_python),
        }
        self._by_kind: dict[Kind, dict[str, list[_Found]]] = {}

    def runner(self, uri: str, *, script: bool = False) -> Runner:
        """Raises UnknownImage. script: a user's script is to run in it. No tag means ``latest``, as docker has it."""
        match = _ECR.fullmatch(uri)
        if match is None:
            raise UnknownImage(f"Sagewright has no runner for the image {uri}. {self._advice()}")
        repository, tag = match["repository"], match["tag"] or "latest"
        order: tuple[Kind, ...] = ("framework", "algorithm") if script else ("algorithm", "framework")
        found = [each for kind in order for each in self._known(kind).get(repository, ())]
        if not found:
            raise UnknownImage(f"Sagewright has no runner for the image {uri}. {self._advice()}")
        for image, runner in found:
            pattern = image.get("tag_pattern")
            if tag in image["tags"] or (pattern and re.fullmatch(pattern, tag)):
                return runner
        tags = ", ".join(tag for image, _ in found for tag in image["tags"])
        wanted = f"Use one of these tags: {tags}." if tags else f"AWS has no tag like {tag} in this repository."
        raise UnknownImage(f"Sagewright has no runner for the image {uri}. {wanted}")

    def _known(self, kind: Kind) -> dict[str, list[_Found]]:
        if kind not in self._by_kind:
            describe, python = self._sources[kind]
            known: dict[str, list[_Found]] = {}
            for description in describe():
                for image in description["images"]:
                    known.setdefault(image["repository"], []).append((image, _runner(kind, python, description)))
            self._by_kind[kind] = known
        return self._by_kind[kind]

    def _advice(self) -> str:
        repositories = ", ".join(sorted({*self._known("algorithm"), *self._known("framework")}))
        if not repositories:
            return "No algorithm is installed: install the sagewright package with its algorithms."
        return f"Use an Amazon ECR image of one of these repositories: {repositories}."


def _runner(kind: Kind, python: str, description: _Described) -> Runner:
    commands = {verb: (python, *words) for verb, words in description["command"].items()}
    return Runner(
        name=description["name"],
        kind=kind,
        train=commands.get("train", ()),
        serve=commands.get("serve", ()),
        process=commands.get("process", ()),
        metrics=tuple(_metrics(description)),
        setup=commands.get("setup", ()),
    )


def _metrics(description: _Described) -> Iterator[Mapping[str, str]]:
    for metric in description["metrics"]:
        yield {"Name": metric["Name"], "Regex": metric["Regex"]}
