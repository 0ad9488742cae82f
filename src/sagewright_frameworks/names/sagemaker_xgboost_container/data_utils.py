"""From a channel's files to a DMatrix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sagewright_algorithms.formats import codec
from sagewright_algorithms.formats.examples import Examples, ReadOptions

_FORMATS = {
    "csv": "csv",
    "text/csv": "csv",
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "parquet",
    "application/x-parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "application/x-recordio-protobuf": "recordio-protobuf",
}


def get_dmatrix(data_path: str, content_type: str, csv_weights: int = 0, is_pipe: bool = False) -> Any:
    """Of a file, or of all files below a folder, with their labels; None where there is nothing.

    csv_weights: 1 where the column after the label is the weight. Raises ValueError for another content type,
    NotImplementedError for a pipe, FormatError that names the row.
    """
    import numpy as np
    import xgboost
    from scipy import sparse

    if is_pipe:
        raise NotImplementedError("Sagewright reads no pipe in get_dmatrix: give the channel the input mode File.")
    name = content_type.partition(";")[0].strip().lower()
    if name not in _FORMATS:
        raise ValueError(f"{content_type} is not an accepted ContentType: {', '.join(_FORMATS)}")
    found = [each for each in _blocks(Path(data_path), _FORMATS[name], weights=csv_weights == 1) if each.rows]
    if not found:
        return None
    features = [each.features for each in found]
    if sparse.issparse(features[0]):
        width = max(each.shape[1] for each in features)
        for each in features:
            each.resize((each.shape[0], width))
    join = sparse.vstack if sparse.issparse(features[0]) else np.vstack
    matrix = xgboost.DMatrix(join(features), label=np.concatenate([each.labels for each in found]))
    weights = [each.weights for each in found if each.weights is not None]
    if len(weights) == len(found):
        matrix.set_weight(np.concatenate(weights))
    return matrix


def _blocks(place: Path, form: str, *, weights: bool) -> Iterator[Examples]:
    files = [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())
    for file in files:
        with file.open("rb") as opened:
            yield from codec(form).stream(opened, ReadOptions(weights=weights))
