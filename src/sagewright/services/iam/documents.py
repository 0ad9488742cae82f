"""Policy documents: IAM's checks, and the form in which they travel.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

from sagewright.core.errors import AwsError
from sagewright.kit.policy import Kind, Policy, PolicyError, parse

_ELEMENTS = ("Version", "Sid", "Action", "Resource", "Principal", "Condition", "Statement")


def encoded(document: str) -> str:
    """As IAM answers with it: URL-encoded by RFC 3986, nothing left as it is but letters, digits and ``-_.~``."""
    return quote(document, safe="")


def decoded(document: str) -> str:
    return unquote(document)


def size(document: str) -> int:
    """Characters that count towards quotas: whitespace does not."""
    return len("".join(document.split()))


def check_policy(document: str) -> str:
    """The document of an identity's policy. Raises MalformedPolicyDocument."""
    _parsed(document, "identity")
    return document


def check_trust(document: str) -> str:
    """The document of a role's trust policy. Raises MalformedPolicyDocument."""
    for statement in _parsed(document, "trust").statements:
        if any(not action.startswith("sts:") and action != "*" for action in statement.actions):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return document


def _parsed(document: str, kind: Kind) -> Policy:
    try:
        json.loads(document)
    except (ValueError, RecursionError):
        raise _malformed("This policy contains invalid Json") from None
    try:
        return parse(document, kind)
    except PolicyError as error:
        raise _malformed(_words(error)) from None


def _words(error: PolicyError) -> str:
    """IAM names what it misses or cannot read in a value; all other mistakes are syntax to it."""
    if error.element not in _ELEMENTS or error.reason.startswith(("Statement must not", "Allow with")):
        return "Syntax errors in policy."
    return f"{error.reason}: {error.value}" if error.reason == "Invalid principal in policy" else error.reason


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)
