"""What an image URI runs: the algorithms that installed packages declare, found by ECR repository and tag.

Nothing is pulled from anywhere, so the account and region in a URI do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sagewright.kit.algorithms import installed

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|c2s\.ic\.gov|"
    r"sc2s\.sgov\.gov)/(?P<repository>[a-z0-9._/-]+?)(?::(?P<tag>[\w.-]+))?(?:@sha256:[0-9a-f]{64})?"
)


class UnknownImage(Exception):
    """No runner for an image; the text is for the user and says what to do."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A runner for an image.

    train, serve: arguments after the Python executable. metrics: MetricDefinitions as the API shows them.
    """

    name: str
    train: tuple[str, ...]
    serve: tuple[str, ...]
    metrics: tuple[Mapping[str, str], ...]


class Images:
    """Image URIs to algorithms. descriptions: read once, on the first look-up."""

    def __init__(self, descriptions: Callable[[], Iterable[Mapping[str, Any]]] = installed) -> None:
        self._descriptions = descriptions
        self._by_repository: dict[str, list[tuple[Mapping[str, Any], Algorithm]]] | None = None

    def algorithm(self, uri: str) -> Algorithm:
        """Raises UnknownImage. A URI without a tag means ``latest``, as docker has it."""
        known = self._known()
        match = _ECR.fullmatch(uri)
        if match is None or match["repository"] not in known:
            raise UnknownImage(f"Sagewright has no runner for the image {uri}. {_advice(known)}")
        repository, tag = match["repository"], match["tag"] or "latest"
        for image, algorithm in known[repository]:
            pattern = image.get("tag_pattern")
            if tag in image["tags"] or (pattern and re.fullmatch(pattern, tag)):
                return algorithm
        tags = ", ".join(tag for image, _ in known[repository] for tag in image["tags"])
        raise UnknownImage(f"Sagewright has no runner for the image {uri}. Use one of these tags: {tags}.")

    def _known(self) -> dict[str, list[tuple[Mapping[str, Any], Algorithm]]]:
        if self._by_repository is None:
            self._by_repository = {}
            for description in self._descriptions():
                for image in description["images"]:
                    found = self._by_repository.setdefault(image["repository"], [])
                    found.append((image, _algorithm(description)))
        return self._by_repository


def _advice(known: Iterable[str]) -> str:
    repositories = ", ".join(sorted(known))
    if not repositories:
        return "No algorithm is installed: install the sagewright package with its algorithms."
    return f"Use an Amazon ECR image of one of these repositories: {repositories}."


def _algorithm(description: Mapping[str, Any]) -> Algorithm:
    command = description["command"]
    return Algorithm(
        name=description["name"],
        train=tuple(command["train"]),
        serve=tuple(command["serve"]),
        metrics=tuple({"Name": metric["Name"], "Regex": metric["Regex"]} for metric in description["metrics"]),
    )
