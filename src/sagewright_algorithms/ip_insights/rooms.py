"""Arrays that are needed again and again: memory that is in use already is faster than new one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Rooms:
    def __init__(self) -> None:
        self._rooms: dict[str, NDArray[Any]] = {}

    def __call__(self, name: str, *shape: int, kind: type = np.float32) -> NDArray[Any]:
        """An array with whatever is in it; the next one of this name has the same memory."""
        size = math.prod(shape)
        found = self._rooms.get(name)
        if found is None or found.size < size:
            found = self._rooms[name] = np.empty(size + size // 4, kind)
        return found[:size].reshape(shape)
