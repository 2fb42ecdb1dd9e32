"""`scvk simulate` with virtual containers as a process of its own, and what is asked of it behind the agent's back."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2

KEYS = tuple(f"bench-key-{number}" for number in range(7))
"""The agent's, and those that make a thousand groups without being throttled."""
_SHORT = ("image_pull=1", "allocate=2..8", "download=1..4", "create=1..2", "delete=5")


@asynccontextmanager
async def simulator(replicas_quota: int) -> AsyncIterator[str]:
    """Run it to the end of the block, at the platform's pace but with short starts; yields its base URL."""
    words = ["simulate", "--runtime", "virtual", "--port", "0", "--seed", "1", "--replicas-quota", str(replicas_quota)]
    words += [word for key in KEYS for word in ("--api-key", key)]
    words += [word for duration in _SHORT for word in ("--duration", duration)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scvk", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        while not (found := re.search(rb"https?://\S+/api/public", await process.stdout.readline())):
            pass
        yield found.group().decode()
    finally:
        process.terminate()
        await process.wait()


async def interrupt(url: str, patterns: Sequence[str], *, within_s: float) -> None:
    """Take machines away from the groups of these names, one by one."""
    async with httpx2.AsyncClient(base_url=_root(url), timeout=60, trust_env=False) as http:
        for pattern in patterns:
            await asyncio.sleep(within_s / len(patterns))
            body = {"reason": "node-offline", "group": pattern}
            (await http.post("/_simulator/interrupt", json=body)).raise_for_status()


async def agents_requests(url: str) -> list[Mapping[str, Any]]:
    """Return the agent's requests."""
    async with httpx2.AsyncClient(base_url=_root(url), timeout=60, trust_env=False) as http:
        items = (await http.get("/_simulator/requests")).json()["items"]
    return [request for request in items if request["api_key"] == 0]


async def events(url: str, since: datetime) -> list[tuple[datetime, str, str]]:
    """Return time, pod and words of the platform's events since then."""
    found: dict[str, tuple[datetime, str, str]] = {}
    end = datetime.now(UTC)
    async with httpx2.AsyncClient(headers={"Salad-Api-Key": KEYS[1]}, timeout=60, trust_env=False) as http:
        while True:
            body = {
                "query": 'resource.type = "instance_controller"',
                "start_time": since.isoformat(),
                "end_time": end.isoformat(),
                "page_size": 100,
                "sort_order": "asc",
            }
            page = (await http.post(f"{url}/organizations/acme-corp/log-entries", json=body)).json()["items"]
            for entry in page:
                at = datetime.fromisoformat(entry["time"])
                pod = re.sub(r"^default-(.*)-[a-z0-9]{12}$", r"\1", entry["resource"]["labels"]["container_group_name"])
                found[f"{at} {pod} {entry['text_log']}"] = (at, pod, entry["text_log"])
                since = max(since, at)
            if len(page) < 100:
                return list(found.values())


def _root(url: str) -> str:
    return url.removesuffix("/api/public")
