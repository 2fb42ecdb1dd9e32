"""Commands and ports of a pod whose group runs in a simulator with real processes and real SSH."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncssh
from lightkube.models.core_v1 import Container, EphemeralContainer, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.capabilities import RemoteCommand, TerminalSize
from scvk.provider.cloud_view import CloudView
from scvk.provider.remote_commands.access import RemoteAccess
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.exchange import http_client
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.connection import SshConnection, connect
from scvk.saladcloud.ssh.pool import SharedConnections
from tests.integration.simulator.logins import KEY as SSH_KEY
from tests.integration.simulator.stage import KEY, Stage

GROUP = "web"
POD = Pod(
    metadata=ObjectMeta(name="web-0", namespace="shop", uid="uid-1"),
    spec=PodSpec(
        containers=[Container(name="app", image="web"), Container(name="sidecar", image="proxy")],
        initContainers=[Container(name="first", image="web")],
        ephemeralContainers=[EphemeralContainer(name="debugger", image="busybox")],
    ),
)


@dataclass
class Client:
    """A client's ends of a command's streams."""

    stdin: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    sizes: asyncio.Queue[TerminalSize | None] = field(default_factory=asyncio.Queue)
    out: bytes = b""
    err: bytes = b""
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.reads.set()

    async def read_stdin(self) -> bytes:
        return await self.stdin.get()

    async def write_stdout(self, data: bytes) -> None:
        await self.reads.wait()
        self.out += data
        self.arrived.set()

    async def write_stderr(self, data: bytes) -> None:
        self.err += data

    async def next_size(self) -> TerminalSize | None:
        return await self.sizes.get()

    async def until(self, words: bytes) -> None:
        async with asyncio.timeout(20):
            while words not in self.out:
                self.arrived.clear()
                await self.arrived.wait()


@dataclass
class Visitor:
    """What a test does with the pod."""

    access: RemoteAccess
    connections: SharedConnections
    view: CloudView
    key: asyncssh.SSHKey = SSH_KEY
    logins: list[SshAddress] = field(default_factory=list)

    async def run(
        self,
        *words: str,
        container: str = "app",
        stdin: bytes | None = None,
        tty: bool = False,
        client: Client | None = None,
    ) -> tuple[int, bytes, bytes]:
        client = client or Client()
        if stdin is not None:
            client.stdin.put_nowait(stdin)
            client.stdin.put_nowait(b"")
        command = RemoteCommand(tuple(words), stdin is not None, tty)
        async with asyncio.timeout(60):
            code = await self.access.commands.run(POD, container, command, client)
        return code, client.out, client.err

    def begin(self, *words: str, client: Client, tty: bool = False) -> asyncio.Task[int]:
        command = RemoteCommand(tuple(words), stdin=True, tty=tty)
        return asyncio.create_task(self.access.commands.run(POD, "app", command, client))


@asynccontextmanager
async def visiting(simulated: Stage, *, with_key: bool = True) -> AsyncIterator[Visitor]:
    """Visit the pod while the block runs."""
    logins: list[SshAddress] = []

    async def log_in(address: SshAddress) -> SshConnection:
        logins.append(address)
        return await connect(address, lambda: visitor.key)

    connections, view = SharedConnections(log_in), CloudView()
    async with SaladCloudClient(
        http_client("test"),
        api_url=simulated.served.base_url,
        api_key=KEY,
        organization="acme-corp",
        project="default",
        budget=RequestBudget(time.monotonic),
    ) as client:
        access = RemoteAccess(
            client, view, lambda _: GROUP, connections if with_key else None, now=lambda: datetime.now(UTC)
        )
        visitor = Visitor(access, connections, view, logins=logins)
        try:
            yield visitor
        finally:
            await access.aclose()
