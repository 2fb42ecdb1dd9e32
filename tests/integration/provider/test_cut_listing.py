"""A listing that may be cut: what it lacks is asked for by name, in turn, and takes the budget from nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scvk.kubelet.provider import PodIdentity, PodKey, TemporaryProviderError
from scvk.provider.cloud_view import Present, Unlisted
from scvk.provider.ownership import environment, group_name
from scvk.provider.record import Record
from tests.integration.provider.world import World, mark, name_of
from tests.unit.provider.evidence import a_pod

pytestmark = pytest.mark.looptime


def a_full_project(shown: int = 100) -> World:
    """Return a world whose listing shows so many groups, all of them somebody else's."""
    world = World()
    world.cloud.list_max = 100
    for number in range(shown):
        world.cloud.add(f"foreign-{number}", {"A": "b"})
    return world


def adopted(world: World, number: int) -> tuple[str, World]:
    """Return the name of a running group behind the cut, and a world with its pod, over the same cloud."""
    of = mark(uid=f"uid-{number}", name=f"web-{number}")
    world.cloud.add(group_name(of), environment(of))
    pod = World(a_pod(uid=f"uid-{number}", name=f"web-{number}"), world.cloud)
    pod.provider = world.provider
    pod.annotate(Record(group_name(of), 0, ("main",)).annotations())
    return group_name(of), pod


@asynccontextmanager
async def looking(world: World) -> AsyncIterator[None]:
    """Let the provider look around while the block runs."""
    task = asyncio.create_task(world.provider.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def sync_all(pods: list[World]) -> None:
    for pod in pods:
        try:
            await pod.sync()
        except TemporaryProviderError:
            continue


async def test_hundreds_of_groups_behind_the_cut_become_known_and_never_take_the_whole_budget() -> None:
    world = a_full_project()
    pods = [adopted(world, number)[1] for number in range(200)]
    await world.started()
    async with looking(world):
        await asyncio.sleep(60)
        least_free, start = 1000, asyncio.get_running_loop().time()
        for _ in range(25):
            await sync_all(pods)
            await asyncio.sleep(10)
            least_free = min(least_free, world.provider._client.budget.snapshot().limit - used(world))
        took = asyncio.get_running_loop().time() - start
        assert took == pytest.approx(250, abs=5), "no step may wait for the budget"
        assert {pod.phase for pod in pods} == {"Running"}
        assert least_free >= 40, "room for creating and deleting at any time"
        asked = Counter(name for _, kind, name in world.cloud.requests if kind == "get")
        assert len(asked) == 200
        assert max(asked.values()) <= 3


def used(world: World) -> int:
    return world.provider._client.budget.snapshot().used


async def test_groups_behind_the_cut_are_asked_for_in_turn_and_cost_a_bounded_number() -> None:
    world = a_full_project()
    pods = [adopted(world, number)[1] for number in range(20)]
    await world.started()
    await asyncio.sleep(120)
    async with looking(world):
        await asyncio.sleep(5)
        await sync_all(pods)
        await sync_all(pods)
        world.cloud.requests.clear()
        await asyncio.sleep(120)
        asked = Counter(name for _, kind, name in world.cloud.requests if kind == "get")
        assert sum(asked.values()) <= 121
        assert len(asked) == 20
        assert max(asked.values()) - min(asked.values()) <= 1


async def test_what_a_group_behind_the_cut_does_reaches_its_pod() -> None:
    world = a_full_project()
    name, pod = adopted(world, 0)
    await world.started()
    await asyncio.sleep(120)
    async with looking(world):
        await asyncio.sleep(5)
        await pod.sync()
        assert pod.phase == "Running"
        world.changed()
        world.cloud.set_state(name, "running", 0)
        world.cloud.say(name, "Instance Interrupted (Priority)")
        await asyncio.sleep(15)
        assert PodKey("shop", "web-0") in world.changed()
        await pod.sync()
        assert pod.waiting == "Reallocating"


async def test_what_was_learnt_by_name_holds_until_it_is_asked_for_again() -> None:
    world = a_full_project()
    name, pod = adopted(world, 0)
    await world.started()
    await pod.sync()
    for _ in range(5):
        await world.poll()
    assert isinstance(world.provider._view.lookup(name), Present)
    world.cloud.requests.clear()
    await pod.sync()
    assert world.cloud.requests == []


async def test_a_deleted_group_behind_the_cut_is_gone_when_a_read_after_the_delete_says_so() -> None:
    world = a_full_project()
    name, pod = adopted(world, 0)
    await world.started()
    await pod.sync()
    await world.poll()
    identity = PodIdentity(PodKey("shop", "web-0"), "uid-0")
    annotations = Record(name, 0).annotations()
    certain = []
    for _ in range(6):
        certain.append((await world.provider.remove(identity, annotations)).certain)
        if certain[-1]:
            break
        await world.poll()
    assert certain[-1]
    assert name not in world.cloud.groups
    assert world.cloud.count("delete") == 1
    assert isinstance(world.provider._view.lookup(name), Unlisted)
    assert len(world.provider._poller.unlisted) == 0


async def test_a_listing_that_may_be_cut_is_told_of() -> None:
    world = a_full_project()
    await world.started()
    assert world.provider.poller_snapshot().may_be_cut
    world.cloud.remove("foreign-0")
    await world.poll()
    assert not world.provider.poller_snapshot().may_be_cut


async def test_nothing_is_asked_for_by_name_any_more_once_listings_are_complete() -> None:
    world = a_full_project()
    _, pod = adopted(world, 0)
    await world.started()
    await asyncio.sleep(120)
    async with looking(world):
        await asyncio.sleep(5)
        await pod.sync()
        await pod.sync()
        world.cloud.list_max = None
        await asyncio.sleep(10)
        world.cloud.requests.clear()
        await asyncio.sleep(60)
        assert world.cloud.count("get") == 0
        assert world.provider.poller_snapshot().asked_by_name == 0


async def test_a_new_pod_behind_a_cut_listing_gets_its_group_also_while_the_budget_is_short() -> None:
    world = a_full_project()
    await world.started()
    async with looking(world):
        for _ in range(20):
            await world.sync()
            await asyncio.sleep(2)
        assert name_of() in world.cloud.groups
        assert world.cloud.count("create") == 1
