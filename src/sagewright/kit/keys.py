"""Keys that may sign requests where signatures are checked: the root key, those handed out, and those of workloads."""

from __future__ import annotations

import base64
import hashlib
import secrets

from sagewright.kit.identity import DEFAULT_ACCOUNT, KEYS, Principal, key_document, key_id, stable_id
from sagewright.store import Document, Store
from sagewright.wire.signing.canonical import Key, Keys

ANONYMOUS = Principal("anonymous")

_ROOT = "Root"
_WORKLOAD = "Workload"
"""Statuses in the store, beside Active and Inactive: these keys are nobody's to make inactive."""

_KINDS = {"root": "root", "user": "user", "assumed-role": "role", "federated-user": "federated"}
"""By what an ARN names."""


def keys_of(store: Store) -> Keys:
    """The keys of a store, for ``wire.signing.verify``; ``whom`` is the Principal."""

    def find(access_key: str) -> Key | None:
        document = key_document(store, access_key)
        if document is None or document.status == "Inactive":
            return None
        body = document.body
        return Key(access_key, body["secret"], body["token"], body["expires"], _principal(document))

    return find


def _principal(document: Document) -> Principal:
    body = document.body
    arn = body["arn"]
    kind = _KINDS[arn.split(":", 5)[5].partition("/")[0]]
    policies = tuple(body.get("policies", ()))
    return Principal(kind, body["account"], arn, body["user_id"], policies, body.get("source", ""))


def keep_root(store: Store, access_key: str, secret: str) -> None:
    """Make this the root key of the default account, in the place of an earlier one."""
    arn = f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"
    body: dict[str, object] = {"account": DEFAULT_ACCOUNT, "arn": arn, "user_id": DEFAULT_ACCOUNT}
    body |= {"secret": secret, "token": "", "expires": None}
    with store.transaction():
        for old in store.documents.with_status(KEYS.kind, (_ROOT,)):
            store.documents.delete(KEYS, old.key)
        store.documents.put(KEYS, access_key, body, status=_ROOT)


def open_session(
    store: Store, account: str, workload_id: str, role_arn: str, now: float, seconds: float
) -> dict[str, str]:
    """Keys of a session of a workload's role, as AWS's environment variables; asked again, the same ones.

    account: the workload's. The role is the one of that name in it: another account's is never acted for.
    workload_id: unique among all there ever are. seconds: until it ends, unless close_session() comes before.
    """
    role = role_arn.rpartition("/")[2]
    access_key = _workload_key(account, workload_id)
    document = key_document(store, access_key)
    if document is None:
        body = {
            "account": account,
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/SageMaker",
            "user_id": f"{stable_id('AROA', f'{account}/{role}')}:SageMaker",
            "secret": base64.b64encode(secrets.token_bytes(30)).decode(),
            "token": base64.b64encode(secrets.token_bytes(192)).decode(),
            "expires": float(int(now + seconds)),
        }
        document = store.documents.insert(KEYS, access_key, body, status=_WORKLOAD)
    return {
        "AWS_ACCESS_KEY_ID": document.key,
        "AWS_SECRET_ACCESS_KEY": document.body["secret"],
        "AWS_SESSION_TOKEN": document.body["token"],
    }


def close_session(store: Store, account: str, workload_id: str) -> None:
    """The workload is gone, and so is what its keys may do."""
    store.documents.delete(KEYS, _workload_key(account, workload_id))


def _workload_key(account: str, workload_id: str) -> str:
    """Always the same for one workload, so that a step which is taken twice hands out one session."""
    return key_id("ASIA", account, hashlib.sha256(workload_id.encode()).digest())
