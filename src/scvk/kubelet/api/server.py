"""The kubelet's HTTPS API as a whole: a socket, certificates, who may in, and the application behind.

Constructed with a socket that listens already, so that the node can tell its port before anything is served.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from scvk.kubelet.api.access import Access
from scvk.kubelet.api.app import KubeletApp, NodeFace
from scvk.kubelet.api.client_authority import ClientAuthority
from scvk.kubelet.api.figures import Figures
from scvk.kubelet.api.http_protocol import ApiHttpProtocol
from scvk.kubelet.api.known_pods import KnownPods
from scvk.kubelet.api.listener import Limits, Listener
from scvk.kubelet.api.plain_port import plain_app
from scvk.kubelet.api.serving_certificate import ServingCertificate, server_context
from scvk.kubelet.api.signed_by_cluster import Renewing, Tell
from scvk.kubelet.capabilities import Capabilities
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.own_usage import OwnUsage

IDLE_FOR_S = 120
"""Longer than the API server keeps a connection that it does not use (90 s): it closes first."""
STOP_WITHIN_S = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApiDoor:
    """Where and how the API is served: all that is not the kubelet's own.

    `plain`: where metrics and health are told without TLS, too.
    """

    listening: socket.socket
    certificate: Callable[[], ServingCertificate]
    configuration: Mapping[str, Any]
    monotonic: Callable[[], float]
    own_usage: Callable[[], OwnUsage] = lambda: OwnUsage(0.0, 0.0, 0)
    plain: socket.socket | None = None

    @property
    def port(self) -> int:
        """Return the port, for the node to tell."""
        return int(self.listening.getsockname()[1])


class KubeletApi:
    """Serves until cancelled."""

    def __init__(
        self,
        door: ApiDoor,
        cluster: Cluster,
        pods: KnownPods,
        capabilities: Capabilities,
        ailment: Callable[[], str | None],
        *,
        node: str,
        now: Callable[[], datetime],
        tell: Tell = lambda _: None,
        limits: Limits | None = None,
    ) -> None:
        self._cluster = cluster
        self._tell = tell
        self._limits = limits or Limits()
        self._listening = door.listening
        self._certificate = door.certificate
        self._authority = ClientAuthority(cluster)
        access = Access(cluster.review, node, now=now, monotonic=door.monotonic)
        figures = Figures(
            node,
            pods,
            capabilities.usage,
            door.own_usage,
            capabilities.metrics or tuple,
            ailment=ailment,
            now=lambda: now().timestamp(),
        )
        self._app = KubeletApp(access, pods, capabilities, NodeFace(door.configuration, ailment), figures, now=now)
        self._plain = (door.plain, plain_app(figures, ailment)) if door.plain is not None else None
        self._state = ServerState()
        self._context: tuple[ServingCertificate, str | None, ssl.SSLContext] | None = None

    async def run(self) -> None:
        """Serve until cancelled; then what is still served is cut off."""
        await self._authority.look()
        listeners = [self._listener(self._listening, self._app, self._tls)]
        if self._plain is not None:
            listeners.append(self._listener(*self._plain, lambda: None))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._authority.run())
                if isinstance(self._certificate, Renewing):
                    group.create_task(self._certificate.renew(self._cluster, self._tell))
                for listener in listeners:
                    group.create_task(listener.run())
        finally:
            self._listening.close()
            if self._plain is not None:
                self._plain[0].close()
            # First the connections: a request that ends early is a failure to uvicorn, unless its client has gone.
            for connection in list(self._state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            tasks = list(self._state.tasks)
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=STOP_WITHIN_S)

    def _listener(
        self, listening: socket.socket, app: ASGIApp, context: Callable[[], ssl.SSLContext | None]
    ) -> Listener:
        config = Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_keep_alive=IDLE_FOR_S,
            h11_max_incomplete_event_size=64 * 1024,
        )
        return Listener(
            listening,
            context,
            lambda stranger: ApiHttpProtocol(
                config, self._state, stranger, request_within_s=self._limits.request_within_s
            ),
            lambda: len(self._state.connections) + len(self._state.tasks),
            self._limits,
        )

    def _tls(self) -> ssl.SSLContext:
        certificate, authority = self._certificate(), self._authority.pem
        if self._context is None or self._context[:2] != (certificate, authority):
            try:
                self._context = (certificate, authority, server_context(certificate, authority))
            except ValueError as error:
                log.warning("the kubelet's API lets in no client certificates for now", error=str(error))
                self._context = (certificate, authority, server_context(certificate, None))
        return self._context[2]
