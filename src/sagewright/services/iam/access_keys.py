"""Users' access keys. A request signed with one comes from its user: GetCallerIdentity says so.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.identity import Identity, issue, key_document, revoke, set_key_status
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, no_such_entity, paged
from sagewright.services.iam.users import user_name_of
from sagewright.store import Document, Store

_KEYS_A_USER = 2


class AccessKeys:
    def __init__(self, kinds: Entities, store: Store, clock: Clock) -> None:
        self._users = kinds.users
        self._store = store
        self._clock = clock

    @operation()
    def create_access_key(self, ctx: Context, user_name: str | None = None) -> dict[str, Any]:
        user = self._user(ctx, user_name)
        if len(user.body["Keys"]) >= _KEYS_A_USER:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {_KEYS_A_USER}", 409)
        whom = Identity(ctx.account, self._users.arn(user), user.body["Id"])
        now = self._clock.now()
        with self._store.transaction():
            keys = issue(self._store, whom, now)
            self._users.change(user, Keys=[*user.body["Keys"], keys.access_key])
        return {
            "AccessKey": {
                "UserName": user.key,
                "AccessKeyId": keys.access_key,
                "Status": "Active",
                "SecretAccessKey": keys.secret,
                "CreateDate": float(int(now)),
            }
        }

    @operation()
    def list_access_keys(
        self, ctx: Context, user_name: str | None = None, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        user = self._user(ctx, user_name)
        found, tail = paged(user.body["Keys"], marker, max_items)
        documents = [document for key in found if (document := key_document(self._store, key)) is not None]
        shown = [
            {
                "UserName": user.key,
                "AccessKeyId": document.key,
                "Status": document.status,
                "CreateDate": float(int(document.created)),
            }
            for document in documents
        ]
        return {"AccessKeyMetadata": shown, **tail}

    @operation()
    def update_access_key(self, ctx: Context, access_key_id: str, status: str, user_name: str | None = None) -> None:
        self._owner(ctx, user_name, access_key_id)
        set_key_status(self._store, access_key_id, status)

    @operation()
    def delete_access_key(self, ctx: Context, access_key_id: str, user_name: str | None = None) -> None:
        user = self._owner(ctx, user_name, access_key_id)
        with self._store.transaction():
            revoke(self._store, access_key_id)
            self._users.change(user, Keys=[key for key in user.body["Keys"] if key != access_key_id])

    @operation("record-only")
    def get_access_key_last_used(self, ctx: Context, access_key_id: str) -> dict[str, Any]:
        """Whose key it is. Uses are not tracked: the answer is AWS's for a key without tracking data."""
        key = key_document(self._store, access_key_id)
        if key is None or key.body["account"] != ctx.account or ":user/" not in key.body["arn"]:
            raise AwsError("AccessDenied", f"The Access Key with id {access_key_id} cannot be found.", 403)
        name = key.body["arn"].rpartition("/")[2]
        return {"UserName": name, "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}

    def _user(self, ctx: Context, user_name: str | None) -> Document:
        return self._users.get(ctx.account, user_name or user_name_of(ctx, self._store, self._clock))

    def _owner(self, ctx: Context, user_name: str | None, access_key: str) -> Document:
        user = self._user(ctx, user_name)
        if access_key not in user.body["Keys"]:
            raise no_such_entity(f"The Access Key with id {access_key} cannot be found.")
        return user
