"""What a user without permissions is told that an operation would need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sagemaker_world import ROLE

from sagewright.core.errors import AwsError
from sagewright.kit.identity import Principal
from sagewright.kit.operation import Service, operation
from sagewright.services.iam import iam
from sagewright.services.sagemaker.guard import sagemaker_guard

ACCOUNT, REGION = "111122223333", "eu-west-1"
HERE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
MINE = ROLE.replace("000000000000", ACCOUNT)


class _Anything:
    """Operations that would do whatever is asked."""

    @operation()
    def search(self, ctx: Any, **members: Any) -> None: ...

    @operation()
    def describe_algorithm(self, ctx: Any, **members: Any) -> None: ...

    @operation()
    def create_algorithm(self, ctx: Any, **members: Any) -> None: ...

    @operation()
    def update_training_job(self, ctx: Any, **members: Any) -> None: ...


def user(services: Any, *statements: dict[str, str]) -> Principal:
    """Ana, who may what the statements say."""
    services.add(iam, lambda store, clock: Service("sagemaker", _Anything(), guard=sagemaker_guard()))
    made = services.call("iam", "create_user", UserName="ana")["User"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    if statements:
        services.call("iam", "put_user_policy", UserName="ana", PolicyName="own", PolicyDocument=document)
    return Principal("user", ACCOUNT, made["Arn"], made["UserId"], source=made["Arn"])


CASES = [
    ("search", {"Resource": "TrainingJob"}, [("Search", "*")]),
    ("update_training_job", {"TrainingJobName": "x"}, [("UpdateTrainingJob", f"{HERE}:training-job/x")]),
    ("describe_algorithm", {"AlgorithmName": "x"}, [("DescribeAlgorithm", f"{HERE}:algorithm/x")]),
    ("describe_algorithm", {"AlgorithmName": f"{HERE}:algorithm/x"}, [("DescribeAlgorithm", f"{HERE}:algorithm/x")]),
]


@pytest.mark.parametrize(("name", "members", "needs"), CASES)
def test_actions_and_resources(
    in_process: Any, name: str, members: dict[str, Any], needs: list[tuple[str, str]]
) -> None:
    caller = user(in_process)
    for action, resource in needs:
        with pytest.raises(AwsError, match=f"sagemaker:{action} on resource: {resource}".replace("*", r"\*")) as caught:
            in_process.call("sagemaker", name, principal=caller, **members)
        assert caught.value.code == "AccessDeniedException"


def test_validation_passes_its_role(in_process: Any) -> None:
    members = {"AlgorithmName": "x", "ValidationSpecification": {"ValidationRole": MINE}}
    statement = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": f"{HERE}:algorithm/x"}
    caller = user(in_process, statement)
    with pytest.raises(AwsError, match=f"iam:PassRole on resource: {MINE}"):
        in_process.call("sagemaker", "create_algorithm", principal=caller, **members)
    in_process.call("sagemaker", "create_algorithm", principal=caller, AlgorithmName="x")
    foreign = {**members, "ValidationSpecification": {"ValidationRole": ROLE}}
    with pytest.raises(AwsError, match="Cross-account pass role"):
        in_process.call("sagemaker", "create_algorithm", principal=caller, **foreign)
