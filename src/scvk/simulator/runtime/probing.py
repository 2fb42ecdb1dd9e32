"""One check of a running program: http, https, tcp, grpc or exec, inside its own namespaces.

Sockets are made inside the instance's network namespace and then used from here like any other, so a check
costs no process; only `exec` starts one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote

from scvk.saladcloud.models.probes import Probe, ProbeHttp
from scvk.simulator.runtime import grpc_health
from scvk.simulator.runtime.contract import ProbeOutcome

# The program may listen on either family; the platform wants IPv6 for its gateway and says nothing about
# probes.
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_USER_AGENT = "saladcloud-probe"
_LONGEST_STATUS_LINE = 4096


class Probed(Protocol):
    """What a check needs of a container."""

    async def open_socket(self, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A non-blocking socket inside its network. Raises OSError."""

    async def run(self, argv: Sequence[str]) -> int:
        """A command inside it; its exit status. Raises OSError."""


async def run_check(container: Probed, probe: Probe, timeout_s: float) -> ProbeOutcome:
    """Check once; every failure is an outcome, never an exception. `timeout_s` is real seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _check(container, probe)
    except TimeoutError:
        return ProbeOutcome(False, f"no answer within {timeout_s:g} s")
    except (OSError, EOFError, ValueError) as error:
        return ProbeOutcome(False, str(error) or type(error).__name__)


async def _check(container: Probed, probe: Probe) -> ProbeOutcome:
    if probe.http is not None:
        return await _check_http(container, probe.http)
    if probe.tcp is not None:
        _, writer = await _connect(container, probe.tcp.port or 0)
        await _close(writer)
        return ProbeOutcome(True)
    if probe.grpc is not None:
        reader, writer = await _connect(container, probe.grpc.port or 0)
        try:
            serving = await grpc_health.check(reader, writer, probe.grpc.service or "")
        finally:
            await _close(writer)
        return ProbeOutcome(serving, "" if serving else "the service does not say SERVING")
    if probe.exec is not None:
        status = await container.run(probe.exec.command or ())
        return ProbeOutcome(status == 0, "" if status == 0 else f"exit status {status}")
    return ProbeOutcome(False, "the probe has no handler")


async def _check_http(container: Probed, http: ProbeHttp) -> ProbeOutcome:
    context: ssl.SSLContext | None = None
    if http.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # a probe asks for life, not for identity, as Kubernetes does it
    reader, writer = await _connect(container, http.port or 0, context)
    try:
        writer.write(_request(http))
        await writer.drain()
        line = await reader.readline()
    finally:
        await _close(writer)
    parts = line[:_LONGEST_STATUS_LINE].split()
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        return ProbeOutcome(False, "the answer is no HTTP")
    status = int(parts[1])
    return ProbeOutcome(200 <= status < 400, f"HTTP status {status}")


def _request(http: ProbeHttp) -> bytes:
    path = http.path or "/"
    target = quote(path if path.startswith("/") else "/" + path, safe="/?#[]@!$&'()*+,;=%:-._~")
    headers = [(header.name or "", header.value or "") for header in http.headers or ()]
    named = {name.lower() for name, _ in headers}
    ours = (("Host", f"localhost:{http.port}"), ("User-Agent", _USER_AGENT), ("Connection", "close"))
    headers = [(name, value) for name, value in ours if name.lower() not in named] + headers
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8")


async def _connect(
    container: Probed, port: int, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first loopback address that answers. Raises OSError."""
    if not 0 < port < 65536:
        raise OSError(f"port {port} cannot be connected to")
    failure: OSError | None = None
    for family, address in _LOOPBACKS:
        try:
            sock = await container.open_socket(family)
        except OSError as error:
            failure = error
            continue
        try:
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            if context is None:
                return await asyncio.open_connection(sock=sock)
            return await asyncio.open_connection(sock=sock, ssl=context, server_hostname="localhost")
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure or OSError("no address to connect to")


async def _close(writer: asyncio.StreamWriter) -> None:
    # Abort and not close: a TLS goodbye would wait for a program that may hang.
    writer.transport.abort()
    try:
        await writer.wait_closed()
    except OSError:
        pass  # the connection's own end, of which the outcome has told already
