"""What the job's log says, in the lines of AWS's container."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from sagewright_algorithms.contract import log, report
from sagewright_algorithms.contract.report import Seen
from sagewright_algorithms.random_cut_forest.forest.forest import Forest
from sagewright_algorithms.random_cut_forest.spec import ALGORITHM

Array = NDArray[Any]


class Report(report.Report):
    """host: this instance's name."""

    def __init__(self, host: str) -> None:
        super().__init__(host, ALGORITHM)
        self.seen = Seen()
        self._start = time.time()

    def verified(self, content_type: str) -> None:
        log.info(f"Loaded iterator creator {content_type} for content type ('{content_type}', '1.0')")
        log.info("Verifying hyperparamemters...")
        log.info("Hyperparameters are correct.")

    def memory(self, available: int, samples: int, forest: int) -> None:
        """Bytes of each."""
        log.info("Validating memory limits...")
        log.info(f"Available memory in bytes: {available}")
        log.info(f"Estimated sample size in bytes: {samples}")
        log.info(f"Estimated memory needed to build the forest in bytes: {forest}")

    def sampling(self) -> None:
        log.info("Memory limits validated.")
        self.metrics({"initialize.time": (time.time() - self._start) * 1000}, begin=self._start)
        log.info("Sampling training data...")

    def width_agrees(self) -> None:
        log.info("Validating that feature_dim agrees with dimensions in training data...")
        log.info("feature_dim is correct.")

    def progress(self, epoch: int, epochs: int) -> None:
        """epoch: how many are done. AWS's line has no "of" here."""
        log.info(f"#progress_metric: host={self.host}, completed {100 * epoch // epochs} % epochs")

    def epoch_end(self, epoch: int, epochs: int, begin: float) -> None:
        """epoch: from 0. begin: when it began, seconds since 1970."""
        records = self.seen.since[0]
        self.progress(epoch + 1, epochs)
        self.metrics(self.seen.metrics(), begin=begin, epoch=epoch, Meta="training_data_iter")
        self.throughput(records, time.time() - begin)
        self.seen.reset()

    def sampled(self, epochs: int, begin: float) -> None:
        log.info("Sampling training data completed.")
        self.metrics({"epochs": epochs, "update.time": (time.time() - begin) * 1000}, begin=begin)
        log.info("Early stop condition met. Stopping training.")

    def gathered(self, samples: int) -> None:
        log.info("Master node: building Random Cut Forest...")
        log.info("Gathering samples...")
        log.info(f"{samples} samples gathered")
        log.info("Building Random Cut Forest...")

    def built(self, forest: Forest, begin: float) -> None:
        nodes, depths, sizes = forest.nodes(), forest.depths(), forest.sizes
        memory = sum(array.nbytes for array in forest.trees)
        facts: dict[str, object] = {
            "num_trees": len(sizes),
            "num_samples_in_forest": int(sizes.sum()),
            "num_samples_per_tree": int(sizes.max()),
            "sample_dim": forest.dimensions,
            "shingle_size": 1,
            "trees_num_nodes": _listed(nodes),
            "trees_depth": _listed(depths),
            "max_num_nodes": int(nodes.max()),
            "min_num_nodes": int(nodes.min()),
            "avg_num_nodes": int(nodes.mean()),
            "max_tree_depth": int(depths.max()),
            "min_tree_depth": int(depths.min()),
            "avg_tree_depth": int(depths.mean()),
            "mem_size": memory,
        }
        log.info("Random Cut Forest built: ")
        log.write_line("")
        log.write_line(f"ForestInfo{{{', '.join(f'{name}: {value}' for name, value in facts.items())}}}")
        self.metrics({"fit_model.time": (time.time() - begin) * 1000, "model.bytes": memory}, begin=begin)

    def serializing(self) -> None:
        log.info("Master node: Serializing the RandomCutForest model")

    def scores(self, channel: str, scores: Array, cutoff: float) -> None:
        """Statistics of a channel's scores. cutoff: above it a record counts as an anomaly."""
        facts = {
            "mean": float(scores.mean()),
            "std": float(scores.std()),
            "min": float(scores.min()),
            "max": float(scores.max()),
            "cutoff": cutoff,
        }
        words = ", ".join(f"{name}: {value!r}" for name, value in facts.items())
        log.info(f"Anomaly scores of {len(scores)} {channel} records: {words}")
        self.metrics({f"{channel}_score.{name}": value for name, value in facts.items()}, Meta=f"{channel}_data_iter")

    def results(self, results: Mapping[str, float]) -> None:
        for name, value in results.items():
            self.score("test", name, value)
        for name, value in results.items():
            self.quality(f"test {name}", value, loss=False)


def _listed(numbers: Array) -> str:
    """As the container's ForestInfo lists them."""
    return f"[{''.join(f'{number}, ' for number in numbers.tolist())}]"
