"""An agent and a simulator as processes of their own, looked at from outside: their memory and their time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed import Testbed

_DEADLINE_S = 60.0


@dataclass(frozen=True)
class Watched:
    """A running agent; `ready_s` is how long its node took to be Ready."""

    pid: int
    ready_s: float

    def resident_mb(self) -> float:
        """Return the memory that it holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def cpu_s(self) -> float:
        """Return the processor time that it has used so far."""
        return cpu_s(self.pid)


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def started_simulator(*words: str) -> AsyncIterator[tuple[str, int]]:
    """Run a simulator on a free port to the end of the block; yields its base URL and process id."""
    command = (sys.executable, "-m", "scvk", "simulate", "--port", "0", *words)
    simulator = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert simulator.stdout is not None
        async with asyncio.timeout(_DEADLINE_S):
            base_url = (await simulator.stdout.readline()).decode().split()[1]
        yield base_url, simulator.pid
    finally:
        simulator.terminate()
        await simulator.wait()


@asynccontextmanager
async def started_agent(testbed: Testbed, api_url: str, api_key: str, node: str, *words: str) -> AsyncIterator[Watched]:
    """Run an agent, with further options, from its Ready node to the end of the block."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(testbed.kubeconfig),
        "SALAD_CLOUD_API_KEY": api_key,
        "SALAD_CLOUD_API_URL": api_url,
        "SALAD_CLOUD_ORGANIZATION_NAME": "acme-corp",
        "SALAD_CLOUD_PROJECT_NAME": "default",
        "SALAD_VK_NODE_NAME": node,
        "SALAD_VK_KUBELET_PORT": "0",
    }
    started = time.perf_counter()
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scvk", "run", *words, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _node_ready(testbed, node)
        yield Watched(agent.pid, time.perf_counter() - started)
    finally:
        agent.terminate()
        await agent.wait()


async def _node_ready(testbed: Testbed, node: str) -> None:
    """Return when the node is Ready; kubectl's own start is part of the figure, some 0.1 s."""
    async with asyncio.timeout(_DEADLINE_S):
        while " Ready " not in (await testbed.kubectl("get", "node", node, check=False)).stdout:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the event is in another process
