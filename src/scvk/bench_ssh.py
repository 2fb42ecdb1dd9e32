"""SSH into an instance of `scvk simulate`: round trips of commands, streams both ways, and SFTP."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import httpx2

from scvk.bench_process import started_simulator

ROUND_TRIPS = 50
STREAMS = 5
MEGABYTES = 50
_KEY = "bench-key"
_DEADLINE_S = 60.0
_DATA = bytes(MEGABYTES * 1_000_000)


@dataclass(frozen=True)
class Measured:
    """Milliseconds of logging in and of `true` on an open connection; MB/s to and from a command and a file."""

    login_ms: tuple[float, ...]
    exec_ms: tuple[float, ...]
    upload: tuple[float, ...]
    download: tuple[float, ...]
    put: tuple[float, ...]
    get: tuple[float, ...]


async def measure() -> Measured:
    """With asyncssh on both sides, in processes of their own; needs Linux namespaces."""
    with tempfile.TemporaryDirectory(prefix="scvk-bench-") as folder:
        key = asyncssh.generate_private_key("ssh-ed25519")
        authorized = Path(folder) / "keys"
        authorized.write_bytes(key.export_public_key())
        async with _instance(authorized) as instance:
            login_ms = [1000 * await _seconds(lambda: _log_in_and_out(instance, key)) for _ in range(STREAMS)]
            async with _connected(instance, key) as connection:
                return Measured(tuple(login_ms), *await _commands(connection), *await _files(connection, Path(folder)))


async def _commands(
    connection: asyncssh.SSHClientConnection,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    async def run(command: str, data: bytes = b"") -> None:
        await connection.run(command, input=data, encoding=None, check=True)

    trips = [1000 * await _seconds(lambda: run("true")) for _ in range(ROUND_TRIPS)]
    up = [MEGABYTES / await _seconds(lambda: run("cat > /dev/null", _DATA)) for _ in range(STREAMS)]
    down = [MEGABYTES / await _seconds(lambda: run(f"head -c {len(_DATA)} /dev/zero")) for _ in range(STREAMS)]
    return tuple(trips), tuple(up), tuple(down)


async def _files(connection: asyncssh.SSHClientConnection, folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    there, back = folder / "there", folder / "back"
    there.write_bytes(_DATA)
    async with connection.start_sftp_client() as sftp:
        put = [MEGABYTES / await _seconds(lambda: sftp.put(str(there), "file")) for _ in range(STREAMS)]
        get = [MEGABYTES / await _seconds(lambda: sftp.get("file", str(back))) for _ in range(STREAMS)]
    return tuple(put), tuple(get)


async def _log_in_and_out(instance: dict[str, Any], key: asyncssh.SSHKey) -> None:
    async with _connected(instance, key) as connection:
        await connection.run("true", check=True)


@asynccontextmanager
async def _connected(instance: dict[str, Any], key: asyncssh.SSHKey) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with asyncssh.connect(
        instance["ssh_ip"], instance["ssh_port"], username="root", client_keys=[key], known_hosts=None, config=None
    ) as connection:
        yield connection


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


@asynccontextmanager
async def _instance(authorized: Path) -> AsyncIterator[dict[str, Any]]:
    """A running one of a simulator of its own."""
    words = ("--api-key", _KEY, "--speed", "100", "--ssh-authorized-keys", str(authorized))
    async with started_simulator(*words) as (base_url, _):
        async with asyncio.timeout(_DEADLINE_S):
            url = f"{base_url}/organizations/acme-corp/projects/default/containers"
            async with httpx2.AsyncClient(headers={"Salad-Api-Key": _KEY}, timeout=60, trust_env=False) as http:
                instance = await _running(http, url)
        yield instance


async def _running(http: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    body = {
        "name": "bench",
        "autostart_policy": True,
        "replicas": 1,
        "restart_policy": "always",
        "container": {
            "image": "debian",
            "command": ["sleep", "infinity"],
            "resources": {"cpu": 1, "memory": 1024},
        },
    }
    (await http.post(url, json=body)).raise_for_status()
    while True:
        found = (await http.get(f"{url}/bench/instances")).json()["instances"]
        if found and "ssh_port" in found[0]:
            return dict(found[0])
        await asyncio.sleep(0.05)
