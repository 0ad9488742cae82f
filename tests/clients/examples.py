"""The examples, and the data they run on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def breast_cancer() -> str:
    """The CSV file that ships with scikit-learn."""
    found = importlib.util.find_spec("sklearn")
    assert found is not None
    return str(Path(str(found.origin)).parent / "datasets" / "data" / "breast_cancer.csv")
