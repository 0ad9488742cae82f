"""AWS Security Token Service: who the caller is, and temporary credentials that stand for somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from sagewright.core.clock import Clock
from sagewright.kit.operation import Context, Service
from sagewright.kit.permissions import Need, guard
from sagewright.services.sts.caller import Caller
from sagewright.services.sts.sessions import Sessions
from sagewright.services.sts.web_identity import WebIdentities
from sagewright.store import Store

_FREE = ("GetCallerIdentity", "GetSessionToken", "AssumeRole")
"""Everybody known may; AssumeRole asks the role's trust policy."""

_UNSIGNED = ("AssumeRoleWithWebIdentity",)
"""The token says who calls."""


def sts(store: Store, clock: Clock) -> Service:
    parts = (Caller(store, clock), Sessions(store, clock), WebIdentities(store, clock))
    return Service("sts", *parts, guard=guard("sts", _needs, free=_FREE, unsigned=_UNSIGNED))


def _needs(ctx: Context) -> Iterator[Need]:
    federated = ctx.operation == "GetFederationToken"
    resource = f"arn:aws:sts::{ctx.account}:federated-user/{ctx.request['Name']}" if federated else "*"
    yield f"sts:{ctx.operation}", resource
