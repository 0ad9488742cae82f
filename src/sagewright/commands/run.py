"""``sagewright run -- CMD...``: a command with a server, one that is there or one for as long as the command runs."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TextIO

from sagewright.commands import CommandFailed
from sagewright.commands.environment import for_children, upstream
from sagewright.commands.servers import Running, add_place, check_port, end, find, is_healthy, launch, place
from sagewright.config import Config

_NOT_FOUND = 127
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "sagewright run [--port P] [--data-dir D] [--keep-pauses] -- CMD..."
    add_place(parser)
    parser.add_argument("--keep-pauses", action="store_true", help="leave the SageMaker SDK's pauses between polls")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD...", help="the command and its arguments")


def run(options: argparse.Namespace) -> int:
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        raise CommandFailed("no command given: sagewright run -- CMD...")
    if shutil.which(words[0]) is None:
        print(f"sagewright run: {words[0]}: command not found", file=sys.stderr)
        return _NOT_FOUND
    command = Command(words)
    with command.taking_signals(), server(place(options), options.port) as running:
        return command.run(for_children(running, os.environ, keep_pauses=options.keep_pauses))


class Command:
    """A command as a child: signals go on to it, and its exit status comes back."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def taking_signals(self) -> Iterator[None]:
        """Within: what this process is sent goes to the child. Before there is one, a signal ends the block."""
        before = {number: signal.signal(number, self._on_signal) for number in _FORWARDED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, environment: Mapping[str, str]) -> int:
        """The exit status: the command's own, or 128 and the signal's number as shells have it."""
        try:
            self._process = subprocess.Popen(self._words, env=dict(environment))
        except OSError as error:
            raise CommandFailed(f"{self._words[0]}: {error.strerror}") from None
        status = self._process.wait()
        return status if status >= 0 else 128 - status

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        process = self._process
        if process is None:
            raise SystemExit(128 + number)
        if process.poll() is None and not (number in (signal.SIGINT, signal.SIGQUIT) and _is_foreground()):
            process.send_signal(number)


def _is_foreground() -> bool:
    """Whether the terminal's own Ctrl-C reaches this process, and so the child beside it."""
    try:
        with open("/dev/tty") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


@contextlib.contextmanager
def server(config: Config, asked_port: int | None = None) -> Iterator[Running]:
    """The server of the data folder; where none answers, one for as long as any such block lasts.

    Blocks of several processes share a lock; whoever finds itself the last ends a server that one of them started.
    Raises CommandFailed.
    """
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with (config.data_dir / "runs").open("a+") as runs:
        fcntl.flock(runs, fcntl.LOCK_SH)
        running = _find_or_launch(config, runs)
        check_port(running, asked_port)
        try:
            yield running
        finally:
            _leave(runs, running)


def _find_or_launch(config: Config, runs: TextIO) -> Running:
    with (config.data_dir / "launch.lock").open("w") as launching:
        fcntl.flock(launching, fcntl.LOCK_EX)
        running = find(config)
        if running is None:
            running = _launch(config)
            runs.truncate(0)
            runs.write(str(running.pid))
            runs.flush()
        return running


def _launch(config: Config) -> Running:
    if is_healthy(config.host, config.port):
        raise CommandFailed(
            f"the server on port {config.port} keeps its data in another folder than {config.data_dir}: "
            "name it with --data-dir, or take another --port"
        )
    return launch(config, {**os.environ, "SAGEWRIGHT_UPSTREAM_PROXY": upstream(os.environ)})


def _leave(runs: TextIO, running: Running) -> None:
    runs.seek(0)
    if runs.read() != str(running.pid):
        return
    fcntl.flock(runs, fcntl.LOCK_UN)
    try:
        fcntl.flock(runs, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    try:
        end(running)
    except CommandFailed as error:
        print(f"sagewright run: {error}", file=sys.stderr)
