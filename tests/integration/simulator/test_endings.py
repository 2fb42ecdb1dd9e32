"""However a simulator ends, and whenever: no process, mount, namespace or port of it is left on the machine."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import httpx2
import pytest

from tests.integration.simulator.leftovers import (
    listening,
    listening_sockets_of,
    namespaces_of,
    older_than,
    own_mounts,
    ticks_since_boot,
)
from tests.integration.simulator.logins import AUTHORIZED, KEY
from tests.integration.simulator.stage import DEADLINE_S, processes_with, until

PROGRAM = """
import sys
from pathlib import Path
from scvk.simulator.run import run_simulate
isolation, keys = sys.argv[1:]
sys.exit(run_simulate(speed=500, api_keys=["key"], isolation=isolation, gateway_port=0, ssh_authorized_keys=Path(keys)))
"""
LINES = 4  # base-url, organization, project, gateway
# Each machine has its own scheduler: what is random here is printed, so that a failure can be tried again.
LONGEST_LIFE_S = 1.8
ENDINGS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
GROUPS = 3
CONNECTIONS = 5


@dataclass
class Life:
    """What a simulator had when its end came: `seconds` is what its programs sleep, and marks them."""

    seconds: str
    namespaces: set[str] = field(default_factory=set)
    sockets: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    gateway_connections: int = 0


def body(number: int, seconds: str) -> dict[str, Any]:
    """The first is a web server, the others do not want to end."""
    script = f"setsid sleep {seconds} & trap '' TERM; head -c 1000000 /dev/zero > /tmp/written; sleep {seconds}"
    container: dict[str, Any] = {
        "environment_variables": {"MARK": seconds},
        "image": "nginx" if number == 0 else "busybox",
        "resources": {"cpu": 1, "memory": 1024},
    }
    if number:
        container["command"] = ["sh", "-c", script]
    return {
        "name": f"sleeper-{number}",
        "autostart_policy": True,
        "replicas": 2,
        "restart_policy": "always",
        "container": container,
        "networking": {"protocol": "http", "port": 80, "auth": False},
    }


class Guests:
    """Clients with sessions, tunnels and half requests open in every instance that runs; they stay to the end."""

    def __init__(self, life: Life, chance: random.Random) -> None:
        self._life = life
        self._chance = chance
        self._open: list[asyncssh.SSHClientConnection | asyncio.StreamWriter] = []

    async def visit(self, http: httpx2.AsyncClient, url: str, gateway: tuple[str, int], dns: str) -> None:
        """Until cancelled, or until the simulator is gone."""
        seen: set[int] = set()
        while True:
            for number in range(GROUPS):
                instances = (await http.get(f"{url}/sleeper-{number}/instances")).json()["instances"]
                for port in {instance["ssh_port"] for instance in instances if "ssh_port" in instance} - seen:
                    seen.add(port)
                    await self._log_in(port)
                if instances and number == 0 and instances[0]["state"] == "running":
                    await self._ask_half(gateway, dns)
            await asyncio.sleep(0.05)

    async def _log_in(self, port: int) -> None:
        connection = await asyncssh.connect(
            "127.0.0.1", port, username="root", client_keys=[KEY], known_hosts=None, config=None
        )
        self._open.append(connection)
        terminal = self._chance.choice([None, "vt100"])
        command = f"trap '' HUP; setsid sleep {self._life.seconds} & sleep {self._life.seconds}"
        await connection.create_process(command, term_type=terminal)
        await connection.start_sftp_client()
        self._life.sessions += 2

    async def _ask_half(self, gateway: tuple[str, int], dns: str) -> None:
        if self._life.gateway_connections >= CONNECTIONS:
            return
        _, writer = await asyncio.open_connection(*gateway)
        self._open.append(writer)
        writer.write(f"PUT / HTTP/1.1\r\nHost: {dns}\r\nContent-Length: 100000\r\n\r\nhalf".encode())
        self._life.gateway_connections += 1

    async def leave(self) -> None:
        for guest in self._open:
            guest.close()
        for guest in self._open:
            try:
                await guest.wait_closed()
            except (OSError, asyncssh.Error):
                continue  # the simulator went first


@asynccontextmanager
async def guests(life: Life, chance: random.Random, *where: Any) -> AsyncIterator[None]:
    everybody = Guests(life, chance)
    visit = asyncio.create_task(everybody.visit(*where))
    try:
        yield
    finally:
        visit.cancel()
        # What they met when the simulator went is theirs; nothing of it is asked about here.
        await asyncio.gather(visit, return_exceptions=True)
        await everybody.leave()


async def one_life(chance: random.Random, isolation: str, seconds: str, keys: Path) -> Life:
    """Start a simulator, let some groups begin and guests come, and end it at any moment."""
    host_namespaces, mounts = namespaces_of([os.getpid()]), own_mounts()
    life = Life(seconds)
    complaints = keys.with_name(f"{seconds}.err")
    with complaints.open("wb") as stderr:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, isolation, str(keys)),
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "MARK": seconds},
        )
    assert child.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        facts = dict([(await child.stdout.readline()).decode().split() for _ in range(LINES)])
    end_at = time.monotonic() + chance.uniform(0, LONGEST_LIFE_S)
    url = f"{facts['base-url']}/organizations/acme-corp/projects/default/containers"
    host, _, port = facts["gateway"].rpartition(":")
    async with httpx2.AsyncClient(headers={"Salad-Api-Key": "key"}, timeout=DEADLINE_S, trust_env=False) as http:
        created = [(await http.post(url, json=body(number, seconds))).json() for number in range(GROUPS)]
        async with guests(life, chance, http, url, (host, int(port)), created[0]["networking"]["dns"]):
            while time.monotonic() < end_at:
                # As of now: the kernel gives the number of one that is gone to others, such as another suite's.
                life.namespaces = namespaces_of(processes_with(seconds)) - host_namespaces
                life.sockets |= listening_sockets_of(child.pid)
                await asyncio.sleep(0.1)
            life.sockets |= listening_sockets_of(child.pid)
            ending = chance.choice(ENDINGS)
            ends_at = ticks_since_boot()
            child.send_signal(ending)
            status = await asyncio.wait_for(child.wait(), DEADLINE_S)
            assert status == (-signal.SIGKILL if ending is signal.SIGKILL else 0)
            await nothing_is_left(life, ends_at, f"after {ending.name}, isolation {isolation}")
    assert own_mounts() == mounts
    said = [line for line in complaints.read_text().splitlines() if not line.startswith("warning: ")]
    assert said == [], f"of simulator and launcher, after {ending.name}, isolation {isolation}"
    return life


async def nothing_is_left(life: Life, ended_at: int, when: str) -> None:
    left: list[str] = []

    async def nothing() -> bool:
        left[:] = [f"process {pid}" for pid in processes_with(life.seconds)]
        left.extend(sorted(life.namespaces & namespaces_of(older_than(ended_at))))
        left.extend(f"port {life.sockets[inode]}" for inode in life.sockets.keys() & listening().keys())
        return not left

    try:
        await until(nothing, f"nothing is left {when}")
    except AssertionError as error:
        error.add_note(f"left: {left}")
        raise


async def some_lives(number: int, seed: int, mark: int, keys: Path) -> list[Life]:
    """One after the other; each has a mark of its own."""
    chance = random.Random(seed)
    return [
        await one_life(chance, "none" if chance.random() < 0.2 else "namespaces", str(mark + life), keys)
        for life in range(number)
    ]


@pytest.mark.parametrize("lives", [pytest.param(20, id="20"), pytest.param(200, id="200", marks=pytest.mark.full)])
async def test_nothing_is_left_after_random_starts_and_kills(lives: int, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(AUTHORIZED)
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    mark = 30_000_000 + os.getpid() * 1000
    # Two simulators at any time, as most of a short life is spent with starting.
    half = lives // 2
    series = (some_lives(half, seed, mark, keys), some_lives(half, seed + 1, mark + half, keys))
    had = [life for lived in await asyncio.gather(*series) for life in lived]
    print([(len(life.namespaces), len(life.sockets), life.sessions, life.gateway_connections) for life in had])
    assert max(len(life.namespaces) for life in had) > 5, "some lived long enough to have instances"
    assert min(len(life.sockets) for life in had) >= 2, "the API and the gateway"
    assert max(len(life.sockets) for life in had) > 4, "some had SSH servers"
    assert max(life.sessions for life in had) > 2, "some had sessions"
    assert max(life.gateway_connections for life in had) > 0, "some had requests on their way"
