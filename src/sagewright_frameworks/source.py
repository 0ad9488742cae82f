"""The user's source: from a tar.gz, a folder or a file into the folder of code.

As AWS's toolkit has it, ``sagemaker_submit_directory`` is an S3 URI of a tar.gz, or a path in the container. What is in
S3 has been brought to input/source before.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from pathlib import Path

from sagewright_algorithms.contract.errors import ClientError

NAMES = str(Path(__file__).parent / "names")
"""AWS's own modules by their names, for scripts that import them: the end of a script's path."""

BROUGHT = Path("input") / "source"
"""Where the platform puts the object that a submit directory in S3 names, below /opt/ml."""


def unpacked(where: str, base: Path) -> Path:
    """The folder of code, which is made of a submit directory unless it has something in it. base: /opt/ml.

    Raises ClientError that names the archive and what is wrong with it.
    """
    code = base / "code"
    code.mkdir(parents=True, exist_ok=True)
    if any(code.iterdir()):
        return code
    place = located(where, base)
    if place.is_dir():
        if place != code:
            shutil.copytree(place, code, dirs_exist_ok=True, symlinks=True)
    elif not place.is_file():
        raise ClientError(f"There is no source at {where} (sagemaker_submit_directory).")
    elif where.startswith("s3://") or place.name.endswith((".tar.gz", ".tgz")) or tarfile.is_tarfile(place):
        _extract(place, code, where)
    else:
        shutil.copy2(place, code)
    return code


def located(where: str, base: Path) -> Path:
    """The path in this container of a submit directory. base: /opt/ml."""
    if where.startswith("s3://"):
        return base / BROUGHT / where.rpartition("/")[2]
    path = Path(where.removeprefix("file://"))
    return base / path.relative_to("/opt/ml") if path.is_relative_to("/opt/ml") else path


def _extract(archive: Path, folder: Path, name: str) -> None:
    """Links that stay inside the folder are allowed; devices, and what leads outside, are not."""
    try:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise ClientError(f"Failed to extract {name}: {error}") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ClientError(f"Failed to extract {name}: not a valid tar.gz archive ({error}).") from None


def names(folder: Path, most: int = 8) -> str:
    """What a folder has, for a message."""
    found = sorted(os.listdir(folder))
    return ", ".join(found[:most]) + (", ..." if len(found) > most else "") if found else "nothing"
