"""AWS Identity and Access Management: roles, policies, users and keys. They are kept, and not enforced."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.iam.access_keys import AccessKeys
from sagewright.services.iam.attachments import Attachments
from sagewright.services.iam.entities import Entities
from sagewright.services.iam.inline_policies import InlinePolicies
from sagewright.services.iam.instance_profiles import InstanceProfiles
from sagewright.services.iam.policies import Policies
from sagewright.services.iam.policy_versions import PolicyVersions
from sagewright.services.iam.roles import Roles
from sagewright.services.iam.users import Users
from sagewright.store import Store


def iam(store: Store, clock: Clock) -> Service:
    kinds = Entities(store)
    return Service(
        "iam",
        Roles(kinds),
        Users(kinds, store, clock),
        AccessKeys(kinds, store, clock),
        InlinePolicies(kinds),
        Policies(kinds),
        PolicyVersions(kinds),
        Attachments(kinds),
        InstanceProfiles(kinds),
    )
