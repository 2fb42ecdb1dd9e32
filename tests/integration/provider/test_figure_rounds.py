"""Instances are looked at more often while somebody reads figures: each at most once a minute, in turn."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import pairwise

import pytest

from scvk.provider.ownership import PodMark, environment, group_name
from scvk.provider.poller import SWEEP_EVERY_S
from scvk.provider.usage.reader import READ_LATELY_S
from scvk.provider.usage.rounds import EACH_AFTER_S
from tests.integration.provider.world import World, mark
from tests.unit.provider.evidence import UID

pytestmark = pytest.mark.looptime


async def looks(world: World, seconds: float, *, read: bool = True) -> dict[str, list[float]]:
    """Return when each group's instances were asked for."""
    await world.started()
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(60)
    world.cloud.requests.clear()
    for _ in range(int(seconds / 15)):
        if read:
            world.provider.usage.usage(())
        await asyncio.sleep(15)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    found: dict[str, list[float]] = defaultdict(list)
    for at, kind, name in world.cloud.requests:
        if kind == "instances":
            found[name].append(at)
    return found


def add(world: World, one: PodMark) -> str:
    name = group_name(one)
    world.cloud.add(name, environment(one))
    return name


def pauses(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


@pytest.mark.parametrize("groups", [10, 30, 45])
async def test_each_group_is_looked_at_about_once_a_minute_while_somebody_reads(groups: int) -> None:
    world = World()
    names = [add(world, mark(uid=f"{UID}-{n}", name=f"web-{n}")) for n in range(groups)]
    found = await looks(world, 900)
    assert set(found) == set(names)
    for times in found.values():
        # The sweep, which comes anyway, may look at one somewhat earlier than its minute is over.
        assert all(EACH_AFTER_S - SWEEP_EVERY_S <= pause <= EACH_AFTER_S + 5 for pause in pauses(times))


async def test_more_groups_than_the_rounds_have_room_for_are_looked_at_in_turn() -> None:
    world = World()
    names = [add(world, mark(uid=f"{UID}-{n}", name=f"web-{n}")) for n in range(130)]
    found = await looks(world, 900)
    assert set(found) == set(names)
    assert all(100 <= pause <= 150 for times in found.values() for pause in pauses(times))


async def test_groups_of_another_node_are_looked_at_only_by_the_sweep() -> None:
    world = World()
    others = [PodMark("c1", "shop", f"other-{n}", f"uid-{n}", 0, "node-b") for n in range(50)]
    for each in others:
        add(world, each)
    ours = add(world, mark())
    found = await looks(world, 900)
    assert sum(len(found[group_name(each)]) for each in others) <= 900 / SWEEP_EVERY_S + 1
    assert len(found[ours]) >= 13


async def test_two_minutes_after_the_last_reading_only_the_sweep_looks() -> None:
    world = World()
    for n in range(20):
        add(world, mark(uid=f"{UID}-{n}", name=f"web-{n}"))
    world.provider.usage.usage(())
    await looks(world, READ_LATELY_S, read=False)
    found = await looks(world, 300, read=False)
    assert sum(map(len, found.values())) <= 300 / SWEEP_EVERY_S + 1


async def test_the_rounds_go_on_after_answers_that_tell_nothing() -> None:
    world = World()
    names = [add(world, mark(uid=f"{UID}-{n}", name=f"web-{n}")) for n in range(10)]
    world.cloud.fail("instances", "500", "html 200", "timeout", "refused", "html 404")
    found = await looks(world, 300)
    assert all(len(found[name]) >= 4 for name in names)


async def test_platform_that_says_too_many_requests_is_left_alone() -> None:
    world = World()
    for n in range(10):
        add(world, mark(uid=f"{UID}-{n}", name=f"web-{n}"))
    await world.started()
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(60)
    world.cloud.requests.clear()
    world.cloud.fail("instances", "429")
    world.provider.usage.usage(())
    await asyncio.sleep(20)
    times = [at for at, kind, _ in world.cloud.requests if kind == "instances"]
    assert times[1] - times[0] >= 7
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
