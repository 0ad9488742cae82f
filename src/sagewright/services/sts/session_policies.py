"""Policies that a session is given along: it may do no more than they and its role let it.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context
from sagewright.kit.policy import PolicyError, parse

_MOST_CHARACTERS = 2048
_MOST_ARNS = 10


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """documents: of the session, none for no limit. packed: how full the size limit is, percent; None without any."""

    documents: tuple[str, ...] = ()
    packed: int | None = None


async def session_policies(
    ctx: Context, account: str, policy: str | None, arns: Sequence[Mapping[str, str]]
) -> SessionPolicies:
    """The Policy and PolicyArns members. account: whose policies those are.

    Raises MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError, NoSuchEntity.
    """
    if policy is None and not arns:
        return SessionPolicies()
    if len(arns) > _MOST_ARNS:
        raise AwsError("ValidationError", f"A session takes at most {_MOST_ARNS} managed policies.")
    names = [one.get("arn", "") for one in arns]
    characters = len(policy or "") + sum(map(len, names))
    if characters > _MOST_CHARACTERS:
        packed = characters * 100 // _MOST_CHARACTERS
        words = f"Packed policy consumes {packed}% of allotted space, please use smaller policy."
        raise AwsError("PackedPolicyTooLarge", words)
    documents = [] if policy is None else [_checked(policy)]
    documents += [await _managed(ctx, account, arn) for arn in names]
    return SessionPolicies(tuple(documents), 1 + characters * 99 // _MOST_CHARACTERS)


def _checked(policy: str) -> str:
    try:
        json.loads(policy)
    except (ValueError, RecursionError):
        raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json") from None
    try:
        parse(policy, "identity")
    except PolicyError as error:
        raise AwsError("MalformedPolicyDocument", error.reason) from None
    return policy


async def _managed(ctx: Context, account: str, arn: str) -> str:
    iam = ctx.clients.client("iam", account, ctx.region)
    version = (await iam.get_policy(PolicyArn=arn))["Policy"]["DefaultVersionId"]
    found = await iam.get_policy_version(PolicyArn=arn, VersionId=version)
    return unquote(found["PolicyVersion"]["Document"])
