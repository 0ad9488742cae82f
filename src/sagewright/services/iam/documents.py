"""Policy documents: IAM's syntax checks, and the form in which they travel.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from sagewright.core.errors import AwsError

_VERSIONS = {"2012-10-17", "2008-10-17"}
_STATEMENT = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def encoded(document: str) -> str:
    """As IAM answers with it: URL-encoded by RFC 3986, nothing left as it is but letters, digits and ``-_.~``."""
    return quote(document, safe="")


def check_policy(document: str) -> str:
    """The document of an identity's policy. Raises MalformedPolicyDocument."""
    for statement in _statements(document):
        if {"Principal", "NotPrincipal"} & statement.keys():
            raise _malformed("Policy document should not specify a principal.")
        _need(statement, "Action", "NotAction", "Policy statement must contain actions.")
        _need(statement, "Resource", "NotResource", "Policy statement must contain resources.")
        _check_actions(statement)
    return document


def check_trust(document: str) -> str:
    """The document of a role's trust policy. Raises MalformedPolicyDocument."""
    for statement in _statements(document):
        if {"Resource", "NotResource"} & statement.keys():
            raise _malformed("Has prohibited field Resource")
        _need(statement, "Action", "NotAction", "Missing required field Action")
        _need(statement, "Principal", "NotPrincipal", "Missing required field Principal")
        actions = _strings(statement.get("Action", []))
        if any(not action.lower().startswith("sts:") and action != "*" for action in actions):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return document


def _statements(document: str) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(document)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(parsed, dict) or not parsed.keys() <= {"Version", "Id", "Statement"}:
        raise _malformed("Syntax errors in policy.")
    if parsed.get("Version", "2008-10-17") not in _VERSIONS:
        raise _malformed("The policy must contain a valid version string")
    statements = parsed.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements or not all(_is_statement(one) for one in statements):
        raise _malformed("Syntax errors in policy.")
    sids = [one["Sid"] for one in statements if one.get("Sid")]
    if len(set(sids)) != len(sids):
        raise _malformed("Statement IDs (SID) in a single policy must be unique.")
    return statements


def _is_statement(statement: Any) -> bool:
    if not isinstance(statement, dict) or not statement.keys() <= _STATEMENT:
        return False
    texts = (statement.get(name, []) for name in ("Action", "NotAction", "Resource", "NotResource"))
    return (
        statement.get("Effect") in ("Allow", "Deny")
        and isinstance(statement.get("Sid", ""), str)
        and isinstance(statement.get("Condition", {}), dict)
        and all(all(isinstance(text, str) for text in _strings(one)) for one in texts)
    )


def _need(statement: dict[str, Any], name: str, other: str, message: str) -> None:
    if name in statement and other in statement:
        raise _malformed("Syntax errors in policy.")
    if not statement.get(name) and not statement.get(other):
        raise _malformed(message)


def _check_actions(statement: dict[str, Any]) -> None:
    for action in _strings(statement.get("Action", statement.get("NotAction", []))):
        if action != "*" and ":" not in action:
            raise _malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")


def _strings(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)
