"""The gateway's bare address leads to the default project, whoever changed what.

Must not know which project that is (automation/default_project.py), or what a route says
(components/gateway.py).
"""

from automation.registry import projects
from automation.workflows.runtime import Runtime
from components.gateway import default_route
from components.provider.gateway_route import GatewayRouteHandler

NAME = "default"


def reconcile_default_route(runtime: Runtime) -> list[str]:
    """The ref that it leads to from now on, if that has changed."""
    home = runtime.context.settings.home
    with runtime.context.transaction() as conn:
        ref = projects.find_default(conn)
    routes, handler = {"routes": str(home.routes)}, GatewayRouteHandler()
    found = handler.read(routes, NAME, {}, {})
    if ref is None:
        handler.delete(routes, NAME, {})
        return [] if found is None else ["none"]
    wanted = default_route(ref, home.gateway_url)
    if found is not None and found["config"] == wanted:
        return []
    handler.create(routes, {"name": NAME, "config": wanted})
    return [ref]
