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
from collections.abc import Sequence
from dataclasses import dataclass

from sagewright.core.errors import AwsError
from sagewright.store import Document, Space, Store

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_ROLE = "SageMakerExecutionRole"
DEFAULT_SESSION = "sagewright"

KEYS = Space("credentials")
"""Of all accounts; ``kit.keys`` has what is signed with them."""

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
    source: the ARN of the user who made a federated user, whose permissions limit it too; empty for root.
    """

    kind: str
    account: str = ""
    arn: str = ""
    user_id: str = ""
    policies: tuple[str, ...] = ()
    source: str = ""


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
    document = store.documents.get(KEYS, access_key) if access_key else None
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


def issue(
    store: Store,
    whom: Identity,
    now: float,
    *,
    seconds: int | None = None,
    policies: Sequence[str] = (),
    source: str = "",
) -> Credentials:
    """Hand out a key for whom; with seconds, a session that ends, else a user's own key without end.

    policies: documents that limit what the session may do. source: as Principal has it.
    """
    if seconds is None:
        return _hand_out(store, whom, key_id("AKIA", whom.account), "", None)
    with store.transaction():
        _sweep(store, now)
        access_key, token = key_id("ASIA", whom.account), base64.b64encode(secrets.token_bytes(192)).decode()
        return _hand_out(store, whom, access_key, token, float(int(now) + seconds), policies, source)


def _hand_out(
    store: Store,
    whom: Identity,
    access_key: str,
    token: str,
    expires: float | None,
    policies: Sequence[str] = (),
    source: str = "",
) -> Credentials:
    secret = base64.b64encode(secrets.token_bytes(30)).decode()
    body: dict[str, object] = {
        "account": whom.account,
        "arn": whom.arn,
        "user_id": whom.user_id,
        "policies": list(policies),
    }
    body |= {"secret": secret, "token": token, "expires": expires, "source": source}
    store.documents.insert(KEYS, access_key, body, status="Active")
    return Credentials(access_key, secret, token, expires)


def key_document(store: Store, access_key: str) -> Document | None:
    """The record of a key handed out here; its status is Active or Inactive."""
    return store.documents.get(KEYS, access_key)


def set_key_status(store: Store, access_key: str, status: str) -> None:
    """status: Active or Inactive."""
    document = store.documents.get(KEYS, access_key)
    if document is not None:
        store.documents.update(document, status=status)


def revoke(store: Store, access_key: str) -> None:
    """The key stands for nobody in particular any more."""
    store.documents.delete(KEYS, access_key)


def account_in(access_key: str) -> str | None:
    """The account that a key id in AWS's present form carries in its letters; None for other forms."""
    try:
        head = int.from_bytes(base64.b32decode(access_key[4:])[:6])
    except ValueError:
        return None
    if len(access_key) != 20 or not head & _NEW_FORM:
        return None
    return f"{(head & _ACCOUNT_BITS) >> 7:012d}"


def key_id(prefix: str, account: str, random: bytes = b"") -> str:
    """A key id that carries its account as AWS's do: bits 7 to 46 of its first six bytes.

    random: five bytes or more that make up the rest; none for others each time.
    """
    random = random or secrets.token_bytes(5)
    head = _NEW_FORM | int(account) << 7 | random[0] & 0x7F
    return prefix + base64.b32encode(head.to_bytes(6) + random[1:5]).decode()


def _sweep(store: Store, now: float) -> None:
    """Forget sessions that ended long ago. Users' own keys have no end and stay, and so do workloads' sessions."""
    old = (None, now - 2 * _LONGEST_SESSION)
    for document in store.documents.find(KEYS, prefix="ASIA", status="Active", modified=old, limit=100):
        store.documents.delete(KEYS, document.key)
