"""The faiss index: built from a sample, kept as faiss's own file, searched.

https://github.com/facebookresearch/faiss/wiki
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.formats.examples import Floats
from sagewright_algorithms.knn.rules import PARTS

_BITS = 8
"""Of the code of a vector's part."""
_FEWEST = 2
"""Rows for which there is a code."""


@cache
def library() -> Any:
    """faiss."""
    with warnings.catch_warnings():
        # What SWIG makes warns of itself on newer Pythons.
        warnings.simplefilter("ignore", DeprecationWarning)
        import faiss
    return faiss


def parts_of(values: Mapping[str, Any], width: int) -> int:
    """faiss_index_pq_m, or else the most of the allowed parts that have two dimensions each."""
    if given := values.get("faiss_index_pq_m"):
        return int(given)
    return max(part for part in PARTS if part == 1 or (width % part == 0 and width >= 2 * part))


def dimensions(values: Mapping[str, Any]) -> int:
    """Those of the index: what rows are reduced to, or their features, and more so that they divide into parts."""
    width = int(values.get("dimension_reduction_target") or values["feature_dim"])
    if values["index_type"] != "faiss.IVFPQ":
        return width
    parts = parts_of(values, width)
    return -(-width // parts) * parts


def needs(values: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """(rows that there must be at least, what for)."""
    kind, lists = values["index_type"], values["faiss_index_ivf_nlists"]
    if kind != "faiss.Flat" and lists != "auto":
        yield int(lists), f"faiss_index_ivf_nlists is {lists}"
    if kind == "faiss.IVFPQ":
        yield _FEWEST, f"index_type is {kind}, which needs {_FEWEST}"


def build(values: Mapping[str, Any], rows: Floats) -> Any:
    """rows: (n, dimensions), as many as are needed; unit vectors for COSINE."""
    faiss = library()
    width = rows.shape[1]
    metric = faiss.METRIC_L2 if values["index_metric"] == "L2" else faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexFlat(width, metric)
    if values["index_type"] != "faiss.Flat":
        given = values["faiss_index_ivf_nlists"]
        lists = max(1, math.isqrt(len(rows))) if given == "auto" else int(given)
        if values["index_type"] == "faiss.IVFFlat":
            index = faiss.IndexIVFFlat(index, width, lists, metric)
        else:
            # A part's codes are clusters of the sample's rows, so there cannot be more of them than rows.
            bits = min(_BITS, int(math.log2(len(rows))))
            index = faiss.IndexIVFPQ(index, width, lists, parts_of(values, width), bits)
            index.pq.cp.min_points_per_centroid = 1
        index.cp.min_points_per_centroid = 1
        index.nprobe = min(lists, int(values["_faiss_index_nprobe"]))
        index.train(rows)
    index.add(rows)
    return index


def search(index: Any, rows: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
    """((n, k), (n, k)): distances, the nearest first, and to which rows of the index. k: no more than those."""
    rows = np.ascontiguousarray(rows)
    distances, found = index.search(rows, k)
    few = np.flatnonzero(found[:, -1] < 0)
    if len(few):
        # Fewer than k near the centroids that were looked at: these look at all.
        parameters = library().SearchParametersIVF(nprobe=index.nlist)
        distances[few], found[few] = index.search(rows[few], k, params=parameters)
    return distances, found


def write(path: Path, index: Any) -> None:
    library().write_index(index, str(path))


def read(path: Path) -> Any:
    """Raises ValueError."""
    faiss = library()
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise ValueError(f"not a faiss index: {str(error).splitlines()[0]}") from error
    return index
