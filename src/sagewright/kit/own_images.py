"""Images of the user's own that are commands of this machine: names in ``<data_dir>/images.json``.

`sagewright image register` writes them whether or not a server runs; every account and region sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sagewright.kit import shared_file


@dataclass(frozen=True, slots=True)
class OwnImage:
    """name: an image's URI, or its repository and tag alone. command: argv of the container's entry point.

    env: what the image sets. folder: what the command needs of this machine, and sees, read-only, at its own path.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""


def registered(data_dir: Path) -> dict[str, OwnImage]:
    """All of them by name. Raises ValueError where their file is damaged."""
    path = _file(data_dir)
    try:
        return {
            name: OwnImage(name, **{**members, "command": tuple(members["command"])})
            for name, members in shared_file.read(path).items()
        }
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def register(data_dir: Path, image: OwnImage) -> None:
    """Add one, in the place of an earlier one of its name."""
    registered(data_dir)  # a damaged file is not added to
    members = asdict(image)
    del members["name"]
    with shared_file.changing(_file(data_dir)) as known:
        known[image.name] = members


def remove(data_dir: Path, name: str) -> bool:
    """Whether there was one."""
    with shared_file.changing(_file(data_dir)) as known:
        return known.pop(name, None) is not None


def _file(data_dir: Path) -> Path:
    return data_dir / "images.json"
