"""What `kubectl top` would show, by metrics-server's rules, through everything that happens to pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scvk.kubelet.api.resource_metrics import resource_metrics
from scvk.kubelet.exposition import exposition
from scvk.kubelet.own_usage import OwnUsage, with_own
from tests.histories.virtual_time import monotonic, wall_clock
from tests.integration.agent.metrics_server import NODE, MetricsServer
from tests.integration.agent.scene import SHORT, Scene
from tests.integration.agent.test_figures import SCRIPTED_CORES, read

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("quiet")]


@asynccontextmanager
async def watched(scene: Scene, every_s: float) -> AsyncIterator[list[dict[str, float]]]:
    """Let a metrics-server scrape; yields the rates that it would show after each scrape."""
    shown: list[dict[str, float]] = []
    server = MetricsServer(every_s)

    async def scrape() -> None:
        while True:
            own = OwnUsage(0, monotonic() / 1000, 50_000_000)
            usage = with_own(read(scene), own, wall_clock().timestamp())
            server.scrape(exposition(resource_metrics(usage)))
            shown.append(server.rates())
            assert server.errors == []
            await asyncio.sleep(every_s)

    task = asyncio.create_task(scrape())
    try:
        yield shown
    finally:
        if task.done():
            task.result()
        task.cancel()


def right(cores: float) -> object:
    return pytest.approx(cores, rel=0.5)


@pytest.mark.parametrize("every_s", [10.0, 15.0, 60.0])
@pytest.mark.parametrize("pods", [1, 7, 45])
async def test_a_steady_pod_is_shown_at_its_use_and_so_is_the_node(pods: int, every_s: float) -> None:
    async with Scene(SHORT) as scene:
        scene.start_agent()
        await asyncio.sleep(60)
        scene.create_pods(pods)
        await scene.all_ready(within_s=600)
        async with watched(scene, every_s) as shown:
            await asyncio.sleep(300)
            shown.clear()
            await asyncio.sleep(900)
            names = [name for rates in shown for name in rates if name != NODE]
            assert len(names) >= 0.98 * pods * len(shown)
            assert all(rates[name] == right(SCRIPTED_CORES) for rates in shown for name in rates if name != NODE)
            assert all(rates[NODE] == right(pods * SCRIPTED_CORES) for rates in shown)


async def test_a_pod_that_moves_to_another_machine_is_shown_anew_and_never_wrong() -> None:
    async with Scene(SHORT) as scene:
        scene.create_pods_with_groups(5)
        scene.start_agent()
        await scene.all_ready(within_s=600)
        async with watched(scene, 15.0) as shown:
            for _ in range(3):
                await asyncio.sleep(400)
                scene.simulator.platform.interrupt_some("reallocated", "*", 1.0)
            await asyncio.sleep(400)
            assert all(rates[name] == right(SCRIPTED_CORES) for rates in shown for name in rates if name != NODE)
            assert len(shown[-1]) == 6


async def test_a_program_that_is_started_again_is_shown_anew_and_never_wrong() -> None:
    async with Scene(SHORT) as scene:
        scene.start_agent()
        await asyncio.sleep(60)
        scene.create_pods(5, script="exit 1 after 400s")
        async with watched(scene, 15.0) as shown:
            await asyncio.sleep(2400)
            found = [rates[name] for rates in shown for name in rates if name != NODE]
            assert len(found) >= len(shown)
            assert all(rate == right(SCRIPTED_CORES) for rate in found)


async def test_an_idle_pod_stays_shown() -> None:
    async with Scene(SHORT) as scene:
        scene.start_agent()
        await asyncio.sleep(60)
        scene.create_pods(20, script="use 0 cpu 100 mb")
        await scene.all_ready(within_s=600)
        async with watched(scene, 15.0) as shown:
            await asyncio.sleep(400)
            shown.clear()
            await asyncio.sleep(900)
            assert all(len(rates) == 21 for rates in shown)
            assert all(rates[name] == 0 for rates in shown for name in rates if name != NODE)
