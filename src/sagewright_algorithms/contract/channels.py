"""A job's input channels: what the request says of them, which files they have, and their data.

File and FastFile mode: a folder input/data/<channel>. Pipe mode: a FIFO input/data/<channel>_<epoch>, read once.
The rules for file names are those of aws/sagemaker-xgboost-container (``data_utils``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.contract.spec import AlgorithmSpec, ChannelSpec

if TYPE_CHECKING:
    from sagewright_algorithms.formats.examples import Examples, ReadOptions

_MAX_DEPTH = 3
_NAMED = 3
"""Files that a message names one by one."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """``text/csv; label_size=1`` taken apart: the name in lower case, and its parameters."""

    name: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> ContentType:
        name, *rest = (part.strip() for part in text.lower().split(";"))
        pairs = (part.partition("=") for part in rest if part)
        return cls(name, {key.strip(): value.strip(' "') for key, _, value in pairs})


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of this job. path: its folder; in Pipe mode the FIFOs are beside it. format: a name of ``formats``."""

    name: str
    path: Path
    format: str
    content_type: ContentType
    pipe: bool = False

    def files(self, epoch: int = 0) -> list[Path]:
        """The data files in order of their names, without empty ones, or the epoch's FIFO. Raises ClientError."""
        if self.pipe:
            return [self.path.with_name(f"{self.name}_{epoch}")]
        found = sorted(_data_files(self.path, self.name)) if self.path.exists() else []
        return [path for path in found if path.stat().st_size]

    def read(self, options: ReadOptions) -> Examples | None:
        """All of the channel; None where it has no data. Raises ClientError, which names the channel, file and row."""
        from sagewright_algorithms.formats.examples import concatenate

        return concatenate(self.blocks(options))

    def batches(self, size: int, options: ReadOptions, *, epoch: int = 0) -> Iterator[Examples]:
        """The rows in the order of the files, ``size`` at a time; the last batch may be smaller.

        A batch and a few blocks are in memory at a time. epoch: which of a Pipe-mode channel's FIFOs. Raises
        ClientError, which names channel, file and row.
        """
        from sagewright_algorithms.formats.examples import concatenate

        parts: list[Examples] = []
        missing = size
        for block in self.blocks(options, epoch=epoch):
            at = 0
            while block.rows - at >= missing:
                parts.append(block.part(at, at + missing))
                at += missing
                if batch := concatenate(parts):
                    yield batch
                parts, missing = [], size
            if at < block.rows:
                parts.append(block.part(at, block.rows))
                missing -= block.rows - at
        if batch := concatenate(parts):
            yield batch

    def blocks(self, options: ReadOptions, *, epoch: int = 0) -> Iterator[Examples]:
        """The rows as they come off the files, some thousands at a time; all fit together. Raises ClientError."""
        from sagewright_algorithms.formats.examples import FormatError, check_alike
        from sagewright_algorithms.formats.files import stream

        first: Examples | None = None
        for path in self.files(epoch):
            try:
                for block in stream(self.format, path, options):
                    first = first or block
                    check_alike(block, first)
                    yield block
            except FormatError as error:
                where = str(error)
                raise self.fault(where if where.startswith("file ") else f"file {path.name}, {where}") from error

    def fault(self, where: str) -> ClientError:
        """The user's data is at fault. where: file, row and what is wrong there."""
        return ClientError(f"Failed to load {self.format} data of the {self.name} channel: {where}")

    def too_few(self, records: int, needed: str) -> ClientError:
        """needed: what asks for more records, such as ``mini_batch_size is 100``."""
        names = [path.name for path in self.files()]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        files = f"file {', '.join(names[:_NAMED])}{more}: " if names else ""
        return self.fault(f"{files}{needed}, but there are only {records} records")


def _data_files(folder: Path, channel: str) -> Iterator[Path]:
    """Files at most three folders deep; names that begin with an underscore are not data."""
    skipped = False
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        if path.name.startswith("."):
            raise ClientError(
                "Hidden file found in the data path! Remove that before training. "
                f"({channel} channel, file {path.name})"
            )
        if len(path.relative_to(folder).parts) > _MAX_DEPTH:
            skipped = True
        elif not path.name.startswith("_") and not _is_cache(path.name):
            yield path
    if skipped:
        log.warning(
            f"Files more than {_MAX_DEPTH} folders deep in the {channel} channel are not loaded: {folder}. "
            "Put them higher up."
        )


def _is_cache(name: str) -> bool:
    return ".cache" in name and ("dtrain" in name or "dval" in name)


def channels_of(spec: AlgorithmSpec, configured: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, Channel]:
    """The job's channels by name. configured: inputdataconfig.json. folder: input/data. Raises ClientError."""
    known = {channel.name: channel for channel in spec.channels}
    for channel in spec.channels:
        if channel.required and channel.name not in configured:
            raise ClientError(f"Missing required channel: {channel.name}")
    for name in configured:
        if name not in known:
            raise ClientError(f"Extraneous channel found: {name}")
    return {name: _channel(known[name], config, folder) for name, config in configured.items()}


def _channel(spec: ChannelSpec, config: Mapping[str, Any], folder: Path) -> Channel:
    text = config.get("ContentType") or spec.default_content_type
    if text is None:
        raise ClientError(f"Missing content type for channel: {spec.name}")
    content_type = ContentType.parse(text)
    if content_type.name not in spec.content_types:
        raise ClientError(
            f"{text} is not an accepted ContentType: {', '.join(spec.content_types)}. (channel {spec.name})"
        )
    mode = config.get("TrainingInputMode") or "File"
    form = spec.content_types[content_type.name]
    if mode == "Pipe" and not _pipes(spec, form):
        raise ClientError(f"Channel configuration for '{spec.name}' channel is not supported: Pipe mode with {text}")
    return Channel(spec.name, folder / spec.name, form, content_type, pipe=mode == "Pipe")


def _pipes(spec: ChannelSpec, form: str) -> bool:
    return "Pipe" in spec.input_modes and form in spec.pipe_formats


def warn_of_redundancy(channels: Sequence[Channel]) -> None:
    """Files of the same name and size in two channels are likely the same data; AWS's container warns of it too."""
    seen: dict[tuple[str, int], str] = {}
    for channel in channels:
        if channel.pipe:
            continue
        for path in channel.files():
            key = (path.name, path.stat().st_size)
            other = seen.setdefault(key, channel.name)
            if other != channel.name:
                log.warning(
                    f"{path.name} is in the {other} and the {channel.name} channel with the same size. Data that is in "
                    "both makes the validation score say little about the model."
                )
