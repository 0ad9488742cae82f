"""What an operation of EFS needs: its action on the file system or access point that it names.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html
"""

from __future__ import annotations

from collections.abc import Iterator

from sagewright.core.arn import Arn
from sagewright.kit.operation import Context, Guard
from sagewright.kit.permissions import Need, guard
from sagewright.services.efs.shelf import plain_id

_PREFIX = "elasticfilesystem"


def efs_guard() -> Guard:
    return guard(_PREFIX, _needs, code="AccessDeniedException")


def _needs(ctx: Context) -> Iterator[Need]:
    named = (ctx.request.get(member) for member in ("AccessPointId", "FileSystemId", "ResourceId"))
    key = plain_id(next(filter(None, named), ""))
    noun = "access-point" if key.startswith("fsap-") else "file-system"
    resource = str(Arn(_PREFIX, ctx.region, ctx.account, f"{noun}/{key}")) if key else "*"
    yield f"{_PREFIX}:{ctx.operation}", resource
