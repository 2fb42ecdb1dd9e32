"""A hundred commands at once and twenty followers of a log: nobody is stuck, and nothing of them stays."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.api_streams import CLOSE, ApiStreams
from tests.e2e.processes import until
from tests.e2e.remote import sleeper
from tests.e2e.stage import Stage
from tests.integration.simulator.stage import processes_with

COMMANDS, FOLLOWERS = 100, 20
MOST_GROWTH_MB = 25
"""Of the agent's memory after it is warm: its heap is not given back at once."""
WARMING_S = 20.0


@dataclass
class Seen:
    """What the crowd met."""

    commands: int = 0
    lines: int = 0


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - only their number is wanted


async def come_and_go(streams: ApiStreams, marker: str, number: int, until_time: float, seen: Seen) -> None:
    """Run one command after the other; every third client vanishes in the middle of it."""
    loop = asyncio.get_running_loop()
    script = f"while read line; do echo {marker} $line; done; exit 3"
    while loop.time() < until_time:
        async with streams.exec("app", ["sh", "-c", script]) as client, asyncio.timeout(60):
            for word in ("one", "two", "three"):
                await client.send(0, f"{word}\n".encode())
                await client.read_all(until=f"{word}\n".encode())
            seen.commands += 1
            if (seen.commands + number) % 3 == 0:
                continue
            await client.send_message(bytes([CLOSE, 0]))
            await client.read_all()
            assert client.received[1] == f"{marker} one\n{marker} two\n{marker} three\n".encode()
            assert client.status()["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        await asyncio.sleep(1)


async def follow(streams: ApiStreams, until_time: float, seen: Seen) -> None:
    loop = asyncio.get_running_loop()
    async with streams.followed("talker") as reader:
        while loop.time() < until_time:
            async with asyncio.timeout(60):
                line = await reader.readline()
            seen.lines += line.startswith(b"line ")


async def crowd(stage: Stage, seconds: float) -> None:
    agent = await stage.agent_with_ssh()
    assert agent.process is not None
    pid = agent.process.pid
    await stage.apply(
        sleeper(), sleeper("talker", command=["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); sleep 1; done"])
    )
    await stage.ready_pods(2)
    streams = ApiStreams(stage)
    marker = f"marker-{stage.namespace}"
    loop = asyncio.get_running_loop()

    async def visit(for_s: float) -> Seen:
        seen = Seen()
        until_time = loop.time() + for_s
        async with asyncio.TaskGroup() as group:
            for number in range(COMMANDS):
                group.create_task(come_and_go(streams, marker, number, until_time, seen))
            for _ in range(FOLLOWERS):
                group.create_task(follow(streams, until_time, seen))
        return seen

    async def all_gone() -> bool:
        return not processes_with(marker)

    await visit(WARMING_S)  # by then every buffer that a hundred need has been there once
    await until("the commands of the first clients are ended", all_gone, within=30)
    memory, open_before = memory_mb(pid), descriptors(pid)
    seen = await visit(seconds - WARMING_S)
    assert seen.commands >= COMMANDS
    assert seen.lines >= FOLLOWERS * (seconds - WARMING_S) / 4
    await until("the commands of clients that vanished are ended", all_gone, within=30)
    assert memory_mb(pid) - memory < MOST_GROWTH_MB

    async def none_leaked() -> bool:
        return descriptors(pid) <= open_before + 5

    await until(f"no more descriptors are open than before ({open_before})", none_leaked, within=30)


async def test_a_crowd_comes_and_goes_for_a_minute(stage: Stage) -> None:
    await crowd(stage, 60)


@pytest.mark.full
async def test_a_crowd_comes_and_goes_for_ten_minutes(stage: Stage) -> None:
    await crowd(stage, 600)
