"""AWS-managed policies: names that every account may attach.

Any ARN under ``arn:aws:iam::aws:policy/`` is taken, since AWS has over a thousand and adds to them. Lists show those
that SageMaker code commonly names, and what is attached. The text of one is known only where it is AWS's whole and
stable grant; of the others it is not made up.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

import json

PREFIX = "arn:aws:iam::aws:policy/"

WELL_KNOWN = (
    "AdministratorAccess",
    "AmazonAthenaFullAccess",
    "AmazonEC2ContainerRegistryFullAccess",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSageMakerCanvasFullAccess",
    "AmazonSageMakerFeatureStoreAccess",
    "AmazonSageMakerFullAccess",
    "AmazonSageMakerModelRegistryFullAccess",
    "AmazonSageMakerPipelinesIntegrations",
    "AmazonSageMakerReadOnly",
    "AmazonSNSFullAccess",
    "AmazonSQSFullAccess",
    "AWSGlueConsoleFullAccess",
    "AWSStepFunctionsFullAccess",
    "CloudWatchFullAccess",
    "CloudWatchLogsFullAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "job-function/DataScientist",
    "service-role/AWSGlueServiceRole",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AmazonS3ObjectLambdaExecutionRolePolicy",
)

_GRANTS = {
    "AdministratorAccess": ["*"],
    "AmazonS3FullAccess": ["s3:*", "s3-object-lambda:*"],
    "AmazonSQSFullAccess": ["sqs:*"],
    "service-role/AWSLambdaBasicExecutionRole": [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ],
}


def is_managed(arn: str) -> bool:
    return arn.startswith(PREFIX) and len(arn) > len(PREFIX)


def split(arn: str) -> tuple[str, str]:
    """Path and name of an AWS-managed policy."""
    path, _, name = arn.removeprefix(PREFIX).rpartition("/")
    return (f"/{path}/" if path else "/"), name


def text_of(arn: str) -> str | None:
    """The policy's document where it is known."""
    actions = _GRANTS.get(arn.removeprefix(PREFIX))
    if actions is None:
        return None
    action = actions if len(actions) > 1 else actions[0]
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
