"""The ASGI application: routes from the OpenAPI document, handlers by operation id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from scvk.saladcloud.models.document import document
from scvk.simulator.api import organization_handlers
from scvk.simulator.api.control import ControlApi
from scvk.simulator.api.gate import Gate, Handler, http_problem, internal_problem
from scvk.simulator.api.handlers import GroupHandlers
from scvk.simulator.api.organization_handlers import OrganizationHandlers

BASE_PATH = "/api/public"
CONTROL_PATH = "/_simulator"

Endpoint = Callable[[Request], Awaitable[Response]]


def all_handlers(groups: GroupHandlers, organizations: OrganizationHandlers) -> dict[str, Handler]:
    """Every operation that is simulated, by its id in the document."""
    return {
        "list_container_groups": groups.list_container_groups,
        "create_container_group": groups.create_container_group,
        "get_container_group": groups.get_container_group,
        "update_container_group": groups.update_container_group,
        "delete_container_group": groups.delete_container_group,
        "start_container_group": groups.start_container_group,
        "stop_container_group": groups.stop_container_group,
        "get_system_logs": groups.get_system_logs,
        "list_container_group_instances": groups.list_container_group_instances,
        "get_container_group_instance": groups.get_container_group_instance,
        "update_container_group_instance": groups.update_container_group_instance,
        "reallocate_container_group_instance": groups.reallocate_container_group_instance,
        "recreate_container_group_instance": groups.recreate_container_group_instance,
        "restart_container_group_instance": groups.restart_container_group_instance,
        "query_log_entries": organizations.query_log_entries,
        "list_gpu_classes": organization_handlers.list_gpu_classes,
        "get_quotas": organization_handlers.get_quotas,
        "get_cpu_availability": organizations.get_cpu_availability,
        "get_gpu_availability": organizations.get_gpu_availability,
    }


def _by_method(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    """One endpoint for a path, so that the framework's 405 names all of its methods."""

    async def serve(request: Request) -> Response:
        # The framework lets HEAD through where there is a GET, and drops the answer's body itself.
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return serve


def build_app(gate: Gate, handlers: Mapping[str, Handler], control: ControlApi) -> Starlette:
    """The application. Operations of the document that are not simulated (queues, inference) answer 404."""
    operations = document().operations
    by_path: dict[str, dict[str, Endpoint]] = {}
    for name, handler in handlers.items():
        operation = operations[name]
        by_path.setdefault(operation.path, {})[operation.method] = gate.endpoint(operation, handler)
    routes = [Route(path, _by_method(methods), methods=list(methods)) for path, methods in by_path.items()]
    return Starlette(
        routes=[
            Mount(BASE_PATH, app=Router(routes, redirect_slashes=False)),
            Mount(CONTROL_PATH, app=Router(control.routes(), redirect_slashes=False)),
        ],
        exception_handlers={HTTPException: http_problem, Exception: internal_problem},
    )
