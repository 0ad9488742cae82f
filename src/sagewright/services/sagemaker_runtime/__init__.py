"""SageMaker Runtime: invocations of endpoints.

    routes = Routes(store)
    meters = Meters(clients, clock)
    yield sagemaker_runtime(routes, meters, clock)
    # start: asyncio.create_task(meters.run())
    # stop:  cancel that task, await meters.flush(), await routes.close()

``routes.outstanding`` goes to the hosting controller, which lets an instance finish before it stops it.
"""

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.sagemaker_runtime.invocations import Invocations
from sagewright.services.sagemaker_runtime.meters import Meters
from sagewright.services.sagemaker_runtime.routes import Routes

__all__ = ["Meters", "Routes", "sagemaker_runtime"]


def sagemaker_runtime(routes: Routes, meters: Meters, clock: Clock) -> Service:
    """The service ``sagemaker-runtime``."""
    return Service("sagemaker-runtime", Invocations(routes, meters, clock))
