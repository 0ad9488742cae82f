"""A framework's container as data. Light: standard library only, so that the platform can read every one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Image:
    """An ECR repository. tag_pattern: a regex of whole tags; its group ``version`` is the framework's version."""

    repository: str
    tag_pattern: str

    def describe(self) -> dict[str, Any]:
        return {
            "repository": self.repository,
            "tags": [],
            "tag_pattern": self.tag_pattern,
            "accounts": [],
            "registries": {},
        }

    def version(self, tag: str) -> str | None:
        """Of the framework, by a tag; None where the tag says none."""
        found = re.fullmatch(self.tag_pattern, tag)
        return found["version"] if found and "version" in found.groupdict() else None


@dataclass(frozen=True, slots=True)
class FrameworkSpec:
    """A framework.

    name: on the command line. title: for people. images: whose container this is. module: what a script of it imports,
    empty where any Python will do. distribution: its name on PyPI. training_module: what SM_FRAMEWORK_MODULE says.
    """

    name: str
    title: str
    images: tuple[Image, ...]
    module: str = ""
    distribution: str = ""
    training_module: str = ""

    def version_of(self, uri: str) -> str | None:
        """The framework's version that an image URI asks for; None where it asks for none."""
        repository, _, tag = uri.partition("@")[0].rpartition("/")[2].partition(":")
        found = (image.version(tag) for image in self.images if image.repository.rpartition("/")[2] == repository)
        return next((version for version in found if version), None)

    def describe(self) -> dict[str, Any]:
        """Plain JSON types: all that the platform knows of the framework."""
        launch = ["-m", "sagewright_frameworks", self.name]
        return {
            "name": self.name,
            "images": [image.describe() for image in self.images],
            "command": {verb: [*launch, verb] for verb in ("train", "serve", "setup")},
            "metrics": [],
        }
