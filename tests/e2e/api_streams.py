"""Streams of the API server as cheap clients open them by the hundred: WebSocket channels of exec, followed logs."""

from __future__ import annotations

import asyncio
import base64
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import yaml

from scvk.kubelet.api.channels import REMOTE_COMMAND_PROTOCOLS
from tests.e2e.stage import Stage
from tests.integration.kubelet_api.remote_clients import WEBSOCKET, Channels
from tests.integration.kubelet_api.served import Wire

V5 = REMOTE_COMMAND_PROTOCOLS[0]
CLOSE = 255


class ApiStreams:
    """Opens them as the testbed's administrator."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        config = yaml.safe_load(stage.testbed.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._address = urlsplit(cluster["server"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder) / "pair"
            pair.write_bytes(
                base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
            )
            self._context.load_cert_chain(pair)

    @asynccontextmanager
    async def exec(self, pod: str, words: Sequence[str]) -> AsyncIterator[Channels]:
        """Run a command with input and output until the end of the block: the client then vanishes without a word."""
        query = urlencode([("stdin", "1"), ("stdout", "1"), ("stderr", "1"), *(("command", word) for word in words)])
        async with self._open(f"{pod}/exec?{query}", *WEBSOCKET, f"Sec-WebSocket-Protocol: {V5.name}") as wire:
            head = await wire.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head + await wire.read()
            yield Channels(wire, V5)

    @asynccontextmanager
    async def followed(self, pod: str) -> AsyncIterator[asyncio.StreamReader]:
        """Follow a pod's log until the end of the block."""
        async with self._open(f"{pod}/log?follow=true&sinceSeconds=1") as wire:
            head = await wire.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head + await wire.read()
            yield wire.reader

    @asynccontextmanager
    async def _open(self, path: str, *headers: str) -> AsyncIterator[Wire]:
        host, port = self._address.hostname or "", self._address.port or 443
        reader, writer = await asyncio.open_connection(host, port, ssl=self._context)
        try:
            start = f"GET /api/v1/namespaces/{self._stage.namespace}/pods/{path} HTTP/1.1"
            upgrade = ["Connection: Upgrade"] if headers else []
            writer.write("\r\n".join([start, f"Host: {host}:{port}", *upgrade, *headers, "", ""]).encode())
            yield Wire(reader, writer)
        finally:
            writer.transport.abort()
