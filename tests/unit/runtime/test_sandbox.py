from pathlib import Path

import pytest

from sagewright.runtime import sandbox
from sagewright.runtime.local.folder import Folder, safe_name
from sagewright.runtime.observation import Step
from sagewright.runtime.workload import Channel, Resources, S3Input, Workload

SOURCE = S3Input("s3://b/p")


def argv(workload: Workload, data_dir: str = "/data") -> str:
    return " ".join(sandbox.argv(sandbox.Probe("bwrap"), Path("/data/work/a"), Path(data_dir), workload))


def test_input_is_read_only_and_the_rest_is_not() -> None:
    channels = (
        Channel("r", SOURCE),
        Channel("w", SOURCE, read_only=False),
        Channel("p", SOURCE, path="processing/input/p"),
        Channel("checkpoints", SOURCE, path="checkpoints", read_only=False),
    )
    line = argv(Workload("a", "batch", ("x",), channels=channels))
    assert "--bind /data/work/a/opt/ml /opt/ml --ro-bind /data/work/a/opt/ml/input/config /opt/ml/input/config" in line
    assert "--ro-bind /data/work/a/opt/ml/input/data /opt/ml/input/data" in line
    assert "--bind /data/work/a/opt/ml/input/data/w /opt/ml/input/data/w" in line
    assert "--ro-bind /data/work/a/opt/ml/processing/input/p /opt/ml/processing/input/p" in line
    assert "/opt/ml/checkpoints" not in line
    assert "/opt/ml/input/data/r" not in line


def test_the_network_goes_only_where_asked() -> None:
    assert "--unshare-net" not in argv(Workload("a", "batch", ("x",)))
    assert "--unshare-net" in argv(Workload("a", "batch", ("x",), network_isolation=True))
    assert argv(Workload("a", "service", ("x",), network_isolation=True)).endswith("relay.py /run/sagewright/s")


def test_gpus_only_where_granted() -> None:
    assert "nvidia" not in argv(Workload("a", "batch", ("x",)))
    assert "/dev/nvidiactl" in argv(Workload("a", "batch", ("x",), resources=Resources(1, 1, 1)))


def test_a_data_folder_inside_of_a_bound_one_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "python_paths", lambda: ("/home/me/venv",))
    line = argv(Workload("a", "batch", ("x",)), "/home/me/venv/data")
    assert "--ro-bind /home/me/venv /home/me/venv --tmpfs /home/me/venv/data" in line


def test_paths_inside_of_others_are_left_out() -> None:
    paths = ["/opt/py/lib", "/opt/py", "/usr/local", "/opt/python", "/", "/opt/py"]
    assert sandbox._outermost(paths) == ["/opt/py", "/opt/python"]


@pytest.mark.parametrize("id", ["../x", "a/b", "é", "x" * 200, "", ".", "-a"])
def test_folder_names_are_safe_and_differ(id: str) -> None:
    name = safe_name(id)
    assert "/" not in name
    assert len(name) <= 100
    assert not name.startswith(".") or "." not in (name, name[:2])
    assert safe_name("plain-1.a") == "plain-1.a"
    assert len({safe_name("a/b"), safe_name("a:b"), safe_name("a_b")}) == 3


def test_a_journal_is_read_as_it_grows(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.steps() == ()
    line = b'{"at": 1, "name": "Starting", "message": "", "detail": {}}\n'
    (tmp_path / "journal.jsonl").write_bytes(line + line[:20])
    assert [step.name for step in folder.steps()] == ["Starting"]
    (tmp_path / "journal.jsonl").write_bytes(line + line)
    assert len(folder.steps()) == 2


def test_a_torn_last_line_does_not_keep_the_last_word_out(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    line = b'{"at": 1, "name": "Starting", "message": "", "detail": {}}\n'
    (tmp_path / "journal.jsonl").write_bytes(line + line[:20])
    folder.steps()
    folder.append(Step(2, "Failed", "gone"))
    assert [step.name for step in Folder(tmp_path).steps()] == ["Starting", "Failed"]


def test_logs_are_complete_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"1 one\n2 two words\n3 par")
    lines, offset = Folder(tmp_path).logs(0)
    assert [(line.at, line.text) for line in lines] == [(1, "one"), (2, "two words")]
    with (tmp_path / "log").open("ab") as file:
        file.write(b"tial\n4 \n")
    lines, _ = Folder(tmp_path).logs(offset)
    assert [(line.at, line.text) for line in lines] == [(3, "partial"), (4, "")]
