"""An instance gets the memory and disk that its group asked for, no more; what it uses is measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from scvk.simulator.runtime.process import IsolationMode
from tests.integration.simulator.stage import Stage, processes_with, stage, until

ALLOCATE_WITHOUT_END = """
import sys
held = []
print("begun", flush=True)
while True:
    held.append(bytearray(32 * 1024 * 1024))
"""
# Memory of many processes counts together: none of them has too much alone.
ALLOCATE_TOGETHER = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(400 * 1024 * 1024)
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""
HOLD = """
import time
held = bytearray(200 * 1024 * 1024)
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
print("held", flush=True)
time.sleep(1000)
"""


def python(program: str) -> list[str]:
    """A command on one line, as the platform wants it."""
    return ["python3", "-c", f"exec({program!r})"]


def available_mib() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) // 1024


@pytest.mark.parametrize("isolation", ["namespaces", "none"])
@pytest.mark.parametrize("program", [ALLOCATE_WITHOUT_END, ALLOCATE_TOGETHER], ids=["one process", "four processes"])
async def test_a_program_that_takes_too_much_memory_is_killed_and_the_host_is_well(
    isolation: IsolationMode, program: str
) -> None:
    least_mib = available_mib() // 2
    async with stage(isolation=isolation) as simulated:
        await simulated.create("neighbour", ["sleep", "1000"])
        await simulated.create("greedy", python(program), "python:3.12", restart_policy="never")
        neighbour = await simulated.until_running("neighbour")
        started = time.monotonic()
        await simulated.until_event("greedy", "Instance Exited:137 (Likely Out of System Memory)")
        assert time.monotonic() - started < 15
        await simulated.until_status("greedy", "failed")
        assert processes_with("held = bytearray" if program is ALLOCATE_TOGETHER else "held.append") == []
        (still,) = await simulated.instances("neighbour")
        assert (still["id"], still["state"]) == (neighbour["id"], "running")
        assert available_mib() > least_mib


async def test_a_program_that_writes_too_much_is_interrupted() -> None:
    async with stage() as simulated:
        script = "head -c 3000000000 /dev/zero > /big; echo status=$?; sleep 1000"
        await simulated.create("hoarder", ["sh", "-c", script])
        await simulated.until_event("hoarder", "Instance Interrupted (Requested Disk Space Exceeded)")
        assert "status=1" not in await simulated.output("hoarder")

        async def moved() -> bool:
            return (await simulated.events("hoarder")).count("Instance Allocated") >= 2

        await until(moved, "another machine")


@pytest.mark.parametrize("isolation", ["namespaces", "none"])
async def test_figures_are_measured_once_a_simulated_minute(isolation: IsolationMode) -> None:
    async with stage(isolation=isolation) as simulated:
        await simulated.create("busy", python(HOLD), "python:3.12")
        first = await simulated.until_running("busy")
        assert "memory_usage_mb" not in first
        await simulated.until_said("busy", "held")

        async def measured() -> dict[str, Any] | None:
            (instance,) = await simulated.instances("busy")
            return instance if instance.get("memory_usage_mb", 0) > 100 else None

        instance = await until(measured, "figures of the program")
        assert 200 <= instance["memory_usage_mb"] <= 260
        assert 19 <= instance["memory_usage_percent"] <= 26
        assert 0 <= instance["cpu_usage"] <= 5
        assert instance["cpu_percent"] > 0


async def test_what_a_command_inside_takes_counts_for_the_instance(simulated: Stage) -> None:
    checked = {
        "exec": {"command": python(ALLOCATE_WITHOUT_END)},
        "initial_delay_seconds": 0,
        "period_seconds": 100,
        "timeout_seconds": 60,
        "success_threshold": 1,
        "failure_threshold": 20,
    }
    command = ["sleep", "1000"]
    await simulated.create("guest", command, "python:3.12", restart_policy="never", liveness_probe=checked)
    await simulated.until_event("guest", "Instance Exited:137 (Likely Out of System Memory)")


@pytest.fixture
async def simulated() -> Any:
    async with stage(speed=5) as simulated:
        yield simulated
