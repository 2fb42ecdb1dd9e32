"""The kubelet's API over TLS on loopback, with an API server and a provider that are made up; and its clients."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from lightkube.models.core_v1 import Container, PodSpec, PodStatus
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.api.listener import Limits, listening_socket
from scvk.kubelet.api.server import ApiDoor, KubeletApi
from scvk.kubelet.api.serving_certificate import self_signed
from scvk.kubelet.capabilities import (
    Capabilities,
    CommandStreams,
    NotPossible,
    PortConnection,
    RemoteCommand,
)
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.log_source import LogLine, LogRequest, NoLog
from scvk.kubelet.own_usage import OwnUsage
from scvk.kubelet.provider import PodKey
from scvk.kubelet.usage_source import PodUsage, Usage, UsageSample
from scvk.testbed.certificates import Authority, KeyPair

NODE = "node-1"
POD = Pod(
    metadata=ObjectMeta(name="web-0", namespace="shop", uid="uid-1"),
    spec=PodSpec(containers=[Container(name="app", image="web")]),
    status=PodStatus(phase="Running"),
)
ADMIN_TOKEN, READER_TOKEN, POOR_TOKEN, EXPIRED_TOKEN, METER_TOKEN = "admin", "reader", "poor", "expired", "meter"


class Pods:
    """The pods of the node."""

    def get(self, key: PodKey) -> Pod | None:
        return POD if key == PodKey("shop", "web-0") else None

    def pods(self) -> tuple[Pod, ...]:
        return (POD,)


class Provider:
    """Echoes commands and connections; shows the log lines it is given."""

    def __init__(self) -> None:
        self.lines = [LogLine(datetime(2026, 1, 2, 3, 4, 5, 678, UTC), f"line {n}") for n in range(3)]
        self.asked: list[LogRequest] = []
        self.commands: list[RemoteCommand] = []
        self.sizes: list[tuple[int, int]] = []
        self.cancelled = asyncio.Event()
        self.usage_fails = False

    def usage(self, pods: Sequence[Pod]) -> Usage:
        if self.usage_fails:
            raise RuntimeError("a defect")
        sample = UsageSample(1700000060, 30, 2048, 0.5)
        return Usage(sample, tuple(PodUsage("shop", "web-0", "uid-1", "app", sample) for _ in pods))

    async def logs(
        self, _pod: Pod, request: LogRequest, _latest: Callable[[], Pod | None]
    ) -> AsyncGenerator[LogLine, None]:
        self.asked.append(request)
        if request.previous:
            raise NoLog("previous terminated container app in pod web-0 not found")
        for line in self.lines:
            yield line
        if request.follow:
            await self._forever()

    async def _forever(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def run(self, _pod: Pod, _container: str, command: RemoteCommand, streams: CommandStreams) -> int:
        self.commands.append(command)
        match command.words:
            case ("cat",):
                while data := await streams.read_stdin():
                    await streams.write_stdout(data)
                return 0
            case ("fail", code):
                await streams.write_stdout(b"out")
                await streams.write_stderr(b"err")
                return int(code)
            case ("pour", count):
                for _ in range(int(count) // 1000):
                    await streams.write_stdout(b"x" * 1000)
                return 0
            case ("size",):
                size = await streams.next_size()
                assert size is not None
                await streams.write_stdout(f"{size.width}x{size.height}".encode())
                return 0
            case ("hang",):
                await streams.write_stdout(b"hanging")
                await self._forever()
                return 0
            case _:
                raise NotPossible("no SSH key is configured")

    async def connect(self, _pod: Pod, port: int) -> PortConnection:
        if port == 81:
            raise NotPossible("connection refused")
        return Echo()


class Echo:
    """A connection whose other side says everything in capitals, and ends when we do."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(4)

    async def read(self) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        await self._queue.put(data.upper())

    def write_eof(self) -> None:
        asyncio.get_running_loop().create_task(self._queue.put(b"")).add_done_callback(lambda task: task.result())

    def close(self) -> None:
        pass


@dataclass
class Reviewer:
    """The API server: knows four tokens, and who may do what."""

    authority: Authority
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    _rotated: asyncio.Event = field(default_factory=asyncio.Event)
    rights: Mapping[str, set[tuple[str, str]] | None] = field(
        default_factory=lambda: {
            "apiserver": None,  # may do everything
            "admin": None,
            "reader": {("get", "proxy")},
            "poor": set(),
            "meter": {("get", "metrics"), ("get", "stats")},
            "nobody-special": set(),
        }
    )

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append(path)
        if self.is_down:
            return httpx2.Response(503, text="down")
        if path.endswith("/configmaps/extension-apiserver-authentication"):
            return self._json(self._config_map())
        if path.endswith("/configmaps"):
            assert request.url.params["fieldSelector"] == "metadata.name=extension-apiserver-authentication"
            return httpx2.Response(200, content=self._changes())
        spec = json.loads(request.content)["spec"]
        if path.endswith("/tokenreviews"):
            known = spec["token"] in (ADMIN_TOKEN, READER_TOKEN, POOR_TOKEN, METER_TOKEN)
            status = {"authenticated": known, "user": {"username": spec["token"]} if known else {}}
            return self._json({"kind": "TokenReview", "metadata": {}, "status": status})
        assert path.endswith("/subjectaccessreviews")
        wanted = spec["resourceAttributes"]
        assert (wanted["resource"], wanted["name"]) == ("nodes", NODE)
        assert "system:authenticated" in spec["groups"]
        rights = self.rights[spec["user"]]
        allowed = rights is None or (wanted["verb"], wanted["subresource"]) in rights
        return self._json({"kind": "SubjectAccessReview", "metadata": {}, "status": {"allowed": allowed}})

    def rotate(self, authority: Authority) -> None:
        """Let the cluster have another authority."""
        self.authority = authority
        self._rotated.set()

    def _config_map(self) -> dict[str, Any]:
        data = {"client-ca-file": self.authority.pair.certificate.decode()}
        metadata = {"name": "extension-apiserver-authentication", "namespace": "kube-system", "resourceVersion": "7"}
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data}

    async def _changes(self) -> AsyncIterator[bytes]:
        while True:
            yield json.dumps({"type": "MODIFIED", "object": self._config_map()}).encode() + b"\n"
            await self._rotated.wait()
            self._rotated.clear()

    @staticmethod
    def _json(body: dict[str, Any]) -> httpx2.Response:
        return httpx2.Response(201, json=body)


@dataclass
class Served:
    """The API, and what its clients need."""

    port: int
    provider: Provider
    reviewer: Reviewer
    ailment: list[str]
    plain_port: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def context(self, pair: KeyPair | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if pair is not None:
            with tempfile.TemporaryDirectory() as folder:
                chain, key = Path(folder) / "crt", Path(folder) / "key"
                chain.write_bytes(pair.certificate)
                key.write_bytes(pair.key)
                context.load_cert_chain(chain, key)
        return context

    def api_server(self) -> KeyPair:
        return self.reviewer.authority.client("apiserver")

    @asynccontextmanager
    async def client(self, pair: KeyPair | None = None, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(
            base_url=self.url, verify=self.context(pair), headers=headers, trust_env=False, timeout=10
        ) as client:
            yield client

    @asynccontextmanager
    async def upgraded(
        self, path: str, *headers: str, pair: KeyPair | None = None, method: str = "GET"
    ) -> AsyncIterator[tuple[str, Wire]]:
        """Send a request for an upgrade; yields the head of the answer and the connection behind it."""
        context = self.context(pair or self.api_server())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        try:
            lines = [f"{method} {path} HTTP/1.1", "Host: kubelet", "Connection: Upgrade", *headers]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            async with asyncio.timeout(10):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            yield head, Wire(reader, writer)
        finally:
            writer.transport.abort()


@dataclass
class Wire:
    """A client's `ByteStream`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        try:
            return await self.reader.read(65536)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def served(
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    limits: Limits | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Served]:
    """Serve the API while the block runs."""
    reviewer = Reviewer(Authority("clients", datetime.now(UTC)))
    provider, ailment = Provider(), [""]
    certificate = self_signed(NODE, "127.0.0.1", datetime.now(UTC))
    listening = listening_socket("127.0.0.1", 0)
    can = Capabilities(provider, provider, provider, provider)
    plain = listening_socket("127.0.0.1", 0)
    door = ApiDoor(
        listening,
        lambda: certificate,
        {"nodeName": NODE},
        monotonic,
        lambda: OwnUsage(1700000000, 1.5, 1024),
        plain,
    )
    transport = httpx2.MockTransport(reviewer)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as http:
        api = KubeletApi(
            door, Cluster(http), Pods(), can, lambda: ailment[0] or None, node=NODE, now=now, limits=limits
        )
        task = asyncio.create_task(api.run())
        try:
            yield Served(door.port, provider, reviewer, ailment, plain.getsockname()[1])
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
