"""Further credentials of users. None can be made here, so there are none: what deletes a user first asks for them all.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users_manage.html#id_users_deleting_cli
"""

from __future__ import annotations

from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, no_such_entity
from sagewright.services.iam.users import user_name_of
from sagewright.store import Store


class Credentials:
    def __init__(self, kinds: Entities, store: Store, clock: Clock) -> None:
        self._users = kinds.users
        self._store = store
        self._clock = clock

    @operation()
    def get_login_profile(self, ctx: Context, user_name: str | None = None) -> None:
        raise no_such_entity(f"Login Profile for User {self._checked(ctx, user_name)} cannot be found.")

    @operation()
    def delete_login_profile(self, ctx: Context, user_name: str | None = None) -> None:
        raise no_such_entity(f"Login Profile for User {self._checked(ctx, user_name)} cannot be found.")

    @operation()
    def list_mfa_devices(self, ctx: Context, user_name: str | None = None, **members: Any) -> dict[str, Any]:
        self._checked(ctx, user_name)
        return {"MFADevices": [], "IsTruncated": False}

    @operation()
    def list_signing_certificates(self, ctx: Context, user_name: str | None = None, **members: Any) -> dict[str, Any]:
        self._checked(ctx, user_name)
        return {"Certificates": [], "IsTruncated": False}

    @operation()
    def list_ssh_public_keys(self, ctx: Context, user_name: str | None = None, **members: Any) -> dict[str, Any]:
        self._checked(ctx, user_name)
        return {"SSHPublicKeys": [], "IsTruncated": False}

    @operation()
    def list_service_specific_credentials(
        self, ctx: Context, user_name: str | None = None, **members: Any
    ) -> dict[str, Any]:
        self._checked(ctx, user_name)
        return {"ServiceSpecificCredentials": []}

    def _checked(self, ctx: Context, user_name: str | None) -> str:
        """Raises NoSuchEntity for a user that is not there."""
        return self._users.get(ctx.account, user_name or user_name_of(ctx, self._store, self._clock)).key
