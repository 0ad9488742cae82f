"""The Spark and the Java that are here."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sagewright_algorithms.contract.errors import ClientError

_JAVA = "openjdk-17-jre-headless"


@dataclass(frozen=True, slots=True)
class Spark:
    """home: pyspark's folder, which is a whole Spark. java: the program."""

    home: Path
    java: str


def find() -> Spark:
    """Raises ClientError that says what to install, and where."""
    found = find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise ClientError(
            f"Apache Spark is not installed in the Python that runs scripts ({sys.executable}). Install it there: "
            f"{sys.executable} -m pip install 'sagewright[spark]'."
        )
    return Spark(Path(found.submodule_search_locations[0]), _java())


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=os.path.join(home, "bin")) if home else shutil.which("java")
    if program is None:
        where = f" in JAVA_HOME, which is {home}" if home else ""
        raise ClientError(
            f"Apache Spark needs Java 17 or newer, and there is none{where or ' here'}. Install it (Debian, Ubuntu: "
            f"apt-get install {_JAVA}), or set JAVA_HOME for the server."
        )
    return program
