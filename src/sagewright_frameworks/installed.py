"""Whether a framework is installed in this Python, and in which version."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.util import find_spec

from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks.spec import FrameworkSpec


def check(spec: FrameworkSpec) -> None:
    """Raises ClientError that says what to install, and where."""
    if spec.module and find_spec(spec.module) is None:
        raise ClientError(
            f"{spec.title} is not installed in the Python that runs scripts ({sys.executable}). Install it there: "
            f"{sys.executable} -m pip install {spec.distribution}. Or have the setting script_python name a Python "
            "that has it."
        )


def difference(spec: FrameworkSpec, image: str) -> str:
    """A line for the log where the image asks for another version than the one installed; else nothing."""
    wanted = spec.version_of(image)
    found = _version(spec)
    if not wanted or not found or _minor(wanted) == _minor(found):
        return ""
    tag = image.rpartition("/")[2]
    return f"The image {tag} is of {spec.title} {wanted}; {spec.title} {found} is installed here, and is what runs."


def _version(spec: FrameworkSpec) -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and for this line only

    for name in (spec.distribution, f"{spec.distribution}-cpu") if spec.distribution else ():
        with suppress(PackageNotFoundError):
            return version(name)
    return ""


def _minor(text: str) -> tuple[str, ...]:
    return tuple(text.split(".")[:2])
