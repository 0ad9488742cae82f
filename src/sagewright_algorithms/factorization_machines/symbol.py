"""The model as MXNet's graph."""

from __future__ import annotations

from typing import Any

_OUTPUTS = {"regressor": "LinearRegressionOutput", "binary_classifier": "LogisticRegressionOutput"}


def symbol(kind: str, width: int, factors: int) -> dict[str, Any]:
    """data (n, d), v, w1_weight and w0_weight -> out (n, 1), whose label is out_label."""
    graph = _Graph()
    data = graph.add("null", "data")
    v = graph.add("null", "v", __shape__=(width, factors))
    linear = graph.add("dot", "w1", data, graph.add("null", "w1_weight", __shape__=(width, 1)))
    bias = graph.add("null", "w0_weight", __shape__=(1, 1))
    sums = graph.add("square", "squared_sums", graph.add("dot", "sums", data, v))
    lengths = graph.add("sum", "lengths", graph.add("square", "squared_v", v), axis=1, keepdims=True)
    own = graph.add("dot", "own", graph.add("square", "squared_data", data), lengths)
    twice = graph.add("elemwise_sub", "twice_pairs", graph.add("sum", "sum", sums, axis=1, keepdims=True), own)
    pairs = graph.add("_mul_scalar", "pairs", twice, scalar=0.5)
    terms = graph.add("elemwise_add", "terms", linear, pairs)
    score = graph.add("broadcast_add", "score", terms, bias)
    graph.add(_OUTPUTS[kind], "out", score, graph.add("null", "out_label"))
    return graph.document()


class _Graph:
    def __init__(self) -> None:
        self._nodes: list[dict[str, Any]] = []

    def add(self, operation: str, name: str, *inputs: int, **attributes: Any) -> int:
        """The node's number."""
        node: dict[str, Any] = {"op": operation, "name": name, "inputs": [[number, 0, 0] for number in inputs]}
        if attributes:
            node["attrs"] = {key: str(value) for key, value in attributes.items()}
        self._nodes.append(node)
        return len(self._nodes) - 1

    def document(self) -> dict[str, Any]:
        return {
            "nodes": self._nodes,
            "arg_nodes": [number for number, node in enumerate(self._nodes) if node["op"] == "null"],
            "node_row_ptr": list(range(len(self._nodes) + 1)),
            "heads": [[len(self._nodes) - 1, 0, 0]],
            "attrs": {"mxnet_version": ["int", 10300]},
        }
