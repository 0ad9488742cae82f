"""Whether a bucket policy lets the public in, as S3 means it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from sagewright.kit.policy import Condition, Statement, parse

_FIXED = {
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceowner",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
}
"""Condition keys whose fixed values keep a statement from being public."""
_POSITIVE = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress")
_WIDEST = {4: 8, 6: 32}
"""Bits of the widest range of addresses, by version of IP, that is not the public."""
_PATHS = ("aws:principalorgpaths", "aws:sourceorgpaths")
_ARNS = ("s3:dataaccesspointarn", "aws:sourcearn")


def is_public(policy: str) -> bool:
    """policy: a document that was accepted."""
    return any(_is_public(statement) for statement in parse(policy, "resource").statements)


def _is_public(statement: Statement) -> bool:
    principals = statement.principals
    if not statement.allows or principals is None:
        return False
    if not any(name.text == "*" for name in principals.names):
        return False
    return not any(_narrows(condition) for condition in statement.conditions)


def _narrows(condition: Condition) -> bool:
    operator = condition.operator
    if condition.key not in _FIXED or operator.name not in _POSITIVE or operator.if_exists or not condition.values:
        return False
    if operator.quantifier == "ForAllValues":
        return False
    if condition.key == "aws:sourceip":
        return operator.name == "IpAddress" and all(_is_narrow(value) for value in condition.values)
    return all(_is_fixed(condition.key, value) for value in condition.values)


def _is_fixed(key: str, value: str) -> bool:
    if "${" in value:
        return False
    if key in _PATHS:
        return True
    if key in _ARNS:
        value = "".join(value.split(":")[4:5])  # the account
    if key == "aws:userid":
        value = value.removesuffix(":*")  # the sessions of one role
    return bool(value) and not set("*?") & set(value)


def _is_narrow(cidr: str) -> bool:
    import ipaddress

    network = ipaddress.ip_network(cidr, strict=False)
    return bool(network.prefixlen >= _WIDEST[network.version])
