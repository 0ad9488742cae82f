"""What cryptographic operations share: DryRun, its modifiers, and Recipient."""

from __future__ import annotations

from typing import Any

from sagewright.core.errors import AwsError
from sagewright.services.kms.errors import lacking


def end_trial(dry_run: bool) -> None:
    """Raises DryRunOperationException where the request was only to be tried, and all of it was right."""
    if dry_run:
        words = "The request would have succeeded, but the DryRun option is set."
        raise AwsError("DryRunOperationException", words)


def check_recipient(recipient: Any) -> None:
    """Raises AwsError (501): answers for Nitro enclaves are encrypted to an attestation document's key."""
    if recipient is not None:
        raise lacking("the Recipient member of KMS operations (Nitro enclaves)")


def check_modifiers(modifiers: Any) -> None:
    """Raises AwsError (501): a dry run here looks at the ciphertext."""
    if modifiers:
        raise lacking("the DryRunModifiers member of KMS operations")
