"""A wheel of one module, as pip takes it. Standard library only: several clients' programs make one."""

from __future__ import annotations

import zipfile
from pathlib import Path


def wheel(folder: str | Path, name: str, version: str, code: str) -> None:
    """Into a folder, which is made; the same bytes each time."""
    Path(folder).mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(Path(folder) / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for path, text in {
            f"{name}.py": code,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }.items():
            file.writestr(zipfile.ZipInfo(path), text)
