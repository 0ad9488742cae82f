"""Amazon Resource Names."""

from __future__ import annotations

from dataclasses import dataclass


def partition(region: str) -> str:
    """The ARN partition a region belongs to."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@dataclass(frozen=True, slots=True)
class Arn:
    """``arn:partition:service:region:account:resource``; resource keeps its slashes and colons."""

    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{partition(self.region)}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Raises ValueError when text is no ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise ValueError(f"not an ARN: {text}")
        return cls(service=parts[2], region=parts[3], account=parts[4], resource=parts[5])
