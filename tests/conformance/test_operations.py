"""Every operation we have fits AWS's model of it: its name, its parameters, which of them may be left out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.app import App
from sagewright.config import Config
from sagewright.core.errors import AwsError
from sagewright.kit.operation import Handler, Service
from sagewright.wire import models

_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(Config(data_dir=tmp_path_factory.mktemp("data")))
    yield app
    app.store.close()


def _handlers(app: App) -> Iterator[tuple[Service, Handler]]:
    for service in app.services:
        for name, _ in service.coverage():
            yield service, service.handler(name)


def test_every_marked_method_is_an_operation_of_its_service(app: App) -> None:
    strays = {
        f"{service.name}.{method}"
        for service in app.services
        for method in service.methods()
        if method not in {models.snake_case(name) for name in models.operation_names(service.name)}
    }
    assert not strays


def test_parameters_are_members_of_the_input(app: App) -> None:
    wrong = []
    for service, handler in _handlers(app):
        known = set(models.member_names(models.operation(service.name, handler.name)))
        parameters = list(inspect.signature(handler.function).parameters.values())[1:]
        wrong += [
            f"{service.name}.{handler.name}({parameter.name})"
            for parameter in parameters
            if parameter.kind in _KINDS and parameter.name not in known
        ]
    assert not wrong


def test_every_member_a_client_may_send_is_taken(app: App) -> None:
    """A member without a parameter would end the call with a TypeError, so each method takes all, by name or by **."""
    wrong = []
    for service, handler in _handlers(app):
        parameters = inspect.signature(handler.function).parameters.values()
        if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            continue
        names = {parameter.name for parameter in parameters}
        members = models.member_names(models.operation(service.name, handler.name))
        wrong += [f"{service.name}.{handler.name}: {snake}" for snake in members if snake not in names]
    assert not wrong


def test_what_the_model_does_not_require_may_be_left_out(app: App) -> None:
    wrong = []
    for service, handler in _handlers(app):
        model = models.operation(service.name, handler.name)
        members = models.member_names(model)
        required = set(model.input_shape.required_members) if model.input_shape is not None else set()
        for parameter in list(inspect.signature(handler.function).parameters.values())[1:]:
            optional = parameter.kind in _KINDS and members.get(parameter.name) not in required
            if optional and parameter.default is inspect.Parameter.empty:
                wrong.append(f"{service.name}.{handler.name}({parameter.name})")
    assert not wrong


def test_what_is_not_there_says_so(app: App) -> None:
    sagemaker = next(service for service in app.services if service.name == "sagemaker")
    with pytest.raises(AwsError) as caught:
        sagemaker.handler("CreateCluster")
    assert caught.value.status == 501
    assert "CreateCluster" in caught.value.message


def test_a_data_folder_of_its_own(tmp_path: Path) -> None:
    app = App(Config(data_dir=tmp_path / "a" / "b"))
    app.store.close()
    assert (tmp_path / "a" / "b" / "sagewright.db").exists()
