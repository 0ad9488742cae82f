"""Failure reasons: what is kept of a script's last words, and how they are put."""

from __future__ import annotations

import pytest

from sagewright_frameworks.failure import ExecuteUserScriptError, InstallRequirementsError, last_words

_FIRST = 'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1\n'
_LAST = 'Traceback (most recent call last):\n  File "b.py", line 2\n    go()\nValueError: 2\n'


def test_the_last_traceback_counts() -> None:
    chained = f"{_FIRST}\nDuring handling of the above exception, another exception occurred:\n\n{_LAST}"
    assert last_words(chained, 500) == '  File "b.py", line 2\n    go()\nValueError: 2'


def test_whole_lines_from_the_end() -> None:
    assert last_words(_LAST, 30) == "    go()\nValueError: 2"
    assert last_words(_LAST, 14) == "ValueError: 2"


def test_without_a_traceback_the_last_lines() -> None:
    assert last_words("".join(f"line {number}\n\n" for number in range(50)), 30) == "line 47\nline 48\nline 49"
    assert last_words("", 30) == ""


def test_one_long_line_is_cut() -> None:
    assert last_words("x" * 100, 20) == "x" * 16 + " ..."


def test_the_toolkits_words() -> None:
    said = str(ExecuteUserScriptError(["python", "train.py", "--epochs", "1"], 1, _LAST))
    assert said == (
        "ExecuteUserScriptError:\nExitCode 1\n"
        'ErrorMessage "  File "b.py", line 2\n    go()\nValueError: 2"\n'
        'Command "python train.py --epochs 1"'
    )
    said = str(InstallRequirementsError(["pip"], 1, "ERROR: no", "look there"))
    assert (
        said == 'InstallRequirementsError:\nExitCode 1\nErrorMessage "ERROR: no"\nExtraInfo "look there"\nCommand "pip"'
    )


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        (139, "Process killed by SIGSEGV (signal 11)"),
        (137, "SIGKILL (signal 9): out of memory, or killed from outside"),
    ],
)
def test_signals_are_named(code: int, extra: str) -> None:
    assert extra in str(ExecuteUserScriptError(["python"], code))


def test_it_fits_a_failure_reason() -> None:
    said = str(ExecuteUserScriptError(["python", *["--x"] * 500], 1, "y" * 5000, "z" * 200))
    assert len(said) <= 980
    assert said.endswith('..."')


def test_the_stack_of_native_code_is_left_out() -> None:
    native = "Stack trace:\n  [bt] (0) /lib/libxgboost.so(+0x1) [0x2]\n  [bt] (1) /lib/libxgboost.so(+0x3) [0x4]\n"
    assert last_words(f"{_LAST}{native}\n\n", 30) == "    go()\nValueError: 2"


def test_torchrun_does_not_hide_a_processs_own_words() -> None:
    output = """[rank1]: Traceback (most recent call last):
[rank1]:   File "/opt/ml/code/fit.py", line 3, in <module>
[rank1]:     raise ValueError("enough")
[rank1]: ValueError: enough
E1123 15:56:25.000000 5 torch/distributed/elastic/multiprocessing/api.py:874] failed (exitcode: 1) local_rank: 0
Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
fit.py FAILED
"""
    assert last_words(output, 500) == (
        '  File "/opt/ml/code/fit.py", line 3, in <module>\n    raise ValueError("enough")\nValueError: enough'
    )
