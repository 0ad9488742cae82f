"""Requests to take a spot job's instances away, left as files in the data folder by whoever may write there."""

from __future__ import annotations

from pathlib import Path


def ask(data_dir: Path, account: str, region: str, job: str) -> None:
    """Have a job interrupted as soon as the server looks at it."""
    path = _path(data_dir, account, region, job)
    path.parent.mkdir(exist_ok=True)
    path.touch()


def asked(data_dir: Path, account: str, region: str, job: str) -> bool:
    """Whether a request is there that has not been followed yet."""
    return _path(data_dir, account, region, job).exists()


def forget(data_dir: Path, account: str, region: str, job: str) -> None:
    """The request has been followed, or is too late."""
    _path(data_dir, account, region, job).unlink(missing_ok=True)


def _path(data_dir: Path, account: str, region: str, job: str) -> Path:
    return data_dir / "interruptions" / f"{account}.{region}.{job}"
