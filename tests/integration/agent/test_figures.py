"""What pods use, as somebody reads it every 15 s: how fresh and how right it is, and what it costs in requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from scvk.kubelet.usage_source import Usage
from scvk.simulator.api.faults import Fault, FaultKind
from tests.histories.virtual_time import monotonic, wall_clock
from tests.integration.agent.scene import SHORT, Scene

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("quiet")]

SCRAPE_EVERY_S = 15.0
MOST_REQUESTS_A_MINUTE = 30
MOST_FOR_READERS_A_MINUTE = 60
SCRIPTED_CORES, SCRIPTED_BYTES = 0.1, 64 * 1024 * 1024
"""What the simulator's programs use where no script says more."""


def read(scene: Scene) -> Usage:
    kubelet = scene.agent.node.kubelet
    return scene.agent.node.provider.usage.usage(kubelet._informer.pods())


@asynccontextmanager
async def scraping(scene: Scene) -> AsyncIterator[list[Usage]]:
    scrapes: list[Usage] = []

    async def scrape() -> None:
        while True:
            scrapes.append(read(scene))
            await asyncio.sleep(SCRAPE_EVERY_S)

    task = asyncio.create_task(scrape())
    try:
        yield scrapes
    finally:
        task.cancel()


@asynccontextmanager
async def running(pods: int) -> AsyncIterator[Scene]:
    async with Scene(SHORT) as scene:
        scene.create_pods_with_groups(pods)
        scene.start_agent()
        await scene.all_ready(within_s=1800)
        await asyncio.sleep(120)
        yield scene


@pytest.mark.parametrize("pods", [1, 40])
async def test_while_somebody_reads_every_pod_is_known_as_of_the_last_two_minutes(pods: int) -> None:
    async with running(pods) as scene, scraping(scene) as scrapes:
        await asyncio.sleep(300)
        scrapes.clear()
        await asyncio.sleep(600)
        for usage in scrapes:
            assert len(usage.pods) == pods
            assert all(pod.sample.memory_bytes == SCRIPTED_BYTES for pod in usage.pods)
        assert min(pod.sample.at for pod in read(scene).pods) >= wall_clock().timestamp() - 130


async def test_a_steady_program_is_shown_at_its_use() -> None:
    async with running(40) as scene, scraping(scene) as scrapes:
        await asyncio.sleep(400)
        scrapes.clear()
        await asyncio.sleep(600)
        for usage in scrapes:
            assert all(pod.sample.cores == pytest.approx(SCRIPTED_CORES, rel=0.25) for pod in usage.pods)
        first, last = scrapes[0].together, scrapes[-1].together
        cores = (last.cpu_s - first.cpu_s) / (last.at - first.at)
        assert cores == pytest.approx(40 * SCRIPTED_CORES, rel=0.1)
        assert last.memory_bytes == 40 * SCRIPTED_BYTES


async def test_the_node_shows_the_use_of_its_pods_evenly_whenever_they_are_looked_at() -> None:
    async with running(20) as scene, scraping(scene) as scrapes:
        await asyncio.sleep(400)
        scrapes.clear()
        await asyncio.sleep(600)
        moments = {usage.together.at: usage.together.cpu_s for usage in scrapes}
        for (before, less), (after, more) in pairwise(moments.items()):
            if after - before >= SCRAPE_EVERY_S:
                assert (more - less) / (after - before) == pytest.approx(20 * SCRIPTED_CORES, rel=0.35)


async def test_no_figure_of_the_node_falls_because_pods_go() -> None:
    async with running(10) as scene, scraping(scene) as scrapes:
        await asyncio.sleep(300)
        for number in range(10):
            scene.api.delete_pod(f"pods/shop/pod-{number}")
        await asyncio.sleep(300)
        for before, after in pairwise(usage.together for usage in scrapes):
            assert after.at >= before.at
            assert after.cpu_s >= before.cpu_s
        assert read(scene).pods == ()
        assert read(scene).together.memory_bytes == 0


@pytest.mark.parametrize("pods", [40, 1007])
async def test_a_reader_costs_no_more_than_sixty_requests_a_minute(pods: int) -> None:
    async with running(pods) as scene, scraping(scene):
        await asyncio.sleep(120)
        for _ in range(5):
            begins = monotonic()
            await asyncio.sleep(60)
            counted = Counter(request.operation for request in scene.requests(since_s=begins))
            assert counted.total() <= MOST_REQUESTS_A_MINUTE + MOST_FOR_READERS_A_MINUTE, counted
            assert counted["list_container_groups"] >= 11, "looking at all pods comes first"


async def test_once_nobody_reads_any_more_looking_costs_what_it_did() -> None:
    async with running(40) as scene:
        async with scraping(scene):
            await asyncio.sleep(120)
        await asyncio.sleep(130)
        begins = monotonic()
        await asyncio.sleep(60)
        assert len(scene.requests(since_s=begins)) <= MOST_REQUESTS_A_MINUTE


async def test_creating_pods_comes_before_figures() -> None:
    async with running(150) as scene, scraping(scene):
        await asyncio.sleep(120)
        begins = monotonic()
        scene.create_pods(320, first=150)
        await asyncio.sleep(60)
        counted = Counter(request.operation for request in scene.requests(since_s=begins))
        assert counted["create_container_group"] >= 100, counted
        assert all(request.status in (200, 201) for request in scene.requests(since_s=begins))


async def test_figures_that_the_platform_answers_out_of_its_memory_are_left_out_after_five_minutes() -> None:
    async with running(5) as scene, scraping(scene):
        await asyncio.sleep(300)
        assert len(read(scene).pods) == 5
        known = {pod.name: pod.sample.at for pod in read(scene).pods}
        scene.simulator.faults.add(Fault(kind=FaultKind.STALE, operations=["list_container_group_instances"]))
        await asyncio.sleep(120)
        assert all(pod.sample.at <= known[pod.name] + 60 for pod in read(scene).pods)
        await asyncio.sleep(300)
        assert read(scene).pods == ()
        scene.simulator.faults.clear()
        await asyncio.sleep(130)
        assert len(read(scene).pods) == 5
