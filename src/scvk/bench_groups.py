"""Ten thousand virtual groups in one `scvk simulate`: how fast they are created and listed, and their memory."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import httpx2

GROUPS = 10_000
LISTINGS = 5
_KEY = "bench-key"
_AT_ONCE = 8
_DEADLINE_S = 300.0


async def measure() -> tuple[float, list[float], float]:
    """Seconds for all creations, seconds of each listing once all groups run, resident MB of the simulator."""
    words = ("simulate", "--runtime", "virtual", "--port", "0", "--api-key", _KEY, "--speed", "20", "--seed", "1")
    limits = ("--replicas-quota", str(2 * GROUPS), "--requests-per-minute", "1000000")
    simulator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scvk", *words, *limits, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert simulator.stdout is not None
        async with asyncio.timeout(_DEADLINE_S):
            base_url = (await simulator.stdout.readline()).decode().split()[1]
            url = f"{base_url}/organizations/acme-corp/projects/default/containers"
            headers = {"Salad-Api-Key": _KEY}
            async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
                created_s = await _create_all(http, url)
                await _all_run(http, url)
                listings = [await _list(http, url) for _ in range(LISTINGS)]
        return created_s, listings, _resident_mb(simulator.pid)
    finally:
        simulator.terminate()
        await simulator.wait()


async def _create_all(http: httpx2.AsyncClient, url: str) -> float:
    numbers = iter(range(GROUPS))

    async def create_some() -> None:
        for number in numbers:
            body = {
                "name": f"group-{number}",
                "autostart_policy": True,
                "replicas": 1,
                "restart_policy": "always",
                "container": {
                    "image": "nginx",
                    "resources": {"cpu": 1, "memory": 1024},
                    "environment_variables": {"SCVK_SCRIPT": "say hello; run", "NUMBER": str(number)},
                },
            }
            (await http.post(url, json=body)).raise_for_status()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(create_some())
    return time.perf_counter() - started


async def _all_run(http: httpx2.AsyncClient, url: str) -> None:
    while True:
        groups = (await http.get(url)).json()["items"]
        if len(groups) == GROUPS and all(group["current_state"]["status"] == "running" for group in groups):
            return
        await asyncio.sleep(1)


async def _list(http: httpx2.AsyncClient, url: str) -> float:
    started = time.perf_counter()
    (await http.get(url)).raise_for_status()
    return time.perf_counter() - started


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000
