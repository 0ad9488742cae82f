"""What an image URI runs: algorithms and frameworks that installed packages declare, found by repository and tag.

Nothing is pulled from anywhere, so the account and region in a URI do not matter.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sagewright.kit.algorithms import frameworks, installed
from sagewright.kit.own_images import OwnImage

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
    them. image: the engine's image, whose entry point takes the command; empty where a process of this machine runs.
    env: what the image sets. folder: what the command needs of this machine, empty for nothing.
    """

    name: str
    kind: Kind
    train: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    process: tuple[str, ...] = ()
    metrics: tuple[Mapping[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    image: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""


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

    algorithms, frameworks: descriptions, read once, on the first look-up. script_python: what runs frameworks. own: the
    images that are registered as commands, by name. engine: whether a container engine may have all others.
    """

    def __init__(
        self,
        algorithms: Callable[[], Iterable[_Described]] = installed,
        frameworks: Callable[[], Iterable[_Described]] = frameworks,
        script_python: str = sys.executable,
        own: Callable[[], Mapping[str, OwnImage]] = dict,
        engine: Callable[[], bool] = lambda: False,
    ) -> None:
        self._own = own
        self._engine = engine
        self._sources: dict[Kind, tuple[Callable[[], Iterable[_Described]], str]] = {
            "algorithm": (algorithms, sys.executable),
            "framework": (frameworks, script_python),
        }
        self._by_kind: dict[Kind, dict[str, list[_Found]]] = {}

    def runner(self, uri: str, *, script: bool = False) -> Runner:
        """Raises UnknownImage. script: a user's script is to run in it. No tag means ``latest``, as docker has it."""
        match = _ECR.fullmatch(uri)
        repository, tag = (match["repository"], match["tag"] or "latest") if match else (uri, "")
        known = self._own()
        for name in (uri, repository, f"{repository}:{tag}"):
            if name in known:
                return _registered(known[name])
        order: tuple[Kind, ...] = ("framework", "algorithm") if script else ("algorithm", "framework")
        found = [each for kind in order for each in self._known(kind).get(repository, ())] if match else []
        for image, runner in found:
            pattern = image.get("tag_pattern")
            if tag in image["tags"] or (pattern and re.fullmatch(pattern, tag)):
                return runner
        if not found and self._engine():
            return Runner(uri, "own", train=("train",), serve=("serve",), image=uri)
        raise UnknownImage(f"Sagewright has no runner for the image {uri}. {self._advice(found, tag)}")

    def _known(self, kind: Kind) -> dict[str, list[_Found]]:
        if kind not in self._by_kind:
            describe, python = self._sources[kind]
            known: dict[str, list[_Found]] = {}
            for description in describe():
                for image in description["images"]:
                    known.setdefault(image["repository"], []).append((image, _runner(kind, python, description)))
            self._by_kind[kind] = known
        return self._by_kind[kind]

    def _advice(self, found: Sequence[_Found], tag: str) -> str:
        """found: of its repository."""
        if found:
            tags = ", ".join(tag for image, _ in found for tag in image["tags"])
            return f"Use one of these tags: {tags}." if tags else f"AWS has no tag like {tag} in this repository."
        repositories = ", ".join(sorted({*self._known("algorithm"), *self._known("framework")}))
        own = "An image of your own needs docker or podman here, or a command: see `sagewright image register`."
        if not repositories:
            return f"{own} No algorithm is installed: install the sagewright package with its algorithms."
        return f"{own} Of Amazon ECR's, those of these repositories run here: {repositories}."


def _registered(image: OwnImage) -> Runner:
    """Like a container's, its entry point takes the word ``train`` or ``serve``."""
    command = image.command
    train, serve = (*command, "train"), (*command, "serve")
    return Runner(image.name, "own", train, serve, process=command, env=image.env, folder=image.folder)


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
