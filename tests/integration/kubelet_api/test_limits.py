"""What clients may take up: time before anybody knows who calls, connections, tokens, and heads of requests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from scvk.kubelet.api.listener import Limits
from tests.integration.kubelet_api.served import ADMIN_TOKEN, Served, served

PATH = "/pods"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def opened(api: Served, *, tls: bool, said: str = "") -> AsyncIterator[Connection]:
    """A connection that has said so much, and nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, ssl=api.context() if tls else None)
    try:
        writer.write(said.encode())
        await writer.drain()
        yield reader, writer
    finally:
        writer.transport.abort()


async def ends(connection: Connection, *, within: float = 5.0) -> bytes:
    """Wait until the server ends a connection; return what it said."""
    async with asyncio.timeout(within):
        try:
            return await connection[0].read()
        except (ConnectionError, ssl.SSLError):
            return b""


async def works(api: Served) -> bool:
    async with api.client(token=ADMIN_TOKEN) as client:
        return (await client.get(PATH)).status_code == 200


async def test_a_handshake_that_never_ends_is_cut_off() -> None:
    async with served(limits=Limits(handshake_within_s=0.2)) as api, opened(api, tls=False) as silent:
        assert await ends(silent) == b""


async def test_a_head_that_comes_drop_by_drop_is_cut_off() -> None:
    async with served(limits=Limits(request_within_s=0.3)) as api, opened(api, tls=True, said="GET ") as slow:

        async def drip() -> None:
            while True:
                slow[1].write(b"x")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await ends(slow) == b""
        dripping.cancel()


async def test_a_connection_that_says_nothing_is_cut_off() -> None:
    async with served(limits=Limits(request_within_s=0.2)) as api, opened(api, tls=True) as silent:
        assert await ends(silent) == b""


async def test_silent_connections_keep_nobody_out() -> None:
    limits = Limits(strangers=8, handshake_within_s=60, request_within_s=60)
    async with served(limits=limits) as api:
        silent = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(30)]
        try:
            assert await works(api)
            await asyncio.gather(*(ends(one) for one in silent[:20]))
        finally:
            for _, writer in silent:
                writer.transport.abort()


async def test_who_is_let_in_is_not_cut_off_by_others() -> None:
    limits = Limits(strangers=4, handshake_within_s=60, request_within_s=60)
    async with served(limits=limits) as api, api.client(token=ADMIN_TOKEN) as client:
        async with client.stream("GET", "/containerLogs/shop/web-0/app?follow=true") as answer:
            lines = answer.aiter_bytes()
            assert (await anext(lines)).startswith(b"line 0")
            silent = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(12)]
            await asyncio.gather(*(ends(one) for one in silent[:8]))
            assert not api.provider.cancelled.is_set()
            for _, writer in silent:
                writer.transport.abort()
        async with asyncio.timeout(5):
            await api.provider.cancelled.wait()


async def test_the_number_of_connections_is_bounded() -> None:
    async with served(limits=Limits(connections=3)) as api:
        async with api.client(token=ADMIN_TOKEN) as first, api.client(token=ADMIN_TOKEN) as second:
            for client in (first, second):
                assert (await client.get(PATH)).status_code == 200
            async with api.client(token=ADMIN_TOKEN) as third, api.client(token=ADMIN_TOKEN) as fourth:
                assert (await third.get(PATH)).status_code == 200
                try:
                    answer = await fourth.get(PATH)
                except httpx2.TransportError:
                    answer = None
                assert answer is None
        assert await works(api), "and room is made by those who go"


async def test_a_head_of_any_size_is_refused() -> None:
    async with served() as api, opened(api, tls=True) as large:

        async def pour() -> None:
            large[1].write(b"GET / HTTP/1.1\r\nHost: kubelet\r\nX-Large: ")
            for _ in range(64):
                large[1].write(b"x" * 16 * 1024)
                await large[1].drain()

        pouring = asyncio.create_task(pour())
        said = await ends(large)
        await asyncio.gather(pouring, return_exceptions=True)
        assert said.split(b" ")[1] == b"400"
        assert await works(api)


async def test_tokens_cannot_be_tried_out() -> None:
    async with served(monotonic=lambda: 0.0) as api:
        statuses = []
        for number in range(40):
            async with api.client(token=f"guess-{number}") as client:
                answer = await client.get(PATH)
                statuses.append(answer.status_code)
                assert answer.headers["connection"] == "close"
        assert statuses == [401] * 20 + [429] * 20
        assert sum("tokenreviews" in path for path in api.reviewer.asked) == 20
        async with api.client(api.api_server()) as api_server:
            assert (await api_server.get(PATH)).status_code == 200, "a certificate needs no attempt"


async def test_who_was_known_before_is_not_kept_out_by_a_neighbour_who_guesses() -> None:
    async with served() as api:
        assert await works(api)
        for number in range(30):
            async with api.client(token=f"guess-{number}") as client:
                await client.get(PATH)
        assert await works(api)


async def test_an_anonymous_request_keeps_no_connection() -> None:
    request = f"GET {PATH} HTTP/1.1\r\nHost: kubelet\r\n\r\n"
    async with served() as api, opened(api, tls=True, said=request) as anonymous:
        assert (await ends(anonymous)).split(b" ")[1] == b"401"
