"""The adult data set as numbers, for the benchmarks that read it from ../shared/data."""

from __future__ import annotations

from typing import Any

from benchmarks.common import ROOT

_FOLDER = ROOT.parent / "shared" / "data" / "tabular"


def there() -> bool:
    return (_FOLDER / "adult-train.csv").exists()


def tables() -> list[tuple[Any, Any]]:
    """(features, labels) of the train and the test file: words one-hot, numbers of mean 0 and spread 1."""
    import numpy as np

    files = [_FOLDER / f"adult-{name}.csv" for name in ("train", "test")]
    lines = [[line.split(",") for line in path.read_text().splitlines()[1:] if line] for path in files]
    cut = len(lines[0])
    columns = [np.array([cell.strip() for cell in column]) for column in zip(*lines[0], *lines[1], strict=True)]
    blocks = []
    for column in columns[:-1]:
        try:
            numbers = column.astype(float)
        except ValueError:
            blocks.append(column[:, None] == np.unique(column)[None])
        else:
            blocks.append(((numbers - numbers[:cut].mean()) / numbers[:cut].std())[:, None])
    features = np.hstack(blocks).astype(np.float32)
    labels = np.char.startswith(columns[-1], ">").astype(np.float32)
    return [(features[:cut], labels[:cut]), (features[cut:], labels[cut:])]
