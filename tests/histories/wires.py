"""The two connections of an agent in a process of its own: to the API server and to SaladCloud. They can be cut.

A cut wire is what SIGKILL leaves of a process: nothing that it still sends arrives, nothing that was on its way to
it is heard, and what its last requests did has happened all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx2
from starlette.types import ASGIApp

from scvk.simulator.api.gate import ConnectionDroppedError
from tests.histories.traffic import Traffic


class Wire(httpx2.AsyncBaseTransport):
    """Passes requests on to `inner` until it is cut."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self._cut = False

    def cut(self) -> None:
        """Let nothing through any more."""
        self._cut = True

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass one request on."""
        if self._cut:
            raise httpx2.ConnectError("the process is gone")
        response = await self._inner.handle_async_request(request)
        if self._cut:
            raise httpx2.ReadError("the process is gone")
        return response


class InProcess(httpx2.AsyncBaseTransport):
    """An ASGI application as a transport. Answers stream; a connection that it drops is a ReadError."""

    def __init__(self, app: ASGIApp, traffic: Traffic | None = None) -> None:
        self._app = app
        self._traffic = traffic or Traffic()
        self._running: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve one request; its answer's body is read as the application sends it."""
        body = await request.aread()
        what = f"{request.method} {request.url.raw_path.decode()}"
        self._traffic.note(what, body)
        gone = asyncio.Event()
        sent: asyncio.Queue[MutableMapping[str, Any] | BaseException] = asyncio.Queue()
        taken = False

        async def receive() -> dict[str, Any]:
            nonlocal taken
            if not taken:
                taken = True
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            self._traffic.note(f"{what}: {message.get('status', 'more')}", message.get("body", b""))
            sent.put_nowait(message)

        async def serve() -> None:
            try:
                await self._app(_scope(request), receive, send)
            except ConnectionDroppedError:
                sent.put_nowait(httpx2.ReadError("the connection was dropped"))
            except Exception as error:  # noqa: BLE001 - a defect of the application is the test's to see
                sent.put_nowait(error)

        task = asyncio.create_task(serve())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            first = await sent.get()
        except BaseException:
            gone.set()
            raise
        if isinstance(first, BaseException):
            raise first
        return httpx2.Response(first["status"], headers=first["headers"], content=_body(sent, gone))


async def _body(
    sent: asyncio.Queue[MutableMapping[str, Any] | BaseException], gone: asyncio.Event
) -> AsyncIterator[bytes]:
    try:
        while True:
            message = await sent.get()
            if isinstance(message, BaseException):
                raise message
            yield message.get("body", b"")
            if not message.get("more_body"):
                return
    finally:
        gone.set()


def straight(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Let a client send straight to its transport: no redirects, cookies or logins, which no history has.

    They cost as much as the rest of a request, and there are thousands in a history.
    """
    transport = client._transport

    async def send(request: httpx2.Request, *, stream: bool = False, **_: Any) -> httpx2.Response:
        response = await transport.handle_async_request(request)
        response.request = request
        if not stream:
            await response.aread()
        return response

    setattr(client, "send", send)  # noqa: B010 - of this one object
    return client


def _scope(request: httpx2.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?", 1)[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": (request.url.host, request.url.port or 80),
        "state": {},
    }
