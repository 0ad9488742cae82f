"""The policy language of IAM: documents, and what they decide. Pure functions, for every service that checks.

    policy = parse(text, "resource")
    decision = evaluate(policy.statements, "s3:GetObject", "arn:aws:s3:::b/k", facts({"aws:SourceIp": ip}), caller)

Language: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
Decisions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from sagewright.kit.policy.document import (
    Condition,
    Kind,
    Policy,
    PolicyError,
    PrincipalName,
    Principals,
    Statement,
    parse,
)
from sagewright.kit.policy.evaluation import Decision, Effect, context_keys, evaluate
from sagewright.kit.policy.facts import Facts, facts
from sagewright.kit.policy.principals import Caller, role_arn
from sagewright.kit.policy.wildcards import like

__all__ = [
    "Caller",
    "Condition",
    "Decision",
    "Effect",
    "Facts",
    "Kind",
    "Policy",
    "PolicyError",
    "PrincipalName",
    "Principals",
    "Statement",
    "context_keys",
    "evaluate",
    "facts",
    "like",
    "parse",
    "role_arn",
]
