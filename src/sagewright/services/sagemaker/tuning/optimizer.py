"""The optimiser's process: ``python -m sagewright_tuning``, started when it is first asked and ended when idle."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol

_IDLE = 60.0
"""Seconds without a question after which the process ends."""

_PATIENCE = 120.0
"""Seconds for an answer."""

_LONGEST = 2**24
"""Bytes of an answer."""


class OptimizerError(Exception):
    """It could not answer; the text says why."""


class Proposer(Protocol):
    """Who says what to try next."""

    async def ask(self, question: Mapping[str, Any]) -> list[dict[str, str]]:
        """Values by name of the next training jobs. Raises OptimizerError."""

    def close(self) -> None:
        """Let go of everything; a later question is answered all the same."""


class Optimizer:
    """One process for all tuning jobs, one question at a time. It keeps nothing: a new one answers the same."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "sagewright_tuning")) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._end: asyncio.TimerHandle | None = None

    async def ask(self, question: Mapping[str, Any]) -> list[dict[str, str]]:
        async with self._turn:
            if self._end is not None:
                self._end.cancel()
            try:
                answer = await asyncio.wait_for(self._exchange(json.dumps(question)), _PATIENCE)
            except asyncio.CancelledError:
                self.close()  # its answer would be taken for the next question's
                raise
            except (OSError, ValueError, TimeoutError) as error:
                self.close()
                raise OptimizerError(f"The optimiser did not answer: {error or type(error).__name__}") from error
            self._end = asyncio.get_running_loop().call_later(_IDLE, self.close)
        if "error" in answer:
            raise OptimizerError(answer["error"])
        values: list[dict[str, str]] = answer["values"]
        return values

    async def _exchange(self, line: str) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=pipe, stdout=pipe, limit=_LONGEST
            )
        if process.stdin is None or process.stdout is None:
            raise OSError("it has no pipes")
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
        answer = await process.stdout.readline()
        if not answer:
            raise OSError("it ended")
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._process = None
