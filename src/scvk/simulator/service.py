"""The simulator as a whole: built from a configuration, entered as a context, served over HTTP or in process.

config = SimulatorConfig(api_keys=(ApiKey("secret"),), speed=20)
async with Simulator(config) as simulator:
    async with serve(simulator, "127.0.0.1", 0) as server:
        ...  # server.base_url
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

import msgspec
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from scvk.simulator.api.app import BASE_PATH, all_handlers, build_app
from scvk.simulator.api.control import ControlApi
from scvk.simulator.api.faults import Faults
from scvk.simulator.api.gate import Gate
from scvk.simulator.api.handlers import GroupHandlers
from scvk.simulator.api.organization_handlers import OrganizationHandlers
from scvk.simulator.api.platform_faults import PlatformFaults
from scvk.simulator.api.requests import RequestLog
from scvk.simulator.clock import Clock, SimulatedClock
from scvk.simulator.cloud.doors import AllDoors
from scvk.simulator.cloud.means import Means
from scvk.simulator.cloud.platform import Platform
from scvk.simulator.config import SimulatorConfig
from scvk.simulator.gateway.server import ServedGateway, serve_on
from scvk.simulator.image_catalogue import ImageCatalogue
from scvk.simulator.images.pulling import PulledImages
from scvk.simulator.metadata.door import MetadataDoors
from scvk.simulator.problems import InvalidRequest, problem_body
from scvk.simulator.runtime.contract import Runtime
from scvk.simulator.runtime.process import ProcessRuntime
from scvk.simulator.runtime.virtual import VirtualRuntime
from scvk.simulator.ssh.door import SshDoors

# How long open requests may take to end when the server stops; a hung one (a fault) is cut then.
_SHUTDOWN_S = 1
# How long an idle connection is kept, in seconds: as edges do. uvicorn's 5 s are the pace at which many clients poll.
_KEEP_ALIVE_S = 75


def _runtime(config: SimulatorConfig, clock: Clock) -> Runtime:
    if config.runtime == "virtual":
        return VirtualRuntime(clock)
    return ProcessRuntime(config.isolation, config.speed)


class AddressUnavailableError(OSError):
    """The address cannot be listened on; `strerror` says why."""

    def __init__(self, number: int, reason: str, host: str, port: int) -> None:
        super().__init__(number, reason)
        self.host = host
        self.port = port


class Simulator:
    """SaladCloud on this machine: constructing has no effect, entering starts it, leaving ends every program.

    `clock` and `runtime` can be replaced: a virtual clock and a scripted runtime make it a pure in-memory
    thing. Raises AuthorizedKeysError; RuntimeUnavailableError and ImagesUnavailableError on entering.
    """

    def __init__(self, config: SimulatorConfig, *, clock: Clock | None = None, runtime: Runtime | None = None) -> None:
        self.config = config
        self.clock: Clock = clock or SimulatedClock(config.speed)
        self.runtime: Runtime = runtime or _runtime(config, self.clock)
        seed = secrets.token_hex(16) if config.seed is None else str(config.seed)
        self.faults = Faults(Random(seed), [])
        self._mishaps = PlatformFaults(self.faults)
        self._ssh = SshDoors(config.ssh_host, config.ssh_authorized_keys)
        doors = AllDoors(self._ssh, MetadataDoors())
        means = Means(self.clock, Random(seed), self.runtime, config.durations, self._mishaps, seed, doors)
        self.images = PulledImages(
            ImageCatalogue(config.unknown_images),
            catalogue_file=config.image_catalogue,
            cache=config.image_cache,
            insecure_registries=config.insecure_registries,
            unpack=isinstance(self.runtime, ProcessRuntime),
        )
        self.platform = Platform(means, config.organizations, config.projects, config.quotas, self.images)
        self.requests = RequestLog()
        self.app: Starlette = self._build_app()

    def _build_app(self) -> Starlette:
        def monotonic() -> float:
            return asyncio.get_running_loop().time()

        handlers = all_handlers(GroupHandlers(self.config, monotonic), OrganizationHandlers(self.clock, self._mishaps))
        gate = Gate(
            self.platform,
            self.config.api_keys,
            self.config.requests_per_minute,
            self.faults,
            self.requests,
            monotonic,
        )
        control = ControlApi(
            self.platform,
            self.faults,
            self.requests,
            lambda: {"speed": self.config.speed, "isolation_report": list(self.isolation_report)},
            frozenset(handlers),
        )
        return build_app(gate, handlers, control)

    @property
    def isolation_report(self) -> tuple[str, ...]:
        """What is not isolated here, for people; empty when all is. Known inside the context."""
        return tuple(self.runtime.isolation_report)

    async def __aenter__(self) -> Self:
        await self.images.open()
        try:
            await self.runtime.open()
        except BaseException:
            await self.images.close()
            raise
        if isinstance(self.runtime, ProcessRuntime) and not self.runtime.isolated:
            self.images.do_without_roots()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.platform.abandon()
        await self._ssh.wait_closed()
        await self.runtime.close()
        await self.images.close()


@dataclass(frozen=True, slots=True)
class Served:
    """Where a simulator can be reached."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The root, for the control API."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a SaladCloud client takes as its base URL."""
        return self.url + BASE_PATH


@asynccontextmanager
async def serve(simulator: Simulator, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Served]:
    """Serve over HTTP inside the context; port 0 takes a free one. Installs no signal handlers.

    Raises AddressUnavailableError.
    """
    listener = _bind(host, port)
    config = uvicorn.Config(
        simulator.app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready(task)
        yield Served(host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listener.close()


@asynccontextmanager
async def serve_gateway(
    simulator: Simulator, host: str = "127.0.0.1", port: int = 0, *, tls: bool = False
) -> AsyncIterator[ServedGateway]:
    """Serve the container gateway inside the context; port 0 takes a free one.

    With `tls` the same port also speaks HTTPS. Raises AddressUnavailableError.
    """
    listener = _bind(host, port)
    async with serve_on(listener, simulator.platform, simulator.config.api_keys, tls=tls) as served:
        yield served


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that name their protocol; with it, each answer on a
    # kept connection waits some 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressUnavailableError(error.errno or errno.EINVAL, error.strerror or str(error), host, port) from error
    except OverflowError as error:
        listener.close()
        raise AddressUnavailableError(errno.EINVAL, f"{port} is no port", host, port) from error
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """A server in somebody else's event loop: signals are its host's business."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """As the base class, without its signal handlers."""
        await self._serve(sockets)

    async def ready(self, task: asyncio.Task[None]) -> None:
        """Return when it accepts connections; raises what ended it before."""
        while not self.started:
            if task.done():
                await task
                raise OSError("the HTTP server ended before it began")
            await asyncio.sleep(0.005)


class _Protocol(H11Protocol):
    """Tells the application its transport, so that a fault can cut the connection; speaks JSON where HTTP ends."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets the document's error object, as everything else does."""
        if not getattr(self.cycle, "response_started", False):  # there is none before the first request
            body = msgspec.json.encode(problem_body(400, msg, InvalidRequest.kind))
            head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()
