"""A SageMaker service over a fake backend: see sagemaker_world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sagemaker_world import World

Make = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Make]:
    made: list[World] = []

    def make(**settings: object) -> World:
        made.append(World(tmp_path / f"data{len(made)}", **settings))
        return made[-1]

    yield make
    for world in made:
        world.store.close()


@pytest.fixture
def world(make_world: Make) -> World:
    return make_world()
