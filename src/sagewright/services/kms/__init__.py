"""AWS Key Management Service: keys that encrypt, sign and authenticate, with the policies and grants to use them."""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.kms.aliases import Aliases
from sagewright.services.kms.data_keys import DataKeys
from sagewright.services.kms.encrypting import Encrypting
from sagewright.services.kms.grants import Grants
from sagewright.services.kms.guard import Guarded
from sagewright.services.kms.lives import Lives
from sagewright.services.kms.policies import Policies
from sagewright.services.kms.ring import Ring
from sagewright.services.kms.rotations import Rotations
from sagewright.services.kms.signing import Signing
from sagewright.services.kms.tagging import Tagging
from sagewright.store import Store


def kms(store: Store, clock: Clock) -> Service:
    ring = Ring(store, clock)
    return Service(
        "kms",
        Lives(ring),
        Aliases(ring),
        Tagging(ring),
        Policies(ring),
        Rotations(ring),
        Grants(ring),
        Encrypting(ring),
        DataKeys(ring),
        Signing(ring),
        guard=Guarded(ring),
    )
