"""`make bench`: measured figures, with units, medians and the limit that each is compared with.

Figures are printed, never asserted: a shared machine is slow for reasons of its own. Needs the built control plane.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scvk import bench_groups, bench_ssh, bench_translation
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.service import Simulator, serve
from scvk.testbed import Testbed
from scvk.testbed.display import display

RUNS = 5
NODE = "bench"
API_KEY = "bench-key"


@dataclass(frozen=True)
class Figure:
    """One line of the result. `values` are the runs; `limit` says what the median is compared with."""

    name: str
    unit: str
    values: tuple[float, ...]
    limit: str

    @property
    def median(self) -> float:
        """The middle one of the runs."""
        return statistics.median(self.values)


def translation_figures() -> tuple[Figure, ...]:
    """Pods a second that become checked create requests, in processor time of one core."""
    kib = bench_translation.FILES * bench_translation.FILE_BYTES // 1024
    return (
        Figure(
            "pods translated, document check included",
            "pods/s",
            tuple(bench_translation.plain_rates(RUNS)),
            "1000 pods/s or more",
        ),
        Figure(
            f"pods with {kib} KiB of files translated",
            "pods/s",
            tuple(bench_translation.rates_with_files(RUNS)),
            "200 pods/s or more",
        ),
    )


async def seconds_of(work: Callable[[], Awaitable[object]]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def group_figures() -> tuple[Figure, ...]:
    """A simulator with ten thousand virtual groups."""
    created_s, listings, resident_mb = await bench_groups.measure()
    groups = f"{bench_groups.GROUPS:,} virtual groups"
    return (
        Figure(f"simulator: {groups} created one by one", "groups/s", (bench_groups.GROUPS / created_s,), "none"),
        Figure(f"simulator: {groups} listed", "s", tuple(listings), "1 s or less"),
        Figure(f"simulator: memory with {groups}", "MB", (resident_mb,), "500 MB or less"),
    )


async def ssh_figures() -> tuple[Figure, ...]:
    """Into one instance of a simulator, from this process."""
    ssh = await bench_ssh.measure()
    size = f"{bench_ssh.MEGABYTES} MB"
    return (
        Figure("simulator: SSH login, a command, logout", "ms", ssh.login_ms, "none"),
        Figure("simulator: a command on an open SSH connection", "ms", ssh.exec_ms, "none"),
        Figure(f"simulator: {size} into a command by SSH", "MB/s", ssh.upload, "none"),
        Figure(f"simulator: {size} out of a command by SSH", "MB/s", ssh.download, "none"),
        Figure(f"simulator: {size} put by SFTP", "MB/s", ssh.put, "none"),
        Figure(f"simulator: {size} got by SFTP", "MB/s", ssh.get, "none"),
    )


async def agent_figures() -> tuple[Figure, ...]:
    """Time to a ready control plane, from starting the agent to a Ready node, and the agent's memory then."""
    with display(sys.stderr) as report:
        testbed = Testbed(report=report)
        ready = await seconds_of(testbed.start)
    starts: list[float] = []
    memory: list[float] = []
    try:
        config = SimulatorConfig(api_keys=(ApiKey(API_KEY),))
        async with Simulator(config) as simulator, serve(simulator) as served:
            for _ in range(RUNS):
                started, resident = await _one_start(testbed, served.base_url)
                starts.append(started)
                memory.append(resident)
    finally:
        await testbed.stop()
    return (
        Figure("control plane started", "s", (ready,), "about 10 s"),
        Figure("agent started until its node is Ready", "s", tuple(starts), "2 s or less"),
        Figure("memory of an idle agent", "MB", tuple(memory), "100 MB or less"),
    )


async def _one_start(testbed: Testbed, api_url: str) -> tuple[float, float]:
    environment = {
        **os.environ,
        "KUBECONFIG": str(testbed.kubeconfig),
        "SALAD_CLOUD_API_KEY": API_KEY,
        "SALAD_CLOUD_API_URL": api_url,
        "SALAD_CLOUD_ORGANIZATION_NAME": "acme-corp",
        "SALAD_CLOUD_PROJECT_NAME": "default",
        "SALAD_VK_NODE_NAME": NODE,
    }
    await testbed.kubectl("delete", "node", NODE, "--ignore-not-found")
    watch = asyncio.create_task(_node_ready(testbed))
    started = time.perf_counter()
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scvk", "run", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await watch
        took = time.perf_counter() - started
        resident = _resident_mb(agent.pid)
    finally:
        agent.terminate()
        await agent.wait()
    return took, resident


async def _node_ready(testbed: Testbed) -> None:
    """Return when the node is Ready; kubectl's own start is part of the figure, some 0.1 s."""
    async with asyncio.timeout(60):
        while " Ready " not in (await testbed.kubectl("get", "node", NODE, check=False)).stdout:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the event is in another process


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def main() -> int:
    """Measure everything and print it."""
    figures = (
        *translation_figures(),
        *asyncio.run(group_figures()),
        *asyncio.run(ssh_figures()),
        *asyncio.run(agent_figures()),
    )
    table = Table("FIGURE", "MEDIAN", "MIN", "MAX", "RUNS", "LIMIT", box=None, pad_edge=False)
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.median:.1f} {figure.unit}",
            f"{min(figure.values):.1f}",
            f"{max(figure.values):.1f}",
            str(len(figure.values)),
            figure.limit,
        )
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
