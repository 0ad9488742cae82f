"""Adam with lazy updates: a feature's parameters and their moments change only where a mini-batch has the feature.

Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; as MXNet's optimizer of that name does it with
row-sparse gradients: https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/optimizer/index.html
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract.cores import shared
from sagewright_algorithms.factorization_machines.gradients import Gradient, least
from sagewright_algorithms.factorization_machines.kernels.steps import adam
from sagewright_algorithms.factorization_machines.parameters import Parameters
from sagewright_algorithms.factorization_machines.settings import Settings, Term
from sagewright_algorithms.formats.examples import Floats

_BETAS = (0.9, 0.999)
_ALONE = np.zeros(1, np.int32)


class Adam:
    """Changes the parameters in place."""

    def __init__(self, settings: Settings, parameters: Parameters) -> None:
        self._settings = settings
        self._parameters = parameters
        self._moments = {name: (np.zeros_like(array), np.zeros_like(array)) for name, array in _named(parameters)}
        self._steps = 0

    def step(self, gradient: Gradient, rows: float) -> None:
        """rows: those whose gradient it is, of all instances."""
        self._steps += 1
        first, second = (1 - beta**self._steps for beta in _BETAS)
        correction = math.sqrt(second) / first
        scale = 1 / rows if self._settings.rescale is None else self._settings.rescale
        of_bias = np.full((1, 1), gradient.bias, np.float32)
        for name, used, found in (
            ("bias", _ALONE, of_bias),
            ("linear", gradient.used, gradient.linear),
            ("factors", gradient.used, gradient.factors),
        ):
            if (term := self._settings.terms[name]).present:
                self._change(name, term, used, found, scale, correction)

    def _change(
        self, name: str, term: Term, used: NDArray[np.int32], found: Floats, scale: float, correction: float
    ) -> None:
        values, (means, squares), settings = getattr(self._parameters, name), self._moments[name], self._settings
        rates = [
            np.float32(one) for one in (scale, term.decay, settings.clip, term.rate * correction, settings.epsilon)
        ]
        shared(
            lambda begin, end: adam(values, means, squares, used, found, *rates, begin, end),
            len(used),
            least(len(used), found.size),
        )


def _named(parameters: Parameters) -> list[tuple[str, Floats]]:
    return list(parameters._asdict().items())
