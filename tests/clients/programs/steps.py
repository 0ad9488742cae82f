"""What a client's program is made of: functions named ``step_...``, taken in order, each reported by its name.

The programs run in the client's own virtualenv, so this needs nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any


def error_of(action: Callable[[], Any], kind: type[BaseException] = Exception) -> str:
    """The text of the error that action raises. Raises AssertionError where it raises none."""
    try:
        action()
    except kind as error:
        return str(error)
    raise AssertionError("nothing was raised")


def main(program: Mapping[str, Any]) -> None:
    """Take every step of a program's globals and print ``RESULT`` with "" or a traceback for each; argv names some."""
    outcomes = {}
    for name, function in list(program.items()):
        if name.startswith("step_") and (not sys.argv[1:] or name in sys.argv[1:]):
            try:
                function()
                outcomes[name] = ""
            except Exception:
                outcomes[name] = traceback.format_exc()
    print("\nRESULT", json.dumps(outcomes))
