"""What a Host header says: AWS's own host names, and the same under localhost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from sagewright.wire import models

_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}"
_SUFFIX = r"(?:amazonaws\.com(?:\.cn)?|api\.aws|localhost(?:\.[a-z0-9.-]+)?)"
_S3 = re.compile(
    rf"(?:(?P<bucket>.+)\.)?s3(?:-accelerate|-external-1|-fips|express-[a-z0-9-]+)?(?:[.-](?:dualstack|fips))*"
    rf"(?:[.-](?P<region>{_REGION}))?\.{_SUFFIX}"
)
_AWS = re.compile(rf"(?P<name>.+?)\.{_SUFFIX}")
_IS_REGION = re.compile(_REGION)
_NOISE = frozenset({"dualstack", "fips"})

HOT = {
    "api.ecr": "ecr",
    "api.sagemaker": "sagemaker",
    "athena": "athena",
    "cloudformation": "cloudformation",
    "ec2": "ec2",
    "events": "events",
    "firehose": "firehose",
    "glue": "glue",
    "iam": "iam",
    "kinesis": "kinesis",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "metrics.sagemaker": "sagemaker-metrics",
    "monitoring": "cloudwatch",
    "featurestore-runtime.sagemaker": "sagemaker-featurestore-runtime",
    "runtime.sagemaker": "sagemaker-runtime",
    "s3-control": "s3control",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "states": "stepfunctions",
    "sts": "sts",
}
"""Endpoint prefix to service for the usual ones, so that they need no look through all of botocore's models."""


@dataclass(frozen=True, slots=True)
class Host:
    """service: the one a host names, or empty. bucket: S3's virtual host, or empty. region: or empty.

    local: some name under localhost, which is a bucket where the request is S3's (``mybucket.localhost:4566``).
    """

    service: str = ""
    region: str = ""
    bucket: str = ""
    local: str = ""

    def s3_path(self, path: str) -> str:
        """A request's path to S3 with its bucket, which may be in the host."""
        bucket = self.bucket or self.local
        return f"/{bucket}{path}" if bucket else path


_NOTHING = Host()


@lru_cache(maxsize=1024)
def parse(host: str) -> Host:
    """host as sent, with or without its port."""
    name = host.lower()
    if not name.startswith("["):
        name = name.partition(":")[0]
    name = name.rstrip(".")
    found = _S3.fullmatch(name)
    if found is not None:
        return Host("s3", found["region"] or "", found["bucket"] or "")
    found = _AWS.fullmatch(name)
    if found is None:
        return _NOTHING
    labels = [label for label in found["name"].split(".") if label not in _NOISE]
    region = next((label for label in labels if _IS_REGION.fullmatch(label)), "")
    rest = [label.removesuffix("-fips") for label in labels if label != region]
    service = next((_prefixes(".".join(rest[at:])) for at in range(len(rest)) if _prefixes(".".join(rest[at:]))), "")
    return Host(service, region, "", "" if service or "amazonaws" in name else found["name"])


def _prefixes(prefix: str) -> str:
    """The service of an endpoint prefix, or empty."""
    return HOT.get(prefix) or _all_prefixes().get(prefix, "")


@cache
def _all_prefixes() -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in models.catalog().values():
        found.setdefault(entry.endpoint_prefix, entry.name)
    return found
