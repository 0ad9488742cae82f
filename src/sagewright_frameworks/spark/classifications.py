"""The user's configuration of Spark, Hadoop and Hive: EMR's classifications, as files of Spark's configuration folder.

https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-configure-apps.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sagewright_algorithms.contract.errors import ClientError

PLACES = ("processing/input/conf/configuration.json", "input/data/conf/configuration.json")
"""Below /opt/ml: of a processing job, of a training job."""

_FILES = {
    "core-site": "core-site.xml",
    "hive-site": "hive-site.xml",
    "spark-defaults": "spark-defaults.conf",
    "spark-hive-site": "hive-site.xml",
    "spark-log4j": "log4j2.properties",
    "spark-log4j2": "log4j2.properties",
    "spark-metrics": "metrics.properties",
}
_EXPORTS = ("spark-env", "hadoop-env", "hive-env", "yarn-env")
_WITHOUT_EFFECT = ("hadoop-log4j", "hive-log4j", "hive-exec-log4j", "yarn-site")
"""Of daemons that do not run here."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """files: name in the configuration folder -> properties. environment: variables. ignored: classifications."""

    files: dict[str, dict[str, str]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def of(self, name: str) -> dict[str, str]:
        """The user's properties of a file."""
        return self.files.get(name, {})


def read(base: Path) -> Configuration:
    """What a job's input ``conf`` says, if it has one. base: /opt/ml. Raises ClientError that names what is wrong."""
    place = next((base / name for name in PLACES if (base / name).is_file()), None)
    if place is None:
        return Configuration()
    try:
        document = json.loads(place.read_text())
    except ValueError as error:
        raise ClientError(f"The configuration {place.name} is no JSON: {error}") from None
    files: dict[str, dict[str, str]] = {}
    environment: dict[str, str] = {}
    ignored: list[str] = []
    for each in document if isinstance(document, list) else [document]:
        name = _name(each)
        if name in _EXPORTS:
            environment |= _exports(name, each)
        elif name in _WITHOUT_EFFECT:
            ignored.append(name)
        else:
            files.setdefault(_FILES[name], {}).update(_properties(each))
    return Configuration(files, environment, tuple(ignored))


def _name(each: Any) -> str:
    name = each.get("Classification") if isinstance(each, Mapping) else None
    known = sorted([*_FILES, *_EXPORTS, *_WITHOUT_EFFECT])
    if name not in known:
        raise ClientError(f"Invalid classification: {name}. Must be one of {', '.join(known)}.")
    return str(name)


def _properties(each: Mapping[str, Any]) -> dict[str, str]:
    found = each.get("Properties") or {}
    if not isinstance(found, Mapping):
        raise ClientError(f"The Properties of the classification {each['Classification']} are no JSON object.")
    return {str(name): _text(value) for name, value in found.items()}


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _exports(name: str, each: Mapping[str, Any]) -> dict[str, str]:
    inner = each.get("Configurations") or ()
    if not inner or any(not isinstance(one, Mapping) or one.get("Classification") != "export" for one in inner):
        raise ClientError(f"The classification {name} needs Configurations of the classification export.")
    return {key: value for one in inner for key, value in _properties(one).items()}
