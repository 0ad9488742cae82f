"""An AWS operation is a plain method marked with ``@operation``; a service is a set of objects that hold them.

    class Training:
        @operation()
        def describe_training_job(self, ctx: Context, training_job_name: str) -> dict[str, Any]: ...

The method's name is the operation's in snake case, its keyword parameters are top-level input members in snake case
(those the client did not send are not passed), and ``ctx.request`` is the whole request, AWS-cased. It returns an
AWS-cased dict or raises AwsError. ``async def`` is for work that waits: bodies, held answers, other services.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sagewright.core.errors import not_implemented
from sagewright.kit.identity import Principal
from sagewright.wire import models
from sagewright.wire.client import Clients
from sagewright.wire.http import Headers, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from botocore.model import OperationModel

Coverage = Literal["behaves", "record-only"]
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Context:
    """Who calls what: one per request.

    http: the request on the wire; None for a call from another service in this process.
    principal: who is to be checked; None where nobody is: signatures are off, or another service calls for itself.
    via: the service that calls, for a call from inside.
    headers: response headers beyond those of the model. status: the response's, where it is not the model's.
    """

    account: str
    region: str
    service: str
    operation: str
    request_id: str
    clients: Clients
    request: dict[str, Any] = field(default_factory=dict)
    access_key: str = ""
    user_agent: str = ""
    http: HttpRequest | None = None
    headers: dict[str, str] = field(default_factory=dict)
    principal: Principal | None = None
    status: int | None = None
    via: str = ""

    def client(self, service: str, *, as_caller: bool = False, region: str | None = None) -> Any:
        """A boto-like client of another service, for the same account and region; its methods are awaited.

        as_caller: the other service checks the caller's own permissions, as S3 has KMS do. region: another one.
        """
        principal = self.principal if as_caller else None
        return self.clients.client(service, self.account, region or self.region, principal, self.service)


Guard = Callable[[Context], Awaitable[None]]
"""Raises AwsError where ctx.principal may not do what it asks."""

Unmodelled = Callable[[Context], Awaitable[HttpResponse]]
"""An operation that AWS's models lack: ctx.http is the request, its body unread, ctx.request the names in its path.

Nobody has checked who sends it; an upload by form says so in its body. Raises AwsError."""
CrossOrigin = Callable[[HttpRequest, dict[str, str]], dict[str, str]]
"""From a request and the names in its path: headers that let a page of another site read the answer, none where it may
not."""

CheckBody = Callable[["OperationModel", Headers, bytes], None]
"""Compares a body that is a document with the digests among the headers. Raises AwsError."""


def operation(coverage: Coverage = "behaves") -> Callable[[_Function], _Function]:
    """Mark a method as an AWS operation. record-only: kept and returned, with no effect of its own."""

    def mark(function: _Function) -> _Function:
        function.__sagewright_coverage__ = coverage  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True, slots=True)
class Handler:
    """One operation of one service, ready to call."""

    name: str
    coverage: Coverage
    function: Callable[..., Any]
    is_async: bool
    members: dict[str, str]
    """AWS member name to keyword, for top-level input members."""
    guard: Guard | None = None

    async def __call__(self, ctx: Context) -> dict[str, Any]:
        if self.guard is not None and ctx.principal is not None:
            await self.guard(ctx)
        members = self.members
        result = self.function(ctx, **{members[name]: value for name, value in ctx.request.items()})
        if self.is_async:
            result = await result
        return result if result is not None else {}


class Service:
    """The operations of one AWS service, by botocore's service id.

    parts: objects whose ``@operation`` methods it serves. Handlers are made on first use, so that a server that is
    only started reads no service model. guard: awaited before each operation of a principal that is to be checked.
    unmodelled: by the names that wire.route has for them. cross_origin: for services that pages of other sites may use.
    """

    def __init__(
        self,
        name: str,
        *parts: object,
        guard: Guard | None = None,
        unmodelled: Mapping[str, Unmodelled] | None = None,
        cross_origin: CrossOrigin | None = None,
        check_body: CheckBody | None = None,
    ) -> None:
        self.name = name
        self.parts = parts
        self.guard = guard
        self.unmodelled = unmodelled or {}
        self.cross_origin = cross_origin
        self.check_body = check_body
        self._functions = {
            method: function
            for part in parts
            for method, function in inspect.getmembers(part, inspect.ismethod)
            if hasattr(function, "__sagewright_coverage__") and not method.startswith("_")
        }
        self._handlers: dict[str, Handler] = {}

    def handler(self, operation_name: str) -> Handler:
        """Raises AwsError (501) for an operation this service lacks."""
        handler = self._handlers.get(operation_name)
        if handler is None:
            handler = self._handlers[operation_name] = self._make(operation_name)
        return handler

    def methods(self) -> Iterator[str]:
        """Snake-case names of what is there."""
        return iter(self._functions)

    def coverage(self) -> Iterator[tuple[str, Coverage]]:
        """Operation names with their coverage, for those that are there."""
        for name in models.operation_names(self.name):
            function = self._functions.get(models.snake_case(name))
            if function is not None:
                yield name, function.__sagewright_coverage__

    def _make(self, operation_name: str) -> Handler:
        function = self._functions.get(models.snake_case(operation_name))
        if function is None:
            raise not_implemented(self.name, operation_name)
        members = models.member_names(models.operation(self.name, operation_name))
        return Handler(
            operation_name,
            function.__sagewright_coverage__,
            function,
            inspect.iscoroutinefunction(function),
            {aws: snake for snake, aws in members.items()},
            self.guard,
        )


class Services:
    """All services of a server, and the one way to call an operation of any of them.

    makers: by botocore's service id; each is called when its service is first needed, so that a server that only
    starts does not load them all.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Service]]) -> None:
        self._makers = makers
        self._made: dict[str, Service] = {}

    @classmethod
    def of(cls, *services: Service) -> Services:
        """Of services already made."""
        everything = cls({})
        everything._made = {service.name: service for service in services}
        return everything

    @property
    def names(self) -> list[str]:
        return sorted({*self._makers, *self._made})

    def __iter__(self) -> Iterator[Service]:
        """Every service, made where it is not yet."""
        return iter([service for name in self.names if (service := self._find(name)) is not None])

    def __call__(self, ctx: Context) -> Awaitable[dict[str, Any]]:
        """Raises AwsError, 501 for a service or operation that is not there."""
        service = self._find(ctx.service)
        if service is None:
            raise not_implemented(ctx.service, ctx.operation)
        return service.handler(ctx.operation)(ctx)

    def unmodelled(self, ctx: Context) -> Awaitable[HttpResponse]:
        """Raises AwsError, 501 for a service or operation that is not there."""
        service = self._find(ctx.service)
        if service is None or ctx.operation not in service.unmodelled:
            raise not_implemented(ctx.service, ctx.operation)
        return service.unmodelled[ctx.operation](ctx)

    def cross_origin(self, name: str, request: HttpRequest, names: dict[str, str]) -> dict[str, str]:
        """Headers for a page of another site, as the service says."""
        service = self._find(name) if "origin" in request.headers else None
        return service.cross_origin(request, names) if service is not None and service.cross_origin else {}

    def check_body(self, op: OperationModel, service: str, headers: Headers, body: bytes) -> None:
        """Raises AwsError where a document is not what its sender says."""
        found = self._find(service)
        if found is not None and found.check_body is not None:
            found.check_body(op, headers, body)

    def _find(self, name: str) -> Service | None:
        service = self._made.get(name)
        if service is None and name in self._makers:
            service = self._made[name] = self._makers[name]()
        return service
