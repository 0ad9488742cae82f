"""Why a Spark application failed: its exception, out of what the driver wrote."""

from __future__ import annotations

import re

_LIMIT = 900
_LOG = re.compile(r"\d\d(?:\d\d)?[/-]\d\d[/-]\d\d \d\d:\d\d:\d\d")
"""How a line of Spark's own log begins."""
_ERROR = re.compile(rf"{_LOG.pattern} ERROR [\w.$]+: (.+)")
_BEGINS = re.compile(r"Traceback \(most recent call last\):|Exception in thread |Error: |Exception: ")
_OLD_JAVA = "java.lang.UnsupportedClassVersionError"


def of_output(output: str) -> str:
    """The last exception in an output, without the frames; empty where there is none.

    A Java exception's last cause comes with it, since that is what went wrong.
    """
    lines = [line.rstrip() for line in output.splitlines()]
    begins = [number for number, line in enumerate(lines) if _BEGINS.match(line)]
    if not begins:
        return _logged(lines)
    block: list[str] = []
    for line in lines[begins[-1] :]:
        if _LOG.match(line):
            break
        block.append(line)
    if any(_OLD_JAVA in line for line in block):
        return f"This Java is too old for Spark, which needs 17 or newer (openjdk-17-jre-headless): {block[0]}"
    return _exception(block)[:_LIMIT].strip()


def _logged(lines: list[str]) -> str:
    """The last error in Spark's own log: a class that is not in the jar is no exception to it."""
    found = [match[1] for line in lines if (match := _ERROR.match(line))]
    return found[-1][:_LIMIT] if found else ""


def _exception(block: list[str]) -> str:
    python = block[0].startswith("Traceback")
    said = [line for line in block[1 if python else 0 :] if line and not _frame(line, python)]
    causes = [line for line in said if line.startswith("Caused by: ")]
    head: list[str] = []
    for line in said:
        if line.startswith("Caused by: ") or (head and line.startswith(("JVM stacktrace", "Driver stacktrace"))):
            break
        head.append(line)
    return "\n".join([*head, *causes[-1:]])


def _frame(line: str, python: bool) -> bool:
    """A line of a traceback or stack trace that is no message."""
    return line.startswith(("\tat ", "\t... ")) or (python and line.startswith("  "))
