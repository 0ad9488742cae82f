"""The user's functions, the defaults in their place, and what becomes of results and errors."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sagewright_algorithms.contract.errors import ClientError
from sagewright_frameworks.serving.answers import answer, failure
from sagewright_frameworks.serving.context import Context, RequestProcessor
from sagewright_frameworks.serving.defaults import base
from sagewright_frameworks.serving.encoding import UnsupportedFormatError
from sagewright_frameworks.serving.handlers import Handlers
from sagewright_frameworks.serving.settings import Settings

PLACE = Path("/opt/ml/model")


def handlers(**functions: Any) -> Handlers:
    module = ModuleType("user")
    vars(module).update(functions)
    made = Handlers(module, base, Context(PLACE))
    made.load(PLACE)
    return made


def model_fn(model_dir: str) -> str:
    return f"model of {model_dir}"


def test_the_order_of_calls() -> None:
    calls = []

    def note(name: str, result: Any) -> Any:
        def called(*given: Any) -> Any:
            calls.append((name, given))
            return result

        return called

    names = ("pre_model_fn", "model_fn", "model_warmup_fn", "input_fn", "predict_fn", "output_fn")
    made = handlers(**{name: note(name, name) for name in names})
    assert made.transform("body", "a/b", "c/d") == "output_fn"
    assert calls == [
        ("pre_model_fn", (str(PLACE),)),
        ("model_fn", (str(PLACE),)),
        ("model_warmup_fn", (str(PLACE), "model_fn")),
        ("input_fn", ("body", "a/b")),
        ("predict_fn", ("input_fn", "model_fn")),
        ("output_fn", ("predict_fn", "c/d")),
    ]
    assert made.last == "output_fn"


def test_defaults_where_there_is_none() -> None:
    made = handlers(model_fn=model_fn, predict_fn=lambda data, model: data * 2)
    assert made.transform("[1, 2]", "application/json", "text/csv") == ("2\n4\n", "text/csv")


def test_transform_fn_takes_all() -> None:
    made = handlers(model_fn=model_fn, transform_fn=lambda *given: given)
    assert made.transform("body", "a/b", "c/d") == ("model of /opt/ml/model", "body", "a/b", "c/d")
    assert made.last == "transform_fn"
    with pytest.raises(ValueError, match="Cannot use transform_fn implementation in conjunction with"):
        handlers(model_fn=model_fn, transform_fn=print, predict_fn=print)


def test_the_context_where_it_is_asked_for() -> None:
    def predict_fn(data: Any, model: Any, context: Any = None) -> Any:
        return context.system_properties["model_dir"]

    def output_fn(prediction: Any, accept: str, extra: Any = "of its own") -> Any:
        return prediction, extra

    made = handlers(
        model_fn=lambda model_dir, context: context, input_fn=lambda *_: 0, predict_fn=predict_fn, output_fn=output_fn
    )
    assert made.transform("", "", "") == (str(PLACE), "of its own")


def test_a_format_that_output_fn_does_not_know_is_not_acceptable() -> None:
    made = handlers(model_fn=model_fn, predict_fn=lambda data, model: data)
    with pytest.raises(UnsupportedFormatError) as caught:
        made.transform("1", "application/json", "image/png")
    assert caught.value.status == 406
    with pytest.raises(UnsupportedFormatError) as caught:
        made.transform("1", "image/png", "application/json")
    assert caught.value.status == 415


def answered(result: Any, **headers: str) -> tuple[int, str, bytes]:
    request = RequestProcessor({})
    for name, value in headers.items():
        request.add_response_property(name.replace("_", "-"), value)
    found = answer(result, "text/plain", request, "output_fn")
    return found.status, found.content_type, found.body


def test_results() -> None:
    assert answered("words") == (200, "text/plain", b"words")
    assert answered(bytearray(b"raw")) == (200, "text/plain", b"raw")
    assert answered(("words", "a/b")) == (200, "a/b", b"words")
    assert answered({"a": [1]}) == (200, "text/plain", b'{"a": [1]}')
    assert answered("x", Content_Type="c/d") == (200, "c/d", b"x")
    response = SimpleNamespace(get_data=lambda: b"flask", status_code=202, content_type="e/f")
    assert answered(response) == (202, "e/f", b"flask")
    response.headers = {"Content-Type": "e/f", "X-Own": "1"}
    assert answer(response, "", RequestProcessor({}), "output_fn").headers == {"X-Own": "1"}
    with pytest.raises(TypeError, match=r"output_fn returned a builtins\.object; it must return text, bytes"):
        answered(object())


def test_status_of_the_context() -> None:
    context = Context(PLACE)
    request = context.begin({"X-Own": "1"})
    assert context.get_request_header(0, "x-own") == "1"
    context.set_response_status(429, "slow down")
    context.set_response_header(0, "Retry-After", "3")
    found = answer("x", "a/b", request, "output_fn")
    assert (found.status, found.headers) == (429, {"Retry-After": "3"})
    assert context.begin({}).status == 200


def test_errors() -> None:
    found = failure(ValueError("bad row"), "the trace")
    assert (found.status, found.body) == (500, b"bad row\nthe trace")
    error = type("Refused", (Exception,), {"status_code": 422, "message": "no rows"})()
    found = failure(error, "t")
    assert (found.status, found.body) == (422, b"no rows\nt")
    assert failure(type("Odd", (Exception,), {"status_code": 7})(), "").status == 500
    found = failure(UnsupportedFormatError("a/b"), "the trace")
    assert (found.status, found.content_type) == (415, "application/json")
    told = json.loads(found.body)
    assert (told["error"], told["stack-trace"]) == ("UnsupportedFormatError", "the trace")


def test_settings() -> None:
    found = Settings.of(
        {"SM_NUM_CPUS": "4", "SAGEMAKER_PROGRAM": "deep/serve.py", "SAGEMAKER_MODEL_SERVER_TIMEOUT": ""}
    )
    assert (found.workers, found.timeout, found.module, found.accept) == (4, 60, "deep.serve", "application/json")
    given = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "9", "SM_NUM_CPUS": "4"}
    found = Settings.of({**given, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"})
    assert (found.workers, found.timeout, found.module, found.accept) == (2, 9, "inference", "text/csv")
    with pytest.raises(ClientError, match="SAGEMAKER_MODEL_SERVER_TIMEOUT is soon, and must be a whole number"):
        Settings.of({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "soon"})
