"""Jobs from files: what lies in /opt/ml goes in, the model's file or the failure come out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.formats import ndarrays
from sagewright_algorithms.ip_insights import artifacts, model
from sagewright_algorithms.ip_insights.train import train
from unit.algorithms.feeding import feeding
from unit.algorithms.folders import Folder
from unit.algorithms.side_by_side import side_by_side

_USERS = 30


def _lines(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    users, hosts = random.integers(0, _USERS, count), random.integers(0, 256, count)
    return [f"user_{user},10.{user}.1.{host}\n" for user, host in zip(users, hosts, strict=True)]


def _given(**more: Any) -> dict[str, Any]:
    few = {"num_entity_vectors": 10_000, "vector_dim": 8, "mini_batch_size": 100, "epochs": 4, "learning_rate": 0.02}
    return {**few, **more}


def _right(folder: Folder) -> float:
    """How often a user's own network suits more than another's."""
    loaded = model.load(folder.model_dir)
    scores = []
    for apart in (0, 1):
        lines = [f"user_{user},10.{(user + apart) % _USERS}.1.7\n" for user in range(_USERS)]
        scores.append(loaded.predict(model.decode("".join(lines).encode(), "csv"))["dot_product"])
    return float((scores[0] > scores[1]).mean())


def _areas(log: str) -> list[float]:
    return [float(found) for found in re.findall(r"validation discriminator_auc <score>=(\S+)", log)]


@pytest.mark.parametrize("mode", ["File", "FastFile"])
def test_several_files_of_any_form(folder: Folder, mode: str, capfd: pytest.CaptureFixture[str]) -> None:
    lines = _lines(3000)
    folder.put("train", "a.csv", b"\xef\xbb\xbf" + "".join(lines[:1000]).encode())
    folder.put("train", "more/b.csv", "".join(lines[1000:2000]).replace("\n", "\r\n"))
    folder.put("train", "c", "".join(lines[2000:]).rstrip("\n"))
    folder.put("validation", "v", "".join(_lines(500, 1)))
    assert folder.run(_given(), "text/csv", TrainingInputMode=mode) == ""
    log = capfd.readouterr().out
    assert '"Total Records Seen": {"sum": 12000' in log
    assert "Dropped" not in log
    areas = _areas(log)
    assert len(areas) == 4
    assert areas[-1] > 0.95
    assert _right(folder) > 0.95
    # The mark before the first file belongs to no entity.
    assert len(artifacts.read(folder.model_dir).entities) == _USERS


def test_pipe_mode_is_file_mode(folder: Folder) -> None:
    text = "".join(_lines(2000)).encode()
    place = folder.base / "input" / "data"
    with feeding(place / "train", text) as train_feeder, feeding(place / "validation", text) as feeder:
        assert folder.run(_given(), "text/csv", TrainingInputMode="Pipe") == ""
    assert (train_feeder.passes, feeder.passes) == (4, 4)
    other = Folder(folder.base / "other", folder.spec)
    other.put("train", "a", text)
    assert other.run(_given(), "text/csv") == ""
    name = artifacts.NAME
    assert (other.model_dir / name).read_bytes() == (folder.model_dir / name).read_bytes()


def test_what_is_no_address_is_dropped_and_counted(folder: Folder, capfd: pytest.CaptureFixture[str]) -> None:
    lines = ["user,ip_address\n", *_lines(200), "user_1,2001:db8::1\n", ",10.0.0.1\n"]
    folder.put("train", "a.csv", "".join(lines))
    folder.put("validation", "v.csv", "".join([*_lines(50, 1), "user_1,-\n"]))
    assert folder.run(_given(), "text/csv;label_size=0") == ""
    log = capfd.readouterr().out
    assert log.count("Dropped") == 2
    assert "Dropped 3 of 203 records of the train channel" in log
    assert "The first is file a.csv, row 1." in log
    assert "Dropped 1 of 51 records of the validation channel" in log


_MANY = "".join(_lines(150))


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        (_MANY + "Doe, Jane, 10.0.0.1\n", {}, ("file a, row 151", "expected 2 columns, found 3", "in quotes")),
        (_MANY + "10.0.0.1\n", {}, ("file a, row 151", "expected 2 columns, found 1")),
        (_MANY + '"Doe, 10.0.0.1\n', {}, ("file a, row 151", "quote is not closed")),
        (_MANY, {"mini_batch_size": 151}, ("file a", "mini_batch_size is 151", "only 150 records")),
        ("user,ip\n" * 20, {}, ("file a, row 1", "none of the 20 records")),
        ("", {}, ("No data",)),
        ("\n \n", {}, ("No data",)),
    ],
)
def test_wrong_records(folder: Folder, text: str, given: dict[str, Any], words: tuple[str, ...]) -> None:
    folder.put("train", "a", text)
    failure = folder.run(_given(**given), "text/csv")
    assert failure.startswith("ClientError: ")
    for word in ("train", *words):
        assert word in failure
    assert not list(folder.model_dir.iterdir())


@pytest.mark.parametrize(
    ("text", "word"), [("", "No data in validation"), ("a,b\n", "file v, row 1"), ("a\n", "row 1")]
)
def test_a_wrong_validation_channel(folder: Folder, text: str, word: str) -> None:
    folder.put("train", "a", _MANY)
    folder.put("validation", "v", text)
    failure = folder.run(_given(), "text/csv")
    assert failure.startswith("ClientError: ")
    assert "validation" in failure
    assert word in failure


def test_labels_are_refused(folder: Folder) -> None:
    folder.put("train", "a", _MANY)
    assert "label_size=1 is not an accepted ContentType" in folder.run(_given(), "text/csv;label_size=1")


def test_a_mini_batch_that_needs_too_much_memory(folder: Folder) -> None:
    folder.put("train", "a", _MANY)
    failure = folder.run(_given(vector_dim=4096, num_ip_encoder_layers=100, num_entity_vectors=10), "text/csv")
    assert failure.startswith("ClientError: A mini-batch and the encoder need")


@pytest.mark.parametrize("distribution", ["FullyReplicated", "ShardedByS3Key"])
@pytest.mark.parametrize("count", [2, 3])
def test_instances_reach_what_one_does(
    folder: Folder, count: int, distribution: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the same steps: each has its part of a mini-batch."""
    lines, others = _lines(2000), _lines(600, 1)
    folder.put("train", "a", "".join(lines))
    folder.put("validation", "v", "".join(others))
    assert folder.run(_given(), "text/csv") == ""
    one = _areas(capfd.readouterr().out)
    folders = [Folder(folder.base / f"algo-{number}", folder.spec) for number in range(count)]
    for number, each in enumerate(folders):
        part = slice(None) if distribution == "FullyReplicated" else slice(number, None, count)
        each.put("train", "a", "".join(lines[part]))
        each.put("validation", "v", "".join(others[part]))
        each.configure(_given(), "text/csv", S3DistributionType=distribution)

    def work(number: int, collective: Collective) -> None:
        train(folders[number].job(collective))

    side_by_side(count, work)
    several = _areas(capfd.readouterr().out)
    assert len(several) == 4 * count
    assert several[-count:] == pytest.approx([one[-1]] * count, abs=0.02)
    assert _right(folders[0]) > 0.95
    assert not any(each.model_dir.exists() for each in folders[1:])


@pytest.mark.parametrize("layers", [20, 100])
def test_training_that_diverges(folder: Folder, layers: int) -> None:
    folder.put("train", "a", _MANY)
    failure = folder.run(_given(learning_rate=10, num_ip_encoder_layers=layers), "text/csv")
    assert failure.startswith("ClientError: ")
    assert "diverged" in failure
    assert "learning_rate" in failure
    assert not list(folder.model_dir.iterdir())


def test_an_instance_without_records(folder: Folder) -> None:
    """The others' are enough; where a record is at fault, all end with its reason."""
    folders = [Folder(folder.base / f"algo-{number}", folder.spec) for number in range(2)]
    for text, failure in (("", ""), ("a,b,c\n", "file a, row 1")):
        for each, content in zip(folders, ("".join(_lines(1000)), text), strict=True):
            each.put("train", "a", content)
            each.configure(_given(), "text/csv", S3DistributionType="ShardedByS3Key")

        def work(number: int, collective: Collective) -> None:
            train(folders[number].job(collective))

        if failure:
            with pytest.raises(ClientError, match=failure):
                side_by_side(2, work)
        else:
            side_by_side(2, work)
            assert _right(folders[0]) > 0.9


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: b"",
        lambda arrays: ndarrays.encode(arrays)[:-20],
        lambda arrays: ndarrays.encode({name: array for name, array in arrays.items() if name != "end_vectors"}),
        lambda arrays: ndarrays.encode({**arrays, "prefixes": arrays["prefixes"][:-1]}),
        lambda arrays: ndarrays.encode({**arrays, "end_vectors": arrays["end_vectors"][:, :4]}),
        lambda arrays: ndarrays.encode({**arrays, "layer0_weight": arrays["layer0_weight"][:3]}),
    ],
)
def test_a_model_that_is_none(folder: Folder, change: Any) -> None:
    folder.put("train", "a", _MANY)
    assert folder.run(_given(), "text/csv") == ""
    path = folder.model_dir / artifacts.NAME
    path.write_bytes(change(ndarrays.decode(path.read_bytes())))
    with pytest.raises(artifacts.UnreadableModel, match="cannot be loaded"):
        model.load(folder.model_dir)
    path.unlink()
    with pytest.raises(artifacts.UnreadableModel, match="There is no"):
        model.load(folder.model_dir)
