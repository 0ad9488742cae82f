"""A channel's mini-batches, checked."""

from __future__ import annotations

from collections.abc import Iterator

from sagewright_algorithms.contract.channels import Channel
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.rows import check_features
from sagewright_algorithms.formats.examples import Examples, Features, Floats, ReadOptions


class Source:
    """size: rows of a mini-batch. width: features. labelled: whether the labels are needed."""

    def __init__(self, channel: Channel, size: int, width: int, *, labelled: bool = False) -> None:
        self.channel = channel
        self._size = size
        self._width = width
        self._labelled = labelled
        self._options = ReadOptions(label_size=self._label_size())

    def batches(self, epoch: int = 0) -> Iterator[Examples]:
        """Raises ClientError, which names channel, file and record."""
        for examples in self.channel.batches(self._size, self._options, epoch=epoch):
            check_features(self.channel, examples, self._width)
            if self._labelled:
                self._check_labels(examples)
            yield examples

    def empty(self) -> ClientError:
        kind = "training" if self.channel.name == "train" else self.channel.name
        return ClientError(f"No data in {kind} channel path {self.channel.path}")

    def _label_size(self) -> int:
        """Leading columns of CSV that are labels. Records say by themselves which their label is."""
        if self.channel.format != "csv":
            return int(self._labelled)
        text = self.channel.content_type.parameters.get("label_size", "1")
        if text not in (("1",) if self._labelled else ("0", "1")):
            wanted = "label_size=1: the first column is the label" if self._labelled else "label_size=0"
            raise ClientError(
                f"{self.channel.content_type.name};label_size={text} is not an accepted ContentType: Random Cut Forest "
                f"needs {wanted}. (channel {self.channel.name})"
            )
        return int(text)

    def _check_labels(self, examples: Examples) -> None:
        labels = examples.labels
        if labels is None:
            raise self.channel.fault(f"{examples.where(0)}: no label; 1 marks an anomaly, and 0 a normal record")
        wrong = (labels != 0) & (labels != 1)
        if wrong.any():
            row = int(wrong.argmax())
            raise self.channel.fault(f"{examples.where(row)}: the label must be 0 or 1, found {labels[row]:g}")


def dense(features: Features) -> Floats:
    """(rows, d)."""
    rows: Floats = features.toarray() if hasattr(features, "toarray") else features
    return rows
