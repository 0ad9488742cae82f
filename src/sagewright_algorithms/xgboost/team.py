"""Training over several instances: libxgboost's own collective, which the job's collective brings together.

As in AWS's container, instances without data take no part, the first of the others is the master, and the master alone
logs the scores and saves the model.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from xgboost import collective as library
from xgboost.tracker import RabitTracker

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.collective import Collective
from sagewright_algorithms.contract.errors import ClientError

Array = NDArray[Any]

_WAIT_SECONDS = 7 * 86_400
"""For an instance that is slower than others; one that has ended is noticed at once."""
_MEETING_SECONDS = 120
"""For all members to come together, and to part; they begin both at the same time."""
_NETWORK = re.compile(r"allreduce|allgather|broadcast\.cc|comm(_group)?\.cc|loop\.cc|socket|tracker", re.IGNORECASE)


@dataclass(frozen=True)
class Team:
    """members: ranks, in the job's collective, of the instances that train."""

    collective: Collective
    members: tuple[int, ...]

    @property
    def trains(self) -> bool:
        return self.collective.rank in self.members

    @property
    def master(self) -> bool:
        return self.collective.rank == self.members[0]

    @property
    def number(self) -> int:
        """Of this instance among the members."""
        return self.members.index(self.collective.rank)

    @property
    def several(self) -> bool:
        return len(self.members) > 1

    @contextmanager
    def connected(self) -> Iterator[None]:
        """libxgboost's collective, between the members. Returns once all instances are through.

        Raises AlgorithmError or ClientError for what ended another instance.
        """
        if not self.several:
            yield
            self.collective.barrier()
            return
        tracker = self._tracker() if self.collective.first else None
        try:
            port = self.collective.broadcast(
                np.array([tracker.worker_args()["dmlc_tracker_port"]]) if tracker else None
            )
            if self.trains:
                with self._communicator(int(port[0])):
                    yield
            else:
                yield
            self.collective.barrier()
        except xgboost.core.XGBoostError as error:
            if _NETWORK.search(str(error)):
                # Some instance has ended: this raises why.
                self.collective.barrier()
            raise
        finally:
            if tracker:
                with suppress(xgboost.core.XGBoostError):
                    tracker.free()

    def _tracker(self) -> Any:
        tracker = RabitTracker(
            n_workers=len(self.members), host_ip=self.collective.address, sortby="task", timeout=_MEETING_SECONDS
        )
        tracker.start()
        return tracker

    @contextmanager
    def _communicator(self, port: int) -> Iterator[None]:
        library.init(
            dmlc_tracker_uri=self.collective.address,
            dmlc_tracker_port=port,
            dmlc_task_id=f"{self.number:04}",
            dmlc_timeout=_WAIT_SECONDS,
            dmlc_retry=1,
        )
        try:
            yield
        except BaseException:
            # The others notice it by their broken connections; what libxgboost says of its own is of no interest.
            with warnings.catch_warnings(), suppress(xgboost.core.XGBoostError):
                warnings.simplefilter("ignore")
                library.finalize()
            raise
        library.finalize()

    # Between the members, while they are connected.

    def any(self, *, value: bool) -> bool:
        """Whether it is so on one of them."""
        return bool(library.allreduce(np.array([value], np.int8), library.Op.MAX)[0]) if self.several else value

    def rows(self, array: Array) -> Array:
        """Those of all members, in order of rank. array: of the same type, and shape but for the first axis, on all."""
        if not self.several:
            return array
        own = self.number
        counts = np.zeros(len(self.members), np.int64)
        counts[own] = len(array)
        counts = library.allreduce(counts, library.Op.SUM)
        begin = int(counts[:own].sum())
        whole = np.zeros((int(counts.sum()), *array.shape[1:]), array.dtype)
        whole[begin : begin + len(array)] = array
        return library.allreduce(whole, library.Op.SUM).reshape(whole.shape)

    # Between all instances of the job.

    def of_master(self, booster: Any, number: int) -> tuple[Any, int]:
        """The master's, on all. booster: a Booster, or None."""
        if self.collective.size == 1:
            return booster, number
        state = b"" if booster is None else bytes(booster.save_raw("ubj"))
        states = self.collective.gather(np.frombuffer(state, np.uint8))
        numbers = self.collective.gather(np.array([number]))
        found = states[self.members[0]].tobytes()
        return xgboost.Booster(model_file=bytearray(found)) if found else None, int(numbers[self.members[0]][0])


def of(collective: Collective, *, has_data: bool) -> Team:
    """Raises ClientError where no instance has data."""
    flags = np.concatenate(collective.gather(np.array([has_data])))
    team = Team(collective, tuple(np.flatnonzero(flags).tolist()))
    if not team.members:
        raise ClientError("No hosts received training data.")
    if collective.size == 1:
        log.info("Single node training.")
    elif team.trains:
        hosts = [collective.hosts[rank] for rank in team.members]
        log.info(f"Distributed node training with {len(hosts)} hosts: {hosts}")
    else:
        log.warning(f"Host {collective.hosts[collective.rank]} not being used for distributed training.")
    return team
