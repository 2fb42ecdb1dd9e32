"""The routes of the kubelet's API: each request is let in, finds its pod, and is served by what the provider can do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from lightkube.resources.core_v1 import Pod
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from scvk.kubelet.api.access import Access, Refused
from scvk.kubelet.api.command_query import command_query
from scvk.kubelet.api.figures import Figures
from scvk.kubelet.api.health import healthz
from scvk.kubelet.api.http_protocol import ApiHttpProtocol
from scvk.kubelet.api.known_pods import KnownPods
from scvk.kubelet.api.log_query import WrongQuery, log_view
from scvk.kubelet.api.log_stream import LogResponse
from scvk.kubelet.api.permissions import permissions
from scvk.kubelet.api.pod_lists import all_pods, running_pods
from scvk.kubelet.api.pod_target import NotHere, check_container, target_pod
from scvk.kubelet.api.strangers import network_of
from scvk.kubelet.api.upgrades import serve_command, serve_port_forward
from scvk.kubelet.api.work import attach, connect, output_of, run
from scvk.kubelet.capabilities import Capabilities, NotPossible
from scvk.kubelet.log_source import LogRequest
from scvk.kubelet.provider import PodKey

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NodeFace:
    """What the API tells of the node itself. `ailment`: why it is not healthy, in words, or None."""

    configuration: Mapping[str, Any]
    ailment: Callable[[], str | None]


class KubeletApp:
    """The ASGI application."""

    def __init__(
        self,
        access: Access,
        pods: KnownPods,
        capabilities: Capabilities,
        face: NodeFace,
        figures: Figures,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._access = access
        self._pods = pods
        self._can = capabilities
        self._face = face
        self._now = now
        self._routes = Starlette(
            routes=[
                Route("/containerLogs/{namespace}/{pod}/{container}", self._logs, methods=["GET"]),
                *_with_uid("/exec", "/{container}", self._exec, ["GET", "POST"]),
                *_with_uid("/attach", "/{container}", self._attach, ["GET", "POST"]),
                *_with_uid("/run", "/{container}", self._run, ["POST"]),
                *_with_uid("/portForward", "", self._port_forward, ["GET", "POST"]),
                Route("/pods", self._all_pods, methods=["GET"]),
                Route("/runningpods/", self._running_pods, methods=["GET"]),
                Route("/configz", self._configz, methods=["GET"]),
                Route("/healthz", healthz(face.ailment), methods=["GET"]),
                *figures.routes(),
            ],
            exception_handlers={WrongQuery: _told(400), NotHere: _told(404), NotPossible: _told(400)},
        )
        self._routes.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the caller in, or not; then serve the request."""
        request = Request(scope)
        connection: ApiHttpProtocol = request.state.connection
        serving: ASGIApp = self._routes
        try:
            client = request.client.host if request.client is not None else ""
            caller = await self._access.caller(
                connection.peer_certificate(), request.headers.get("authorization"), network_of(client)
            )
            connection.let_in()
            await self._access.allow(caller, permissions(request.method, scope["path"]))
        except Refused as refusal:
            # Who is not known keeps no connection.
            headers = {} if refusal.status == 403 else {"Connection": "close"}
            if refusal.status == 401:
                headers["WWW-Authenticate"] = "Bearer"
            serving = PlainTextResponse(str(refusal), refusal.status, headers)
        try:
            await serving(scope, receive, send)
        except asyncio.CancelledError:
            pass  # the server stops, and has cut the connection: nothing is left to do, and uvicorn would report it

    def _target(self, request: Request) -> tuple[Pod, str]:
        path = request.path_params
        pod = target_pod(self._pods.get, path["namespace"], path["pod"], path.get("uid"))
        container = path.get("container", "")
        if "container" in path:
            check_container(pod, container)
        return pod, container

    def _latest(self, request: Request) -> Callable[[], Pod | None]:
        key = PodKey(request.path_params["namespace"], request.path_params["pod"])
        return lambda: self._pods.get(key)

    async def _logs(self, request: Request) -> Response:
        pod, container = self._target(request)
        view = log_view(dict(request.query_params), container, self._now())
        if self._can.logs is None:
            raise NotPossible("this virtual kubelet cannot show logs")
        if view.is_stderr_only:
            return PlainTextResponse("")
        return LogResponse(self._can.logs.logs(pod, view.request, self._latest(request)), view)

    async def _exec(self, request: Request) -> Response:
        pod, container = self._target(request)
        query = command_query(request.scope["query_string"], needs_command=True)
        return await serve_command(request, query, run(self._can.commands, pod, container, query.command))

    async def _attach(self, request: Request) -> Response:
        pod, container = self._target(request)
        query = command_query(request.scope["query_string"], needs_command=False)
        lines = None
        if self._can.logs is not None:
            shown = LogRequest(container, since=self._now(), follow=True)
            lines = self._can.logs.logs(pod, shown, self._latest(request))
        work = attach(lines, stdin=query.command.stdin, tty=query.command.tty)
        return await serve_command(request, query, work)

    async def _run(self, request: Request) -> Response:
        pod, container = self._target(request)
        words = tuple(request.query_params.get("cmd", "").split())
        if not words:
            raise WrongQuery("you must specify a command: cmd")
        code, output = await output_of(self._can.commands, pod, container, words)
        return PlainTextResponse(output, 200 if code == 0 else 500)

    async def _port_forward(self, request: Request) -> Response:
        pod, _ = self._target(request)
        return await serve_port_forward(request, connect(self._can.ports, pod))

    async def _all_pods(self, _: Request) -> Response:
        return JSONResponse(all_pods(self._pods.pods()))

    async def _running_pods(self, _: Request) -> Response:
        return JSONResponse(running_pods(self._pods.pods()))

    async def _configz(self, _: Request) -> Response:
        return JSONResponse({"kubeletconfig": dict(self._face.configuration)})


def _with_uid(base: str, rest: str, endpoint: Callable[..., Any], methods: list[str]) -> list[Route]:
    return [
        Route(f"{base}/{{namespace}}/{{pod}}{rest}", endpoint, methods=methods),
        Route(f"{base}/{{namespace}}/{{pod}}/{{uid}}{rest}", endpoint, methods=methods),
    ]


def _told(status: int) -> Callable[[Request, Exception], Response]:
    def tell(_: Request, error: Exception) -> Response:
        return PlainTextResponse(str(error), status)

    return tell
