"""Roles that belong to an AWS service: made by name of the service, and changed by nobody else.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from sagewright.core.errors import AwsError
from sagewright.kit.operation import Context, operation
from sagewright.services.iam.entities import SERVICE_PATH, Entities, no_such_entity
from sagewright.services.iam.roles import described
from sagewright.store import Space, Store

_ROLES = {
    "sagemaker.amazonaws.com": "AWSServiceRoleForAmazonSageMakerNotebooks",
    "sagemaker.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
}


class ServiceLinkedRoles:
    def __init__(self, kinds: Entities, store: Store) -> None:
        self._roles = kinds.roles
        self._documents = store.documents

    @operation()
    def create_service_linked_role(
        self,
        ctx: Context,
        aws_service_name: str,
        description: str | None = None,
        custom_suffix: str | None = None,
    ) -> dict[str, Any]:
        name = _ROLES.get(aws_service_name)
        if name is None:
            words = f"Sagewright does not know the service-linked role of {aws_service_name}."
            raise AwsError("NotImplemented", words, 501)
        if custom_suffix is not None:
            raise AwsError("InvalidInput", f"Custom suffix is not allowed for {aws_service_name}")
        if self._roles.find(ctx.account, name) is not None:
            words = f"Service role name {name} has been taken in this account, please try a different suffix."
            raise AwsError("InvalidInput", words)
        statement = {"Effect": "Allow", "Principal": {"Service": aws_service_name}, "Action": "sts:AssumeRole"}
        body = {
            "Trust": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            "MaxSessionDuration": 3600,
            "Attached": [],
            "Inline": {},
            **({} if description is None else {"Description": description}),
        }
        role = self._roles.insert(ctx.account, name, f"{SERVICE_PATH}{aws_service_name}/", body, ())
        return {"Role": described(role, self._roles.arn(role))}

    @operation()
    def delete_service_linked_role(self, ctx: Context, role_name: str) -> dict[str, Any]:
        """It goes at once: nothing here works in its name."""
        role = self._roles.get(ctx.account, role_name)
        if not role.body["Path"].startswith(SERVICE_PATH):
            raise AwsError("InvalidInput", f"{role_name} is not a service-linked role.")
        task = f"task{role.body['Path']}{role_name}/{uuid.uuid4()}"
        with self._roles.transaction():
            self._documents.insert(_tasks(ctx), task, {})
            self._roles.delete(role)
        return {"DeletionTaskId": task}

    @operation()
    def get_service_linked_role_deletion_status(self, ctx: Context, deletion_task_id: str) -> dict[str, Any]:
        if self._documents.get(_tasks(ctx), deletion_task_id) is None:
            raise no_such_entity(f"Deletion task {deletion_task_id} cannot be found.")
        return {"Status": "SUCCEEDED"}


def _tasks(ctx: Context) -> Space:
    return Space("iam.deletion", ctx.account)
