"""The binary model format that XGBoost wrote until 2.0, and libxgboost 3.1 no longer reads; given as its JSON format.

The containers 1.3 to 1.7 save models so. The layout is that of XGBoost 1.7's structs ``LearnerModelParamLegacy``,
``GBTreeModelParam``, ``TreeParam``, ``RegTree::Node`` and ``RTreeNodeStat``, written as they lie in memory.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

MAGIC = b"binf"

_LEARNER = struct.Struct("<fIiiiIII104x")
_TREES = struct.Struct("<ii152x")
_TREE = struct.Struct("<iiiiii124x")
_LINEAR_BYTES = 136
_NODE = np.dtype([("parent", "<u4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")])
_STAT = np.dtype([("gain", "<f4"), ("hessian", "<f4"), ("weight", "<f4"), ("leaves", "<i4")])
_LOWER = 0x7FFFFFFF

_OBJECTIVES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "multi:softmax": {"softmax_multiclass_param": {"num_class": "0"}},
    "multi:softprob": {"softmax_multiclass_param": {"num_class": "0"}},
    "count:poisson": {"poisson_regression_param": {"max_delta_step": "0.7"}},
    "reg:tweedie": {"tweedie_regression_param": {"tweedie_variance_power": "1.5"}},
}
"""What an objective needs besides its name, where a model (of 0.x) does not say."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = len(MAGIC)

    def take(self, size: int) -> bytes:
        """Raises ValueError."""
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise ValueError(f"the binary model ends at byte {len(self._data)}, within what begins at {self._at}")
        found, self._at = self._data[self._at : end], end
        return found

    def struct(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    def size(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def text(self) -> str:
        return self.take(self.size()).decode()

    def array(self, dtype: Any, count: int) -> Any:
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(kind.itemsize * count), kind)


def to_json(data: bytes) -> bytes:
    """data: begins with MAGIC. Raises ValueError."""
    reader = _Reader(data)
    base_score, features, classes, has_attributes, _, major, minor, targets = reader.struct(_LEARNER)
    objective, booster = reader.text(), reader.text()
    gradient_booster = _linear(reader) if booster == "gblinear" else _trees(reader, booster)
    attributes = {reader.text(): reader.text() for _ in range(reader.size())} if has_attributes else {}
    said = attributes.pop("objective", None)
    learner: dict[str, Any] = {
        "attributes": attributes,
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": gradient_booster,
        "learner_model_param": {
            "base_score": str(base_score),
            "boost_from_average": "1",
            "num_class": str(classes),
            "num_feature": str(features),
            "num_target": str(max(1, targets)),
        },
        "objective": json.loads(said) if said else _objective(objective, classes),
    }
    # Models of before 1.0 say no version; JSON came with 1.0.
    return json.dumps({"learner": learner, "version": [major or 1, minor, 0]}).encode()


def _objective(name: str, classes: int) -> dict[str, Any]:
    name = "reg:squarederror" if name == "reg:linear" else name
    found = json.loads(json.dumps(_OBJECTIVES.get(name, {"reg_loss_param": {"scale_pos_weight": "1"}})))
    if "softmax_multiclass_param" in found:
        found["softmax_multiclass_param"]["num_class"] = str(classes)
    return {"name": name, **found}


def _linear(reader: _Reader) -> dict[str, Any]:
    reader.take(_LINEAR_BYTES)
    return {"name": "gblinear", "model": {"boosted_rounds": 0, "weights": reader.array("<f4", reader.size()).tolist()}}


def _trees(reader: _Reader, booster: str) -> dict[str, Any]:
    count, parallel = reader.struct(_TREES)
    trees = [_tree(reader, number) for number in range(count)]
    info = reader.array("<i4", count).tolist()
    model = {
        "gbtree_model_param": {
            "num_parallel_tree": str(max(1, parallel)),
            "num_trees": str(count),
            "size_leaf_vector": "0",
        },
        "tree_info": info,
        "trees": trees,
    }
    found: dict[str, Any] = {"name": "gbtree", "model": model}
    if booster == "dart":
        weights = reader.array("<f4", reader.size()).tolist() if count else []
        found = {"name": "dart", "gbtree": found, "weight_drop": weights}
    return found


def _tree(reader: _Reader, number: int) -> dict[str, Any]:
    _, nodes, deleted, _, features, leaf_vector = reader.struct(_TREE)
    node, stat = reader.array(_NODE, nodes), reader.array(_STAT, nodes)
    if leaf_vector:
        reader.array("<f4", reader.size())
    zeros = [0] * nodes
    return {
        "base_weights": stat["weight"].tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": (node["split"] >> 31).tolist(),
        "id": number,
        "left_children": node["left"].tolist(),
        "loss_changes": stat["gain"].tolist(),
        "parents": (node["parent"] & _LOWER).tolist(),
        "right_children": node["right"].tolist(),
        "split_conditions": node["value"].tolist(),
        "split_indices": (node["split"] & _LOWER).tolist(),
        "split_type": zeros,
        "sum_hessian": stat["hessian"].tolist(),
        "tree_param": {
            "num_deleted": str(deleted),
            "num_feature": str(features),
            "num_nodes": str(nodes),
            "size_leaf_vector": "0",
        },
    }
