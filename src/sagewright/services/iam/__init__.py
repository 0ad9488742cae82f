"""AWS Identity and Access Management: users, groups, roles, policies and keys, and what they may do."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.iam.access_keys import AccessKeys
from sagewright.services.iam.account import Account
from sagewright.services.iam.attachments import AttachedTo, Attachments
from sagewright.services.iam.credentials import Credentials
from sagewright.services.iam.details import Details
from sagewright.services.iam.entities import Entities
from sagewright.services.iam.groups import Groups
from sagewright.services.iam.guard import iam_guard
from sagewright.services.iam.inline_policies import InlinePolicies
from sagewright.services.iam.instance_profiles import InstanceProfiles
from sagewright.services.iam.policies import Policies
from sagewright.services.iam.policy_versions import PolicyVersions
from sagewright.services.iam.roles import Roles
from sagewright.services.iam.service_linked import ServiceLinkedRoles
from sagewright.services.iam.simulation import Simulation
from sagewright.services.iam.users import Users
from sagewright.store import Store


def iam(store: Store, clock: Clock) -> Service:
    kinds = Entities(store)
    with_policies = (kinds.roles, kinds.users, kinds.groups)
    return Service(
        "iam",
        Roles(kinds),
        ServiceLinkedRoles(kinds, store),
        Users(kinds, store, clock),
        Groups(kinds),
        AccessKeys(kinds, store, clock),
        Credentials(kinds, store, clock),
        *[InlinePolicies(directory) for directory in with_policies],
        *[Attachments(kinds, directory) for directory in with_policies],
        AttachedTo(kinds),
        Policies(kinds),
        PolicyVersions(kinds),
        InstanceProfiles(kinds),
        Account(kinds, store),
        Details(kinds),
        Simulation(kinds),
        guard=iam_guard(kinds),
    )
