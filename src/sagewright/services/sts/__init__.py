"""AWS Security Token Service: who the caller is, and temporary credentials that stand for somebody else."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.sts.caller import Caller
from sagewright.services.sts.sessions import Sessions
from sagewright.services.sts.web_identity import WebIdentities
from sagewright.store import Store


def sts(store: Store, clock: Clock) -> Service:
    return Service("sts", Caller(store, clock), Sessions(store, clock), WebIdentities(store, clock))
