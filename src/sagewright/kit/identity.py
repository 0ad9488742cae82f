"""Whom an access key stands for, and keys that Sagewright itself hands out.

Keys of three kinds reach a server:

- handed out here, by STS (``ASIA...``, with a session token and an end) or by IAM's CreateAccessKey (``AKIA...``): they
  stand for the role session, federated user or user they were made for, in that one's account;
- twelve digits: the account itself is the key;
- anything else (``test``, a key of a real account): the default account.

The last two name nobody in particular. They stand for a session of the role ``SageMakerExecutionRole``, because that is
what code finds on a SageMaker notebook: ``sagemaker.get_execution_role()`` turns the session's ARN into the role's and
refuses every identity that is no role. IAM has that role in every account from the start.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass

from sagewright.core.errors import AwsError
from sagewright.store import Document, Space, Store

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_ROLE = "SageMakerExecutionRole"
DEFAULT_SESSION = "sagewright"

_KEYS = Space("credentials")
_LONGEST_SESSION = 36 * 3600
_ACCOUNT_BITS = 0x7FFFFFFFFF80
_NEW_FORM = 1 << 47


@dataclass(frozen=True, slots=True)
class Identity:
    """What GetCallerIdentity answers. temporary: the key was handed out by STS and has an end."""

    account: str
    arn: str
    user_id: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request, for the services that check permissions.

    kind: anonymous (account, arn and user_id are empty then), root, user, role or federated. arn: as
    GetCallerIdentity answers it, so a role session's for a role. policies: the session's own policy documents.
    """

    kind: str
    account: str = ""
    arn: str = ""
    user_id: str = ""
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key as it is handed out. expires: epoch seconds, None for never."""

    access_key: str
    secret: str
    token: str
    expires: float | None


def identity(store: Store, access_key: str, now: float) -> Identity:
    """Whom access_key stands for.

    Raises AwsError: ExpiredToken past a session's end, InvalidClientTokenId for a key that was made inactive.
    """
    document = store.documents.get(_KEYS, access_key) if access_key.startswith(("ASIA", "AKIA")) else None
    if document is None:
        is_account = len(access_key) == 12 and access_key.isdigit()
        return default_identity(access_key if is_account else DEFAULT_ACCOUNT)
    body = document.body
    if body["expires"] is not None and body["expires"] <= now:
        raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)
    if document.status == "Inactive":
        raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    return Identity(body["account"], body["arn"], body["user_id"], body["expires"] is not None)


def default_identity(account: str) -> Identity:
    """The session that keys which name nobody stand for."""
    arn = f"arn:aws:sts::{account}:assumed-role/{DEFAULT_ROLE}/{DEFAULT_SESSION}"
    return Identity(account, arn, f"{stable_id('AROA', f'{account}/{DEFAULT_ROLE}')}:{DEFAULT_SESSION}")


def stable_id(prefix: str, name: str) -> str:
    """The unique id of something that exists without having been created: always the same for one name."""
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()
    return prefix + digest[:17]


def issue(store: Store, whom: Identity, now: float, *, seconds: int | None = None) -> Credentials:
    """Hand out a key for whom; with seconds, a session that ends, else a user's own key without end."""
    access_key = _key_id("AKIA" if seconds is None else "ASIA", whom.account)
    expires = None if seconds is None else float(int(now) + seconds)
    credentials = Credentials(
        access_key,
        base64.b64encode(secrets.token_bytes(30)).decode(),
        "" if seconds is None else base64.b64encode(secrets.token_bytes(192)).decode(),
        expires,
    )
    body = {
        "account": whom.account,
        "arn": whom.arn,
        "user_id": whom.user_id,
        "secret": credentials.secret,
        "token": credentials.token,
        "expires": expires,
    }
    with store.transaction():
        if seconds is not None:
            _sweep(store, now)
        store.documents.insert(_KEYS, access_key, body, status="Active")
    return credentials


def key_document(store: Store, access_key: str) -> Document | None:
    """The record of a key handed out here; its status is Active or Inactive."""
    return store.documents.get(_KEYS, access_key)


def set_key_status(store: Store, access_key: str, status: str) -> None:
    """status: Active or Inactive."""
    document = store.documents.get(_KEYS, access_key)
    if document is not None:
        store.documents.update(document, status=status)


def revoke(store: Store, access_key: str) -> None:
    """The key stands for nobody in particular any more."""
    store.documents.delete(_KEYS, access_key)


def account_in(access_key: str) -> str | None:
    """The account that a key id in AWS's present form carries in its letters; None for other forms."""
    try:
        head = int.from_bytes(base64.b32decode(access_key[4:])[:6])
    except ValueError:
        return None
    if len(access_key) != 20 or not head & _NEW_FORM:
        return None
    return f"{(head & _ACCOUNT_BITS) >> 7:012d}"


def _key_id(prefix: str, account: str) -> str:
    """A key id that carries its account as AWS's do: bits 7 to 46 of its first six bytes."""
    head = _NEW_FORM | int(account) << 7 | secrets.randbits(7)
    return prefix + base64.b32encode(head.to_bytes(6) + secrets.token_bytes(4)).decode()


def _sweep(store: Store, now: float) -> None:
    """Forget sessions that ended long ago. Users' own keys have no end and stay."""
    for document in store.documents.find(_KEYS, prefix="ASIA", modified=(None, now - 2 * _LONGEST_SESSION), limit=100):
        store.documents.delete(_KEYS, document.key)
