"""However a simulator ends, and whenever: no process, mount, namespace or port of it is left on the machine."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.simulator.stage import DEADLINE_S, processes_with, until

PROGRAM = """
import sys
from scvk.simulator.run import run_simulate
sys.exit(run_simulate(speed=500, api_keys=["key"], isolation=sys.argv[1]))
"""
# Each machine has its own scheduler: what is random here is printed, so that a failure can be tried again.
LONGEST_LIFE_S = 1.2
ENDINGS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def namespaces_of(pids: Iterable[int]) -> set[str]:
    found: set[str] = set()
    for pid in pids:
        try:
            found |= {f"{place.name} {place.readlink()}" for place in Path(f"/proc/{pid}/ns").iterdir()}
        except OSError:
            continue  # gone meanwhile
    return found


def older_than(clock_ticks: int) -> list[int]:
    """Processes that began before that moment since the machine's start: a later one may get a freed number again."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(place.read_text().rpartition(")")[2].split()[19]) < clock_ticks:
                found.append(int(place.parent.name))
        except OSError:
            continue  # gone meanwhile
    return found


def own_mounts() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def listens(port: int) -> bool:
    """Whether some socket of this machine's network listens on the port of the loopback address."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    return wanted in Path("/proc/net/tcp").read_text()


def body(number: int, seconds: str) -> dict[str, Any]:
    script = f"setsid sleep {seconds} & trap '' TERM; head -c 1000000 /dev/zero > /tmp/written; sleep {seconds}"
    return {
        "name": f"sleeper-{number}",
        "autostart_policy": True,
        "replicas": 2,
        "restart_policy": "always",
        "container": {
            "environment_variables": {"MARK": seconds},
            "image": "nginx" if number == 0 else "busybox",
            "command": ["sh", "-c", script],
            "resources": {"cpu": 1, "memory": 1024},
        },
    }


async def one_life(chance: random.Random, isolation: str, seconds: str) -> int:
    """Start a simulator, let some groups begin, and end it at any moment; how many namespaces it had by then."""
    host_namespaces, mounts = namespaces_of([os.getpid()]), own_mounts()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, isolation),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "MARK": seconds},
    )
    assert child.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        line = (await child.stdout.readline()).decode()
    port = int(re.findall(r":(\d+)/", line)[0])
    end_at = time.monotonic() + chance.uniform(0, LONGEST_LIFE_S)
    url = f"{line.split()[1]}/organizations/acme-corp/projects/default/containers"
    theirs: set[str] = set()
    async with httpx2.AsyncClient(headers={"Salad-Api-Key": "key"}, timeout=DEADLINE_S, trust_env=False) as http:
        for number in range(3):
            await http.post(url, json=body(number, seconds))
        while time.monotonic() < end_at:
            theirs |= namespaces_of(processes_with(seconds)) - host_namespaces
            await asyncio.sleep(0.1)
        ending = chance.choice(ENDINGS)
        child.send_signal(ending)
        status = await asyncio.wait_for(child.wait(), DEADLINE_S)
    assert status == (-signal.SIGKILL if ending is signal.SIGKILL else 0)

    ended_at = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
    left: list[str] = []

    async def nothing_left() -> bool:
        held = theirs & namespaces_of(older_than(ended_at))
        left[:] = [f"process {pid}" for pid in processes_with(seconds)] + sorted(held)
        if listens(port):
            left.append(f"port {port}")
        return not left

    try:
        await until(nothing_left, f"nothing is left after {ending.name}")
    except AssertionError as error:
        error.add_note(f"left: {left}, isolation {isolation}")
        raise
    assert own_mounts() == mounts
    return len(theirs)


def marks() -> Iterator[str]:
    number = 30_000_000 + os.getpid() * 100
    while True:
        number += 1
        yield str(number)


@pytest.mark.parametrize("lives", [pytest.param(20, id="20"), pytest.param(200, id="200", marks=pytest.mark.full)])
async def test_nothing_is_left_after_random_starts_and_kills(lives: int) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)
    had = [
        await one_life(chance, "none" if chance.random() < 0.2 else "namespaces", mark)
        for _, mark in zip(range(lives), marks(), strict=False)
    ]
    assert max(had) > 5, "some lived long enough to have instances"
