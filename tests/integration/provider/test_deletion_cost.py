"""A pod's deletion cost reaches its instance, once, and after everything else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scvk.provider.deletion_cost import DELETION_COST, EVERY_S, FAILED_AGAIN_S
from tests.integration.provider.test_life_of_a_group import a_running_world
from tests.integration.provider.world import World, name_of
from tests.unit.provider.evidence import a_pod

pytestmark = pytest.mark.looptime

FIRST, SECOND = (f"00000000-0000-4000-8000-{number:012}" for number in (1, 2))


async def a_world(cost: str | None, shown: int | None = 0) -> World:
    world = World(a_pod(annotations={} if cost is None else {DELETION_COST: cost}))
    world.cloud.instances[name_of()] = [{"id": FIRST, "state": "running", "deletion_cost": shown}]
    return await a_running_world(world)


def instance(world: World) -> dict[str, Any]:
    return world.cloud.instances[name_of()][0]


async def looked(world: World) -> None:
    """Ask for the instance, as the sweep does, and let the pod be synced for it."""
    await world.provider._poller.ask_instance(name_of())
    await world.sync()


async def test_the_instance_gets_the_pods_cost_once() -> None:
    world = await a_world("70")
    for _ in range(5):
        await looked(world)
    assert (instance(world)["deletion_cost"], world.cloud.count("patch-instance")) == (70, 1)


async def test_a_changed_cost_is_told_again_without_another_look() -> None:
    world = await a_world("70")
    await looked(world)
    world.annotate({DELETION_COST: "-1"})
    again = (await world.sync()).again_in
    assert again is not None
    await asyncio.sleep(again)
    await world.sync()
    assert (instance(world)["deletion_cost"], world.cloud.count("patch-instance")) == (0, 2)


async def test_a_new_instance_is_told_too() -> None:
    world = await a_world("70")
    await looked(world)
    world.cloud.instances[name_of()] = [{"id": SECOND, "state": "running", "deletion_cost": 0}]
    await looked(world)
    await asyncio.sleep(EVERY_S)
    await world.sync()
    assert instance(world) == {"id": SECOND, "state": "running", "deletion_cost": 70}


@pytest.mark.parametrize(("cost", "shown"), [(None, 0), (None, 30), ("30", 30), ("0", None)])
async def test_nothing_is_sent_where_the_pod_says_nothing_or_the_instance_has_it(
    cost: str | None, shown: int | None
) -> None:
    world = await a_world(cost, shown)
    for _ in range(3):
        await looked(world)
    assert world.cloud.count("patch-instance") == 0


async def test_what_the_program_sets_itself_afterwards_is_left_alone() -> None:
    world = await a_world("70")
    await looked(world)
    instance(world)["deletion_cost"] = 5
    for _ in range(3):
        await looked(world)
        await asyncio.sleep(EVERY_S)
    assert (instance(world)["deletion_cost"], world.cloud.count("patch-instance")) == (5, 1)


async def test_costs_are_told_four_a_minute_at_most() -> None:
    world = await a_world("1")
    await looked(world)
    for cost in range(2, 60):
        world.annotate({DELETION_COST: str(cost)})
        await world.sync()
        await asyncio.sleep(1)
    assert world.cloud.count("patch-instance") <= 5


@pytest.mark.parametrize("fault", ["500", "429", "timeout", "404"])
async def test_a_cost_that_could_not_be_told_disturbs_nothing_and_is_told_later(fault: str) -> None:
    world = await a_world("70")
    world.cloud.fail("patch-instance", fault)
    told = list(world.events)
    await looked(world)
    await world.sync()
    assert (world.phase, world.events) == ("Running", told)
    assert world.cloud.count("patch-instance") == 1
    await asyncio.sleep(FAILED_AGAIN_S)
    await world.sync()
    assert instance(world)["deletion_cost"] == 70


async def test_a_cost_waits_while_the_request_budget_has_no_room() -> None:
    world = await a_world("70")
    budget = world.provider._poller._budget
    world.provider._creations._taken = budget.snapshot().limit
    await looked(world)
    assert world.cloud.count("patch-instance") == 0
    world.provider._creations._taken = 0
    await world.sync()
    assert world.cloud.count("patch-instance") == 1
