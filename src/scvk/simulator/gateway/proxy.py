"""One client connection of the gateway: each request goes to an instance, its answer comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import h11

from scvk.simulator.gateway.exchange import Exchange, close
from scvk.simulator.gateway.pages import page, phrase
from scvk.simulator.gateway.routing import Balancer, Destination, Refused, Router
from scvk.simulator.gateway.upstream import connect

KEY_HEADER = b"salad-api-key"
REASON_HEADER = b"X-Scvk-Reason"
# "Currently the maximum request size is set to 1GB" (SaladCloud, "Container Gateway: Error Pages").
LARGEST_BODY = 1_000_000_000
# "Idle connections get terminated after 100 seconds" (SaladCloud, "WebSockets").
_IDLE_S = 100.0
_PIPE_SIZE = 64 * 1024
# Belong to one connection and not to the message (RFC 9110, section 7.6.1).
_OF_THE_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)


class Proxy:
    """Serves client connections; `scheme` and the client's address are told to the program."""

    def __init__(self, router: Router, balancer: Balancer, idle_s: float = _IDLE_S) -> None:
        self._router = router
        self._balancer = balancer
        self._idle_s = idle_s

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until either side closes. Raises nothing."""
        client = Exchange(h11.SERVER, reader, writer)
        try:
            while True:
                async with asyncio.timeout(self._idle_s):
                    request = await client.receive()
                if not isinstance(request, h11.Request) or not await self._answer(client, request):
                    break
                client.http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._complain(client, error)
        except (OSError, TimeoutError, h11.LocalProtocolError):
            pass  # the client is gone, or has nothing to say
        finally:
            await close(writer)

    async def _complain(self, client: Exchange, error: h11.RemoteProtocolError) -> None:
        if client.http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            try:
                await _refuse(client, Refused(400, str(error)))
            except (OSError, h11.LocalProtocolError):
                pass  # nobody reads it

    async def _answer(self, client: Exchange, request: h11.Request) -> bool:
        """Answer one request; whether another may follow on the connection."""
        headers = dict(request.headers)
        try:
            destination = self._router.find(headers.get(b"host", b"").decode("latin-1"))
            key = headers.get(KEY_HEADER)
            self._router.admit(destination, key.decode("latin-1") if key is not None else None)
            _limit(int(headers.get(b"content-length", b"0")))
            async with self._balancer.instance(destination) as instance:
                reader, writer = await connect(instance, destination.port)
                try:
                    program = Exchange(h11.CLIENT, reader, writer)
                    return await self._pass_on(client, program, request, destination)
                finally:
                    await close(writer)
        except Refused as refused:
            if client.http.our_state is not h11.SEND_RESPONSE:
                client.abort()  # in the middle of an answer there is no other way to tell
                return False
            await _refuse(client, refused)
            return _both_are_done(client)

    async def _pass_on(
        self, client: Exchange, program: Exchange, request: h11.Request, destination: Destination
    ) -> bool:
        """Raises Refused, OSError of the client's side and h11.RemoteProtocolError of the client's."""
        upload = asyncio.create_task(self._send_request(client, program, request))
        head = asyncio.create_task(_receive(program))
        try:
            await asyncio.wait({upload, head}, return_when=asyncio.FIRST_COMPLETED)
            if not head.done():
                upload.result()  # raises what went wrong with it
                timeout_s = destination.timeout_s("server_response_timeout")
                if not (await asyncio.wait({head}, timeout=timeout_s))[0]:
                    raise Refused(524, "the server response timeout is over")
            answer = head.result()
            if isinstance(answer, h11.InformationalResponse) and answer.status_code == 101:
                await client.send(h11.InformationalResponse(status_code=101, headers=answer.headers))
                await self._pipe(client, program)
                return False
            await self._send_answer(client, program, answer)
        finally:
            for task in (upload, head):
                task.cancel()
            await asyncio.gather(upload, head, return_exceptions=True)
        return _both_are_done(client)

    async def _send_request(self, client: Exchange, program: Exchange, request: h11.Request) -> None:
        """Head and body to the program. Raises Refused, and what is wrong with the client's side."""
        try:
            await program.send(
                h11.Request(
                    method=request.method,
                    target=_origin_form(request.target),
                    headers=_request_headers(client, request),
                )
            )
        except OSError:
            return  # the program does not want it; its answer, or that there is none, comes by the other way
        size = 0
        while True:
            async with asyncio.timeout(self._idle_s):
                event = await client.receive()
            if isinstance(event, h11.Data):
                size += len(event.data)
                _limit(size)
                event = h11.Data(data=bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                event = h11.EndOfMessage()
            else:
                raise ConnectionResetError("the client is gone")
            try:
                await program.send(event)
            except (OSError, h11.LocalProtocolError):
                return
            if isinstance(event, h11.EndOfMessage):
                return

    async def _send_answer(self, client: Exchange, program: Exchange, answer: h11.Event) -> None:
        """Raises Refused before the first byte, and what is wrong with the client's side."""
        while True:
            if isinstance(answer, h11.Response):
                headers = _kept(answer.headers)
                await client.send(h11.Response(status_code=answer.status_code, headers=headers, reason=answer.reason))
            elif isinstance(answer, h11.Data):
                await client.send(h11.Data(data=bytes(answer.data)))
            elif isinstance(answer, h11.EndOfMessage):
                await client.send(h11.EndOfMessage())
                return
            elif not isinstance(answer, h11.InformationalResponse):
                raise Refused(502, "the program closed the connection without an answer")
            try:
                async with asyncio.timeout(self._idle_s):
                    answer = await _receive(program)
            except TimeoutError:
                raise Refused(524, "the program sends nothing any more") from None

    async def _pipe(self, client: Exchange, program: Exchange) -> None:
        """After a change of protocol: bytes both ways, until either side ends or both are silent too long."""
        loop = asyncio.get_running_loop()
        spoke_at = loop.time()

        async def pump(start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal spoke_at
            data = start or await reader.read(_PIPE_SIZE)
            while data:
                spoke_at = loop.time()
                writer.write(data)
                await writer.drain()
                data = await reader.read(_PIPE_SIZE)
            if writer.can_write_eof():
                writer.write_eof()

        pumps = [
            asyncio.create_task(pump(client.http.trailing_data[0], client.reader, program.writer)),
            asyncio.create_task(pump(program.http.trailing_data[0], program.reader, client.writer)),
        ]
        try:
            pending = set(pumps)
            while pending and (left_s := spoke_at + self._idle_s - loop.time()) > 0:
                done, pending = await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() for task in done):
                    break
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)


def _limit(size: int) -> None:
    """Raises Refused for a body of more bytes than are passed on."""
    if size > LARGEST_BODY:
        raise Refused(413, f"the body is larger than {LARGEST_BODY} bytes")


def _both_are_done(client: Exchange) -> bool:
    """Whether request and answer are complete, so that the connection can serve another."""
    return client.http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


async def _receive(program: Exchange) -> h11.Event:
    """The program's next event. Raises Refused when it does not speak HTTP, or nothing at all."""
    try:
        event = await program.receive()
    except h11.RemoteProtocolError as error:
        raise Refused(502, f"the program's answer is no HTTP: {error}") from error
    except OSError as error:
        raise Refused(502, f"the program cut the connection: {error.strerror or error}") from error
    if not isinstance(event, h11.Event):
        raise Refused(502, "the program speaks out of turn")
    return event


def _origin_form(target: bytes) -> bytes:
    """Path and query of a target that names a host too, as clients of proxies write it."""
    scheme, found, rest = target.partition(b"://")
    if not found or scheme.lower() not in {b"http", b"https"}:
        return target
    path = rest[len(re.split(rb"[/?]", rest, maxsplit=1)[0]) :]
    return path if path.startswith(b"/") else b"/" + path


def _request_headers(client: Exchange, request: h11.Request) -> list[tuple[bytes, bytes]]:
    headers = _kept(request.headers)
    for name, value in request.headers:
        if name == b"transfer-encoding" and b"chunked" in value.lower():
            headers.append((name, b"chunked"))
    upgrade = dict(request.headers).get(b"upgrade")
    if upgrade is not None:
        headers += [(b"Connection", b"Upgrade"), (b"Upgrade", upgrade)]
    else:
        headers.append((b"Connection", b"close"))
    peer = client.writer.get_extra_info("peername")
    scheme = b"https" if client.writer.get_extra_info("ssl_object") is not None else b"http"
    return [*headers, (b"X-Forwarded-For", str(peer[0]).encode()), (b"X-Forwarded-Proto", scheme)]


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Those that belong to the message; `Connection` may name more that do not."""
    pairs = list(headers)
    named = {part.strip().lower() for name, value in pairs if name == b"connection" for part in value.split(b",")}
    return [(name, value) for name, value in pairs if name not in _OF_THE_CONNECTION | named]


async def _refuse(client: Exchange, refused: Refused) -> None:
    body = page(refused.status)
    reason = refused.reason.encode("ascii", "replace")
    headers = [
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Length", str(len(body)).encode()),
        (REASON_HEADER, b" ".join(reason.split())),
    ]
    await client.send(h11.Response(status_code=refused.status, headers=headers, reason=phrase(refused.status).encode()))
    # A request without a body is complete, and the connection can serve another.
    if client.http.their_state is h11.SEND_BODY:
        client.http.next_event()
    await client.send(h11.Data(data=body))
    await client.send(h11.EndOfMessage())
