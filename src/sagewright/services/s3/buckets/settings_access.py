"""What may be a bucket's policy, public access block, ownership controls and CORS rules."""

from __future__ import annotations

from typing import Any

from sagewright.services.s3.access.bucket_policy import check_policy
from sagewright.services.s3.access.cors import check_rules
from sagewright.services.s3.access.ownership import ENFORCED, SWITCHES, all_switches, check_controls
from sagewright.services.s3.buckets.setting import Asked, Setting


def _policy(asked: Asked) -> None:
    check_policy(asked.bucket, asked.value)


def _cors(asked: Asked) -> None:
    check_rules(asked.value)


def _block(asked: Asked) -> dict[str, Any]:
    return all_switches(asked.value)


def _controls(asked: Asked) -> None:
    check_controls(asked.bucket, asked.value)


SETTINGS = (
    Setting(
        "cors",
        "CORSConfiguration",
        "NoSuchCORSConfiguration",
        "The CORS configuration does not exist",
        delete="cors",
        check=_cors,
        coverage="behaves",
    ),
    Setting(
        "policy",
        "Policy",
        "NoSuchBucketPolicy",
        "The bucket policy does not exist",
        whole=True,
        delete="policy",
        check=_policy,
        coverage="behaves",
    ),
    Setting(
        "public_access_block",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
        whole=True,
        delete="public_access_block",
        prefix="",
        initial=dict.fromkeys(SWITCHES, True),
        check=_block,
        coverage="behaves",
    ),
    Setting(
        "ownership_controls",
        "OwnershipControls",
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
        whole=True,
        delete="ownership_controls",
        initial={"Rules": [{"ObjectOwnership": ENFORCED}]},
        check=_controls,
        coverage="behaves",
    ),
)
