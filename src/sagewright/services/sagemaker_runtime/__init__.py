"""SageMaker Runtime: invocations of endpoints.

    routes = Routes(store)
    meters = Meters(clients, clock)
    yield sagemaker_runtime(routes, meters, clock)
    # start: asyncio.create_task(meters.run())
    # stop:  cancel that task, await meters.flush(), await routes.close()

``routes.outstanding`` goes to the hosting controller, which lets an instance finish before it stops it.
"""

from collections.abc import Iterator

from sagewright.core.clock import Clock
from sagewright.kit.operation import Context, Service
from sagewright.kit.permissions import Need, guard
from sagewright.services.sagemaker_runtime.invocations import Invocations
from sagewright.services.sagemaker_runtime.meters import Meters
from sagewright.services.sagemaker_runtime.routes import Routes

__all__ = ["Meters", "Routes", "sagemaker_runtime"]


def sagemaker_runtime(routes: Routes, meters: Meters, clock: Clock) -> Service:
    """The service ``sagemaker-runtime``."""
    allowed = guard("sagemaker", _needs, code="AccessDeniedException")
    return Service("sagemaker-runtime", Invocations(routes, meters, clock), guard=allowed)


def _needs(ctx: Context) -> Iterator[Need]:
    yield (
        f"sagemaker:{ctx.operation}",
        f"arn:aws:sagemaker:{ctx.region}:{ctx.account}:endpoint/{ctx.request['EndpointName']}",
    )
