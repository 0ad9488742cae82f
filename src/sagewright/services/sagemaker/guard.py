"""What an operation of SageMaker needs: its action on what it names, and to pass the role that is to be acted for.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, Guard
from sagewright.kit.permissions import Need, guard, request_facts
from sagewright.services.sagemaker.training.folders import conditions

_KINDS = {
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "AlgorithmName": "algorithm",
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
}
"""Resource types of ARNs by the members that name such a resource."""
_ROLES = ("RoleArn", "ExecutionRoleArn")


def sagemaker_guard() -> Guard:
    return guard("sagemaker", _needs, known=_known, code="AccessDeniedException", status=400)


def _needs(ctx: Context) -> Iterator[Need]:
    yield f"sagemaker:{ctx.operation}", _resource(ctx)
    roles = [ctx.request[member] for member in _ROLES if member in ctx.request]
    if "ValidationSpecification" in ctx.request:
        roles.append(ctx.request["ValidationSpecification"]["ValidationRole"])
    for role in roles:
        if role.split(":")[4:5] != [ctx.account]:
            raise AwsError("ValidationException", "Cross-account pass role is not allowed.")
        yield "iam:PassRole", role


def _known(ctx: Context) -> dict[str, Any]:
    known = {**request_facts(ctx), "iam:PassedToService": "sagemaker.amazonaws.com"}
    return {**known, **conditions(ctx.request)} if ctx.operation == "CreateTrainingJob" else known


def _resource(ctx: Context) -> str:
    """The ARN of what an operation is about, which is what its own name ends in; ``*`` for lists."""
    named = [member for member in _KINDS if member in ctx.request]
    own = [member for member in named if ctx.operation.endswith(member.removesuffix("Name"))]
    for member in own or named:
        name = ctx.request[member].rpartition("/")[2]  # an ARN where the operation takes one
        return f"arn:aws:sagemaker:{ctx.region}:{ctx.account}:{_KINDS[member]}/{name}"
    return str(ctx.request.get("ResourceArn", "*"))
