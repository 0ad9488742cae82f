"""Algorithms with every input mode and every content type of their channels, as their specs say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sagewright_algorithms
from sagewright_algorithms.contract.channels import ContentType
from sagewright_algorithms.contract.environment import Environment
from sagewright_algorithms.contract.job import run
from sagewright_algorithms.contract.spec import AlgorithmSpec, ChannelSpec

from .feeding import feeding
from .test_channels import encoded

Array = np.ndarray[Any, Any]

REFERENCES = Path(__file__).parents[4] / "shared" / "reference" / "algorithms"
MODES = ("File", "FastFile", "Pipe")
FEWEST: Mapping[str, Mapping[str, str]] = {
    "kmeans": {"k": "3", "feature_dim": "4", "mini_batch_size": "20"},
    "linear-learner": {"predictor_type": "binary_classifier", "mini_batch_size": "20", "num_models": "2"},
    "xgboost": {"num_round": "3", "objective": "binary:logistic"},
}
"""The fewest hyperparameters that train, by algorithm; one that is not here is not tested here."""


def specs() -> Iterator[AlgorithmSpec]:
    for folder in sorted(Path(path) for path in sagewright_algorithms.__path__):
        for path in sorted(folder.glob("*/spec.py")):
            found = import_module(f"sagewright_algorithms.{path.parent.name}.spec")
            if hasattr(found, "SPEC"):
                yield found.SPEC


SPECS = {spec.name: spec for spec in specs() if spec.name in FEWEST}


def data_channels(spec: AlgorithmSpec) -> list[ChannelSpec]:
    return [channel for channel in spec.channels if "text/python" not in channel.content_types]


CASES = [
    pytest.param(spec, mode, content_type, id=f"{name}-{mode}-{content_type}")
    for name, spec in SPECS.items()
    for mode in MODES
    for content_type in spec.channel("train").content_types
]


@pytest.fixture(scope="module")
def tables() -> list[Array]:
    """(rows, 1 + 4): labels 0 and 1, features that they depend on."""
    random = np.random.default_rng(5)
    features = random.normal(size=(150, 4)).astype(np.float32)
    labels = features[:, 0] + 0.3 * random.normal(size=150) > 0
    table = np.column_stack([labels, features]).astype(np.float32)
    return [table[:60], table[60:61], table[61:]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, tables: list[Array]) -> Any:
    """models(spec, content_type): what File mode trains, once for each format."""
    known: dict[tuple[str, str], dict[str, bytes]] = {}

    def of(spec: AlgorithmSpec, content_type: str) -> dict[str, bytes]:
        key = (spec.name, spec.channel("train").content_types[content_type])
        if key not in known:
            base = tmp_path_factory.mktemp("job")
            assert train(base, spec, "File", content_type, tables) == ""
            known[key] = model_of(base)
        return known[key]

    return of


def train(base: Path, spec: AlgorithmSpec, mode: str, content_type: str, tables: list[Array], *, cut: int = 0) -> str:
    """The failure; empty where there is none. cut: bytes that are missing at the end of the data."""
    form = spec.channel("train").content_types[content_type]
    pieces = [encoded(form, table) for table in tables]
    pieces[-1] = pieces[-1][: len(pieces[-1]) - cut]
    config = base / "input" / "config"
    config.mkdir(parents=True)
    names = [channel.name for channel in data_channels(spec)]
    channel = {"ContentType": content_type, "TrainingInputMode": mode}
    (config / "hyperparameters.json").write_text(json.dumps(FEWEST[spec.name]))
    (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(names, channel)))
    with ExitStack() as stack:
        for name in names:
            place = base / "input" / "data" / name
            if mode == "Pipe":
                stack.enter_context(feeding(place, *pieces))
                continue
            place.mkdir(parents=True)
            for number, piece in enumerate(pieces):
                (place / f"part-{number}").write_bytes(piece)
        code = run(spec, Environment(base))
    failure = base / "output" / "failure"
    assert bool(code) is failure.exists()
    return failure.read_text() if code else ""


def model_of(base: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in (base / "model").rglob("*") if path.is_file()}
    assert found
    return found


@pytest.mark.parametrize(("spec", "mode", "content_type"), CASES)
def test_each_form_trains_the_same_model(
    spec: AlgorithmSpec, mode: str, content_type: str, tmp_path: Path, tables: list[Array], models: Any
) -> None:
    channel = spec.channel("train")
    assert mode in channel.input_modes
    failure = train(tmp_path, spec, mode, content_type, tables)
    if mode == "Pipe" and channel.content_types[content_type] not in channel.pipe_formats:
        assert failure.startswith("ClientError: ")
        assert "Pipe mode" in failure
        assert content_type in failure
        return
    assert failure == ""
    assert model_of(tmp_path) == models(spec, content_type)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["csv", "recordio-protobuf"])
@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_a_record_that_is_cut_off_fails_the_job(
    spec: AlgorithmSpec, form: str, mode: str, tmp_path: Path, tables: list[Array]
) -> None:
    """In Pipe mode: the writer dies in the middle of it."""
    content_type = next(name for name, found in spec.channel("train").content_types.items() if found == form)
    failure = train(tmp_path, spec, mode, content_type, tables, cut=25)
    assert failure.startswith("ClientError: ")
    file, number = ("train_0", 150) if mode == "Pipe" else ("part-2", 89)
    assert f"train channel: file {file}, {'row' if form == 'csv' else 'record'} {number}" in failure


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_the_forms_are_those_of_the_reference(spec: AlgorithmSpec) -> None:
    path = REFERENCES / f"{spec.name}.json"
    if not path.exists():
        pytest.skip("the references are not beside the checkout")
    reference = json.loads(path.read_text())
    of_train = reference["channels"][0]["content_types"]
    for documented in reference["channels"]:
        channel, listed = spec.channel(documented["name"]), documented["content_types"]
        # A string says that the list is the train channel's.
        assert sorted(channel.content_types) == sorted(listed if isinstance(listed, list) else of_train)
        assert channel.required is documented["required"]
    piped = reference["input_modes"].get("per_content_type", {})
    for channel in data_channels(spec):
        for content_type, form in channel.content_types.items():
            known = next((modes for name, modes in piped.items() if form in _form(name)), ["File", "Pipe"])
            assert (form in channel.pipe_formats) is any(mode.startswith("Pipe") for mode in known), content_type


def _form(content_type: str) -> str:
    """``application/x-parquet`` -> parquet."""
    return ContentType.parse(content_type).name.rpartition("/")[2].removeprefix("x-")
