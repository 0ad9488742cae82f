"""Instance profiles: a role under a name that EC2 takes.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_InstanceProfile.html
"""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import Entities, conflict, no_such_entity, paged
from sagewright.services.iam.roles import described
from sagewright.store import Document


class InstanceProfiles:
    def __init__(self, kinds: Entities) -> None:
        self._profiles = kinds.profiles
        self._roles = kinds.roles

    @operation("record-only")
    def create_instance_profile(
        self,
        ctx: Context,
        instance_profile_name: str,
        path: str = "/",
        tags: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"Roles": []}
        profile = self._profiles.insert(ctx.account, instance_profile_name, path, body, tags or ())
        return {"InstanceProfile": self._whole(profile)}

    @operation("record-only")
    def get_instance_profile(self, ctx: Context, instance_profile_name: str) -> dict[str, Any]:
        return {"InstanceProfile": self._whole(self._profiles.get(ctx.account, instance_profile_name))}

    @operation("record-only")
    def list_instance_profiles(
        self, ctx: Context, path_prefix: str = "/", marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        found, tail = paged(self._profiles.all(ctx.account, path_prefix), marker, max_items)
        return {"InstanceProfiles": [self._whole(profile) for profile in found], **tail}

    @operation("record-only")
    def list_instance_profiles_for_role(
        self, ctx: Context, role_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        self._roles.get(ctx.account, role_name)
        found, tail = paged(self.having(ctx.account, role_name), marker, max_items)
        return {"InstanceProfiles": found, **tail}

    def having(self, account: str, role_name: str) -> list[dict[str, Any]]:
        """Those that hold a role."""
        return [self._whole(one) for one in self._profiles.all(account) if role_name in one.body["Roles"]]

    @operation()
    def tag_instance_profile(self, ctx: Context, instance_profile_name: str, tags: list[dict[str, str]]) -> None:
        self._profiles.tags.add(self._arn(ctx, instance_profile_name), tags)

    @operation()
    def untag_instance_profile(self, ctx: Context, instance_profile_name: str, tag_keys: list[str]) -> None:
        self._profiles.tags.remove(self._arn(ctx, instance_profile_name), tag_keys)

    @operation()
    def list_instance_profile_tags(
        self, ctx: Context, instance_profile_name: str, marker: str | None = None, max_items: int = 100
    ) -> dict[str, Any]:
        tags = self._profiles.tags.list(self._arn(ctx, instance_profile_name))
        found, tail = paged(tags, marker, max_items)
        return {"Tags": found, **tail}

    @operation("record-only")
    def delete_instance_profile(self, ctx: Context, instance_profile_name: str) -> None:
        profile = self._profiles.get(ctx.account, instance_profile_name)
        if profile.body["Roles"]:
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        self._profiles.delete(profile)

    @operation("record-only")
    def add_role_to_instance_profile(self, ctx: Context, instance_profile_name: str, role_name: str) -> None:
        profile = self._profiles.get(ctx.account, instance_profile_name)
        self._roles.get(ctx.account, role_name)
        if profile.body["Roles"]:
            raise AwsError("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409)
        self._profiles.change(profile, Roles=[role_name])

    @operation("record-only")
    def remove_role_from_instance_profile(self, ctx: Context, instance_profile_name: str, role_name: str) -> None:
        profile = self._profiles.get(ctx.account, instance_profile_name)
        if role_name not in profile.body["Roles"]:
            raise no_such_entity(f"The role with name {role_name} cannot be found.")
        self._profiles.change(profile, Roles=[])

    def _arn(self, ctx: Context, name: str) -> str:
        return self._profiles.arn(self._profiles.get(ctx.account, name))

    def _whole(self, profile: Document) -> dict[str, Any]:
        account = profile.space.account
        arn = self._profiles.arn(profile)
        roles = [self._roles.get(account, name) for name in profile.body["Roles"]]
        return {
            "Path": profile.body["Path"],
            "InstanceProfileName": profile.key,
            "InstanceProfileId": profile.body["Id"],
            "Arn": arn,
            "CreateDate": float(int(profile.created)),
            "Roles": [described(role, self._roles.arn(role)) for role in roles],
            "Tags": self._profiles.tags.list(arn) or None,
        }
