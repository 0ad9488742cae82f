"""AWS's own repositories whose images run here: read-only, and made of what an installed algorithm declares.

An image has an OCI manifest without layers. Its configuration is what runs in its place, so its digest changes when
that does, and is the same on every machine.

Source: https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sagewright.kit.algorithms import installed

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.sagewright.runner.config.v1+json"


@dataclass(frozen=True, slots=True)
class Runner:
    """A repository of AWS. tags: all of one image. pattern: of further tags it has, empty for none."""

    repository: str
    tags: tuple[str, ...]
    pattern: str
    registries: Mapping[str, str]
    manifest: str

    @property
    def digest(self) -> str:
        return _digest(self.manifest)

    def has(self, tag: str) -> bool:
        return tag in self.tags or bool(self.pattern and re.fullmatch(self.pattern, tag))


class Runners:
    """descriptions: of installed algorithms, read once, on the first look-up."""

    def __init__(self, descriptions: Callable[[], Iterable[Mapping[str, Any]]] = installed) -> None:
        self._descriptions = descriptions
        self._all: list[Runner] | None = None

    def find(self, registry: str, region: str, repository: str) -> Runner | None:
        return next((one for one in self.of(registry, region) if one.repository == repository), None)

    def of(self, registry: str, region: str) -> list[Runner]:
        """Those in one of AWS's registries, by name."""
        if self._all is None:
            self._all = [
                _runner(algorithm, image) for algorithm in self._descriptions() for image in algorithm["images"]
            ]
        found = [one for one in self._all if one.registries.get(region) == registry]
        return sorted(found, key=lambda one: one.repository)


def _runner(algorithm: Mapping[str, Any], image: Mapping[str, Any]) -> Runner:
    config = _canonical({"name": algorithm["name"], "command": algorithm["command"]})
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": _CONFIG,
        "config": {
            "mediaType": _CONFIG,
            "digest": _digest(config),
            "size": len(config.encode()),
            "data": _data(config),
        },
        "layers": [],
        "annotations": {"org.opencontainers.image.title": image["repository"]},
    }
    return Runner(
        image["repository"],
        tuple(image["tags"]),
        image.get("tag_pattern") or "",
        image.get("registries") or {},
        _canonical(manifest),
    )


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _data(text: str) -> str:
    """The configuration itself, within the manifest, since there is no blob to fetch."""
    import base64

    return base64.b64encode(text.encode()).decode()
