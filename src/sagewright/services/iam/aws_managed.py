"""AWS-managed policies: names that every account may attach.

Any ARN under ``arn:aws:iam::aws:policy/`` is taken, since AWS has over a thousand and adds to them. Lists show those
that SageMaker code commonly names, and what is attached. The text of one is known only where it is AWS's whole and
stable grant; of the others it is not made up.

Where permissions are checked, a policy must mean something even so: ``effect_of`` gives, for the well-known ones, what
they let one do with the services that are here. Any other grants nothing.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

import json
from typing import Any

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
    "AmazonS3ReadOnlyAccess": [
        "s3:Get*",
        "s3:List*",
        "s3:Describe*",
        "s3-object-lambda:Get*",
        "s3-object-lambda:List*",
    ],
    "AmazonSQSFullAccess": ["sqs:*"],
    "service-role/AWSLambdaBasicExecutionRole": [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ],
}

_READ = ["s3", "s3-object-lambda", "iam", "kms", "sagemaker", "logs", "cloudwatch", "ecr", "glue", "athena", "states"]
_SAGEMAKER_BUCKETS = ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"]

_EFFECTS: dict[str, list[dict[str, Any]]] = {
    "AmazonEC2ContainerRegistryFullAccess": [{"Action": ["ecr:*"]}],
    "AmazonEC2ContainerRegistryReadOnly": [{"Action": ["ecr:Get*", "ecr:Describe*", "ecr:List*", "ecr:Batch*"]}],
    "AmazonSageMakerFullAccess": [
        {"Action": ["sagemaker:*", "logs:CreateLogDelivery", "logs:CreateLogGroup", "logs:CreateLogStream"]},
        {"Action": ["logs:DescribeLogStreams", "logs:GetLogEvents", "logs:PutLogEvents", "logs:DescribeLogGroups"]},
        {"Action": ["cloudwatch:PutMetricData", "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics"]},
        {"Action": ["cloudwatch:ListMetrics", "kms:DescribeKey", "kms:ListAliases", "iam:GetRole", "iam:ListRoles"]},
        {"Action": ["ecr:BatchGetImage", "ecr:Describe*", "ecr:Get*", "ecr:List*", "ecr:CreateRepository"]},
        {
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            "Resource": [*_SAGEMAKER_BUCKETS, "arn:aws:s3:::*aws-glue*"],
        },
        {"Action": ["s3:GetBucketAcl", "s3:PutObjectAcl"], "Resource": _SAGEMAKER_BUCKETS},
        {"Action": ["s3:CreateBucket", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets"]},
        {"Action": ["s3:GetBucketCors", "s3:PutBucketCors"]},
        {
            "Action": ["iam:PassRole"],
            "Resource": "arn:aws:iam::*:role/*",
            "Condition": {"StringEquals": {"iam:PassedToService": ["sagemaker.amazonaws.com"]}},
        },
    ],
    "AmazonSageMakerReadOnly": [
        {"Action": ["sagemaker:Describe*", "sagemaker:List*", "sagemaker:BatchGet*", "sagemaker:Get*"]},
    ],
    "CloudWatchFullAccess": [{"Action": ["cloudwatch:*", "logs:*"]}],
    "CloudWatchLogsFullAccess": [{"Action": ["logs:*"]}],
    "IAMFullAccess": [{"Action": ["iam:*"]}],
    "IAMReadOnlyAccess": [{"Action": ["iam:Get*", "iam:List*", "iam:Simulate*", "iam:Generate*"]}],
    "PowerUserAccess": [
        {"NotAction": ["iam:*", "organizations:*", "account:*"]},
        {"Action": ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles"]},
    ],
    "ReadOnlyAccess": [{"Action": [f"{name}:{verb}*" for name in _READ for verb in ("Get", "List", "Describe")]}],
}


def is_managed(arn: str) -> bool:
    return arn.startswith(PREFIX) and len(arn) > len(PREFIX)


def split(arn: str) -> tuple[str, str]:
    """Path and name of an AWS-managed policy."""
    path, _, name = arn.removeprefix(PREFIX).rpartition("/")
    return (f"/{path}/" if path else "/"), name


def effect_of(arn: str) -> str | None:
    """A document of what the policy lets one do with the services here; None where that is not known."""
    statements = _EFFECTS.get(arn.removeprefix(PREFIX))
    if statements is None:
        return text_of(arn)
    whole = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def text_of(arn: str) -> str | None:
    """The policy's document where it is known."""
    actions = _GRANTS.get(arn.removeprefix(PREFIX))
    if actions is None:
        return None
    action = actions if len(actions) > 1 else actions[0]
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
