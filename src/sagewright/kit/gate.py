"""Who sends a request: by its signature where those are checked, else by what it says itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sagewright.core.clock import Clock
from sagewright.kit.identity import Principal, identity
from sagewright.kit.keys import ANONYMOUS, keys_of
from sagewright.store import Store
from sagewright.wire.http import HttpRequest
from sagewright.wire.route import Route
from sagewright.wire.signing import credentials


class Gate:
    """checks: whether signatures are checked. Where they are not, there is no principal: nobody is to be checked."""

    def __init__(self, store: Store, clock: Clock, *, checks: bool) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys_of(store)
        self.checks = checks

    def request(
        self, request: HttpRequest, to: Route, operation: Any, body: bytes | None
    ) -> tuple[Route, Principal | None]:
        """The route for the account whose the key is, and who signed. Raises AwsError.

        operation: botocore's OperationModel; None where a service says itself who sends it. body: as
        ``wire.signing.verify`` has it.
        """
        now = self._clock.now()
        if not self.checks:
            credentials.check_expiry(request, now)
            handed_out = to.access_key.startswith(("AKIA", "ASIA"))
            return (replace(to, account=identity(self._store, to.access_key, now).account) if handed_out else to), None
        from sagewright.wire.signing.verify import verify

        key = verify(request, to, operation, body, self._keys, now) if operation is not None else None
        who: Principal = key.whom if key is not None else ANONYMOUS
        return replace(to, access_key=key.access_key if key else "", account=who.account or to.account), who

    def form(self, fields: Mapping[str, str]) -> tuple[str, str, Principal | None]:
        """Access key, account and principal of an upload by form. fields: names in lower case. Raises AwsError."""
        now = self._clock.now()
        access_key = fields.get("x-amz-credential", "").partition("/")[0] or fields.get("awsaccesskeyid", "")
        if not self.checks:
            return access_key, identity(self._store, access_key, now).account, None
        if "policy" not in fields:
            return "", identity(self._store, "", now).account, ANONYMOUS
        from sagewright.wire.signing.forms import verify_policy

        key = verify_policy(fields["policy"], fields, self._keys, now)
        return key.access_key, key.whom.account, key.whom
