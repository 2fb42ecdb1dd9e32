"""One check against real servers on loopback: each handler's success and its failures."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scvk.saladcloud.models.probes import Probe, ProbeExec, ProbeGrpc, ProbeHttp, ProbeHttpHeader, ProbeTcp
from scvk.simulator.runtime.probing import run_check

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Host:
    """This machine in the place of an instance."""

    async def open_socket(self, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        sock = socket.socket(family, kind)
        sock.setblocking(False)
        return sock

    async def run(self, argv: Sequence[str]) -> int:
        process = await asyncio.create_subprocess_exec(*argv)
        return await process.wait()


@asynccontextmanager
async def server(serve: Serve, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, EOFError):
            pass  # the check has seen enough
        finally:
            writer.close()

    listening = await asyncio.start_server(once, host, 0, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def http_probe(
    port: int, scheme: str = "http", path: str = "/healthz", header: tuple[str, str] = ("X-A", "b")
) -> Probe:
    headers = (ProbeHttpHeader(name=header[0], value=header[1]),)
    return Probe(http=ProbeHttp(headers=headers, path=path, port=port, scheme=scheme))


def answering(line: bytes, seen: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(line + b"\r\n\r\n")
        await writer.drain()

    return serve


@pytest.mark.parametrize(
    ("line", "success"),
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.0 204 No Content", True),
        (b"HTTP/1.1 302 Found", True),
        (b"HTTP/1.1 404 Not Found", False),
        (b"HTTP/1.1 500 Oops", False),
        (b"HTTP/1.1 100", False),
        (b"SSH-2.0-OpenSSH", False),
        (b"", False),
        (b"x" * 1_000_000, False),
    ],
)
async def test_http(line: bytes, *, success: bool) -> None:
    async with server(answering(line)) as port:
        assert (await run_check(Host(), http_probe(port), 5)).success is success


async def test_http_sends_path_and_headers() -> None:
    seen: list[bytes] = []
    async with server(answering(b"HTTP/1.1 200 OK", seen)) as port:
        await run_check(Host(), http_probe(port, path="/a b?c=d"), 5)
    assert seen[0].startswith(b"GET /a%20b?c=d HTTP/1.1\r\n")
    assert b"\r\nX-A: b\r\n" in seen[0]


@pytest.mark.parametrize("name", ["Host", "host", "User-agent"])
async def test_a_header_of_the_probe_replaces_ours(name: str) -> None:
    """Servers refuse a request with two Host headers (RFC 9112, section 3.2)."""
    seen: list[bytes] = []
    async with server(answering(b"HTTP/1.1 200 OK", seen)) as port:
        await run_check(Host(), http_probe(port, header=(name, "theirs")), 5)
    sent = [line.partition(b": ") for line in seen[0].splitlines()]
    assert [value for key, _, value in sent if key.lower() == name.lower().encode()] == [b"theirs"]


async def test_ipv6_alone_is_enough() -> None:
    async with server(answering(b"HTTP/1.1 200 OK"), "::1") as port:
        assert (await run_check(Host(), http_probe(port), 5)).success


async def test_https_does_not_ask_who_it_is(tmp_path: Path) -> None:
    async with server(answering(b"HTTP/1.1 200 OK"), tls=self_signed(tmp_path)) as port:
        assert (await run_check(Host(), http_probe(port, "https"), 5)).success
        assert not (await run_check(Host(), http_probe(port, "http"), 5)).success


async def test_a_server_that_does_not_answer_runs_into_the_time_limit() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(silent) as port:
        outcome = await run_check(Host(), http_probe(port), 0.1)
    assert (outcome.success, outcome.reason) == (False, "no answer within 0.1 s")


async def test_tcp() -> None:
    async with server(answering(b"")) as port:
        assert (await run_check(Host(), Probe(tcp=ProbeTcp(port=port)), 5)).success
    assert not (await run_check(Host(), Probe(tcp=ProbeTcp(port=port)), 5)).success
    assert not (await run_check(Host(), Probe(tcp=ProbeTcp(port=0)), 5)).success


async def test_exec() -> None:
    assert (await run_check(Host(), Probe(exec=ProbeExec(command=("true",))), 5)).success
    outcome = await run_check(Host(), Probe(exec=ProbeExec(command=("sh", "-c", "exit 3"))), 5)
    assert (outcome.success, outcome.reason) == (False, "exit status 3")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


def message(body: bytes) -> bytes:
    return struct.pack(">BI", 0, len(body)) + body


@pytest.mark.parametrize(
    ("frames", "success"),
    [
        pytest.param([frame(DATA, 0, 1, message(SERVING))], True, id="serving"),
        pytest.param([frame(PING, 0, 0, b"12345678"), frame(DATA, 0, 1, message(SERVING))], True, id="after a ping"),
        pytest.param(
            [frame(DATA, 0, 1, message(SERVING)[:3]), frame(DATA, 0, 1, message(SERVING)[3:])], True, id="in two pieces"
        ),
        pytest.param([frame(DATA, 0, 1, message(NOT_SERVING))], False, id="not serving"),
        pytest.param([frame(DATA, 0, 1, message(b""))], False, id="unknown"),
        pytest.param([frame(HEADERS, 5, 1, b"\x88")], False, id="an error without a body"),
        pytest.param([frame(RST_STREAM, 0, 1, b"\0\0\0\1")], False, id="reset"),
        pytest.param([frame(GOAWAY, 0, 0, b"\0" * 8)], False, id="go away"),
        pytest.param([b"\xff\xff\xff" + b"\0" * 6], False, id="a frame too large"),
        pytest.param([b"HTTP/1.1 400 Bad Request\r\n\r\n"], False, id="no HTTP/2"),
    ],
)
async def test_grpc(frames: list[bytes], *, success: bool) -> None:
    seen = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readexactly(24))
        writer.write(frame(SETTINGS, 0, 0) + b"".join(frames))
        await writer.drain()
        seen.extend(await reader.read(65536))

    async with server(serve) as port:
        outcome = await run_check(Host(), Probe(grpc=ProbeGrpc(port=port, service="my.Service")), 2)
    assert outcome.success is success
    assert seen.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert b"/grpc.health.v1.Health/Check" in seen
    assert message(b"\x0a\x0amy.Service") in seen


def self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
