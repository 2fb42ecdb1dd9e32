"""`make bench`: measured figures, with units, medians and the limit that each is compared with.

Figures are printed, never asserted: a shared machine is slow for reasons of its own. Needs the built control plane.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from scvk import bench_crowd, bench_groups, bench_listing, bench_pods, bench_remote, bench_ssh, bench_translation
from scvk.bench_process import started_agent
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


async def listing_figures() -> tuple[Figure, ...]:
    """What one look at the project weighs where every pod has as large a wrapper as is allowed."""
    listing = await bench_listing.measure(RUNS)
    pods = f"{bench_listing.PODS} pods with {bench_listing.WRAPPER_BYTES // 1024} KiB of wrapper each"
    return (
        Figure(f"one listing, {pods}", "MB", (listing.megabytes,), "none"),
        Figure(f"one listing decoded, {pods}", "ms", listing.decoded_ms, "none"),
    )


async def cluster_figures() -> tuple[Figure, ...]:
    """Everything that needs a control plane."""
    with display(sys.stderr) as report:
        testbed = Testbed(report=report)
        ready = await seconds_of(testbed.start)
    try:
        return (
            Figure("control plane started", "s", (ready,), "about 10 s"),
            *await start_figures(testbed),
            *await pods_figures(testbed),
            *await remote_figures(testbed),
        )
    finally:
        await testbed.stop()


async def start_figures(testbed: Testbed) -> tuple[Figure, ...]:
    """From starting the agent to a Ready node, and the agent's memory then."""
    starts: list[float] = []
    memory: list[float] = []
    config = SimulatorConfig(api_keys=(ApiKey(API_KEY),))
    async with Simulator(config) as simulator, serve(simulator) as served:
        for _ in range(RUNS):
            await testbed.kubectl("delete", "node", NODE, "--ignore-not-found")
            async with started_agent(testbed, served.base_url, API_KEY, NODE) as agent:
                starts.append(agent.ready_s)
                memory.append(agent.resident_mb())
    return (
        Figure("agent started until its node is Ready", "s", tuple(starts), "2 s or less"),
        Figure("memory of an idle agent", "MB", tuple(memory), "100 MB or less"),
    )


async def pods_figures(testbed: Testbed) -> tuple[Figure, ...]:
    """An agent with a thousand pods."""
    found = await bench_pods.measure(testbed)
    pods = f"{bench_crowd.PODS:,} pods"
    return (
        Figure(f"agent started until {pods} of before are Ready again", "s", (found.found_s,), "none"),
        Figure(f"requests in a minute at rest, {pods}", "", (float(found.requests),), "30 or less"),
        Figure(f"answers 429, {pods}", "", (float(found.throttled),), "0"),
        Figure(f"processor time at rest, {pods}", "% of a core", (found.cpu_percent,), "5 % or less"),
        Figure(f"memory of an agent with {pods}", "MB", (found.resident_mb,), "200 MB or less"),
        *delay_figures(f"readiness lost until the pod shows it, {pods}", found.unready_s),
        *delay_figures(f"ends, lost machines, starts until the pod shows them, {pods}", found.moved_s),
    )


async def remote_figures(testbed: Testbed) -> tuple[Figure, ...]:
    """kubectl exec, cp, port-forward and logs, each beside the same over ssh."""
    found = await bench_remote.measure(testbed)
    figures = [
        Figure("a command: ssh", "ms", found.exec_ms["ssh"], "none"),
        Figure("a command: kubectl exec, warm", "ms", found.exec_ms["kubectl"], "100 ms above ssh or less"),
        Figure("an echo through a port: ssh -L", "ms", found.echo_ms["ssh"], "none"),
        Figure("an echo through a port: kubectl port-forward", "ms", found.echo_ms["kubectl"], "none"),
    ]
    for what, rates in found.rates.items():
        figures.append(Figure(f"1 GB {what}: ssh", "MB/s", (rates["ssh"],), "none"))
        figures.append(Figure(f"1 GB {what}: kubectl", "MB/s", (rates["kubectl"],), "30 % of ssh, or 25 MB/s"))
    for what, spent in found.cpu_s.items():
        figures += [
            Figure(f"1 GB {what}: processor time of {process}", "s", (seconds,), "none")
            for process, seconds in spent.items()
        ]
    lines = f"{bench_remote.LINES:,} lines"
    figures.append(Figure(f"{lines} of output: ssh", "lines/s", (found.lines["ssh"],), "none"))
    figures.append(Figure(f"{lines} of a log: kubectl logs", "lines/s", (found.lines["kubectl"],), "none"))
    return tuple(figures)


def delay_figures(name: str, seconds: tuple[float, ...]) -> tuple[Figure, ...]:
    """The median of delays, and what 99 of 100 stay below."""
    highest = sorted(seconds)[int(0.99 * (len(seconds) - 1))]
    return (
        Figure(name, "s", seconds, "3 s or less"),
        Figure(f"{name}: 99 of 100", "s", (highest,), "8 s or less"),
    )


def show(figures: Iterable[Figure]) -> None:
    """Print a table."""
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
    Console(width=150).print(table)


def main() -> int:
    """Measure everything and print it."""
    figures = (
        *translation_figures(),
        *asyncio.run(listing_figures()),
        *asyncio.run(group_figures()),
        *asyncio.run(ssh_figures()),
        *asyncio.run(cluster_figures()),
    )
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
