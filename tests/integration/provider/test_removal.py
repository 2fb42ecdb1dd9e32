"""Nothing is left, nothing else is touched, and nothing is said to be gone that may be there."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from scvk.kubelet.provider import TemporaryProviderError
from scvk.provider.ownership import environment, group_name
from scvk.provider.record import Record
from tests.integration.provider.world import World, mark, name_of

pytestmark = pytest.mark.looptime


async def a_world_with_a_group(*, stays_for: int = 1) -> World:
    world = World()
    world.cloud.deleted_stays_for = stays_for
    world.run_group()
    world.annotate(Record(name_of(), 0).annotations())
    return await world.started()


async def test_before_the_first_listing_nothing_is_certain() -> None:
    world = World()
    with pytest.raises(TemporaryProviderError, match="listed"):
        await world.remove()


async def test_a_pod_without_a_group_is_gone_at_once_and_costs_nothing() -> None:
    world = await World().started()
    assert not (await world.remove()).certain, "one listing may be stale"
    await world.poll()
    before = len(world.cloud.requests)
    assert (await world.remove()).certain
    assert len(world.cloud.requests) == before


async def test_a_listing_that_lacks_the_group_once_does_not_let_the_pod_go() -> None:
    world = await a_world_with_a_group()
    missed = world.cloud.groups.pop(name_of())
    await world.poll()
    assert not (await world.remove()).certain
    world.cloud.groups[name_of()] = missed
    await world.poll()
    assert not (await world.remove()).certain
    assert world.cloud.count("delete") == 1


async def test_a_group_that_only_stale_listings_lack_is_found_by_name_and_deleted() -> None:
    world = await a_world_with_a_group(stays_for=0)
    missed = world.cloud.groups.pop(name_of())
    for _ in range(3):
        await world.poll()
    world.cloud.groups[name_of()] = missed
    assert not (await world.remove()).certain
    assert (world.cloud.count("get"), world.cloud.count("delete")) == (1, 1)
    await world.poll()
    assert (await world.remove()).certain
    assert world.cloud.groups == {}


async def test_after_a_restart_a_deletion_is_confirmed_by_two_listings_and_by_name() -> None:
    world = await a_world_with_a_group(stays_for=0)
    assert not (await world.remove()).certain
    world.restart()
    await world.started()
    assert not (await world.remove()).certain
    await world.poll()
    assert (await world.remove()).certain
    assert (world.cloud.count("get"), world.cloud.count("delete")) == (1, 1)


async def test_a_deletion_is_certain_when_a_later_listing_lacks_the_group() -> None:
    world = await a_world_with_a_group()
    first = await world.remove()
    assert (first.certain, first.again_in) == (False, 2)
    assert [event.reason for event in first.events] == ["Killing"]
    assert not (await world.remove()).certain, "no listing was taken since"
    await world.poll()
    assert not (await world.remove()).certain, "it is still listed"
    await world.poll()
    assert (await world.remove()).certain
    assert (world.cloud.count("delete"), world.provider.in_transition()) == (1, False)


async def test_a_listing_in_flight_during_the_delete_does_not_confirm_it() -> None:
    world = await a_world_with_a_group(stays_for=0)

    missed = world.cloud.groups.pop(name_of())

    async def delete_meanwhile() -> None:
        world.cloud.groups[name_of()] = missed
        await asyncio.sleep(1)
        assert not (await world.remove()).certain
        await asyncio.sleep(1)

    world.cloud.meanwhile["list"] = delete_meanwhile
    await world.poll()  # it lacks the group, but was asked for before the delete
    assert not (await world.remove()).certain
    await world.poll()
    assert (await world.remove()).certain
    assert world.cloud.count("delete") == 1


@pytest.mark.parametrize("fault", ["500", "429", "html", "refused", "timeout", "lost timeout", "unauthorized"])
async def test_a_delete_that_failed_is_repeated(fault: str) -> None:
    world = await a_world_with_a_group()
    world.cloud.fail("delete", fault)
    with pytest.raises(TemporaryProviderError):
        await world.remove()
    await asyncio.sleep(120)
    assert not (await world.remove()).certain
    assert world.cloud.count("delete") == 2
    for _ in range(2):
        await world.poll()
    assert (await world.remove()).certain


async def test_a_group_that_stays_is_deleted_again_after_half_a_minute() -> None:
    world = await a_world_with_a_group(stays_for=99)
    for _ in range(62):
        assert not (await world.remove()).certain
        await world.poll()
    times = [at for at, kind, _ in world.cloud.requests if kind == "delete"]
    assert len(times) == 3
    assert all(30 <= later - earlier <= 32 for earlier, later in pairwise(times))


async def test_a_delete_answered_404_still_waits_for_a_listing() -> None:
    world = await a_world_with_a_group()
    world.cloud.remove(name_of())
    assert not (await world.remove()).certain
    assert world.cloud.count("delete") == 1
    await world.poll()
    assert (await world.remove()).certain


async def test_every_group_of_the_pod_is_deleted_also_without_a_record() -> None:
    world = World()
    for attempt in range(3):
        world.run_group(attempt)
    await world.started()
    for _ in range(3):
        await world.remove(annotations={})
        await world.poll()
    assert (await world.remove(annotations={})).certain
    assert world.cloud.groups == {}
    assert world.cloud.count("delete") == 3


async def test_a_foreign_group_under_the_recorded_name_is_untouched() -> None:
    world = World()
    world.cloud.add("foreign", {"A": "b"})
    world.cloud.add(group_name(mark(uid="another")), environment(mark(uid="another")))
    await world.started()
    await world.poll()
    for name in world.cloud.groups:
        assert (await world.remove(annotations=Record(name, 0).annotations())).certain
    assert world.cloud.touched() == set()


async def test_a_foreign_group_that_took_the_pods_own_name_is_untouched_and_does_not_hold_up_the_pod() -> None:
    world = World()
    world.cloud.add(name_of(), {"OWNER": "somebody else"})
    world.annotate(Record(name_of(), 0).annotations())
    await world.started()
    await world.poll()
    assert (await world.remove()).certain
    assert world.cloud.touched() == set()


async def test_an_edited_record_hides_no_group_that_may_be_there() -> None:
    world = await World().started()
    await world.sync()
    world.cloud.fail("create", "lost timeout")
    with pytest.raises(TemporaryProviderError):
        await world.sync()
    edited = Record("somebody-elses", 0).annotations()
    assert not (await world.remove(annotations=edited)).certain, "a create was sent after the last listing"
    await world.poll()
    await world.remove(annotations=edited)
    for _ in range(2):
        await world.poll()
    assert (await world.remove(annotations=edited)).certain
    assert world.cloud.groups == {}


async def test_a_hidden_environment_is_asked_for_by_name() -> None:
    world = World()
    world.cloud.shows_environment = False
    world.run_group()
    world.annotate(Record(name_of(), 0).annotations())
    await world.started()
    assert not (await world.remove()).certain
    assert (world.cloud.count("get"), world.cloud.count("delete")) == (1, 1)


async def test_what_never_shows_its_environment_is_never_deleted() -> None:
    world = World()
    world.cloud.shows_environment = world.cloud.get_shows_environment = False
    world.run_group()
    world.annotate(Record(name_of(), 0).annotations())
    await world.started()
    for _ in range(3):
        with pytest.raises(TemporaryProviderError, match="environment"):
            await world.remove()
        await world.poll()
    assert world.cloud.touched() == set()


async def test_a_group_that_stays_hidden_does_not_keep_the_pods_other_groups() -> None:
    world = World()
    for attempt in (0, 1):
        world.run_group(attempt)
    world.annotate(Record(name_of(1), 1).annotations())
    await world.started()
    hidden = min(name_of(0), name_of(1))
    world.cloud.hidden = {hidden}
    world.restart()
    await world.started()
    with pytest.raises(TemporaryProviderError, match="environment"):
        await world.remove()
    assert world.cloud.touched() == {max(name_of(0), name_of(1))}


async def test_a_hidden_group_of_a_pod_whose_record_is_lost_keeps_the_pod() -> None:
    world = World()
    world.cloud.hidden = {world.run_group(2)}
    await world.started()
    for _ in range(3):
        with pytest.raises(TemporaryProviderError, match="environment"):
            await world.remove()
        await world.poll()
    world.cloud.hidden = set()
    for _ in range(4):
        await world.remove()
        await world.poll()
    assert ((await world.remove()).certain, world.cloud.touched()) == (True, {name_of(2)})


async def test_hidden_groups_of_predecessors_cost_nothing_and_do_not_keep_the_pod() -> None:
    world = World()
    other = mark(uid="another")
    world.cloud.hidden = {group_name(other)}
    world.cloud.add(group_name(other), environment(other))
    await world.started()
    await world.poll()
    assert (await world.remove()).certain
    assert (world.cloud.count("get"), world.cloud.touched()) == (0, set())


async def test_a_group_listed_and_gone_by_name_waits_for_the_listings() -> None:
    world = World()
    world.cloud.shows_environment = False
    world.run_group()
    world.annotate(Record(name_of(), 0).annotations())
    await world.started()
    world.cloud.remove(name_of())
    assert not (await world.remove()).certain
    await world.poll()
    assert not (await world.remove()).certain, "missing from one listing"
    await world.poll()
    assert (await world.remove()).certain


async def test_where_the_listing_may_be_cut_404_by_name_is_certain() -> None:
    world = World()
    for number in range(100):
        world.cloud.add(f"foreign-{number}")
    world.run_group()
    world.annotate(Record(name_of(), 0).annotations())
    world.cloud.list_max = 100
    world.cloud.deleted_stays_for = 2
    await world.started()
    answers = []
    for _ in range(8):
        answers.append((await world.remove()).certain)
        await world.poll()
    assert answers[0] is False
    assert answers[-1] is True
    assert name_of() not in world.cloud.groups
    assert world.cloud.touched() == {name_of()}
    assert world.cloud.count("delete") == 1


async def test_a_removal_that_nobody_asks_after_is_forgotten() -> None:
    world = await a_world_with_a_group()
    await world.remove(annotations={})  # as the collector does: once, and then the group is no longer held
    assert world.provider.in_transition()
    for _ in range(3):
        await world.poll()
    assert world.provider.holdings() == ()
    assert not world.provider.in_transition()
    await asyncio.sleep(600)
    await world.poll()
    assert not world.provider.in_transition()
    assert world.provider._remover._deleted == {}


async def test_a_removed_pod_leaves_nothing_in_memory() -> None:
    world = await World().started()
    world.cloud.used_names.add(name_of())
    world.cloud.fail("create", "invalid", "")
    await world.settle(3)
    assert world.pod.spec
    world.pod.spec.containers[0].image = "nginx:2"
    await world.settle(30)
    assert world.attempt == 1
    await world.hear()
    for _ in range(4):
        await world.remove()
        await world.poll()
    assert (await world.remove()).certain
    provider = world.provider
    assert (provider._keys, provider._creation._used_names, len(provider._refusals)) == ({}, {}, 0)
    for _ in range(130):
        await world.poll()
    memories = {name: value for name, value in vars(provider._view).items() if isinstance(value, dict)}
    assert all(not value for value in memories.values()), memories


async def test_a_change_that_waited_is_forgotten_with_a_pod_whose_record_is_lost() -> None:
    world = await a_world_with_a_group()
    await world.settle(2)
    world.cloud.fail("patch", *["500"] * 9)
    world.annotate({"salad.com/container-group-priority": "low"})
    await world.settle(2)
    assert world.provider._updater._pauses
    world.forget_annotations()
    for _ in range(4):
        await world.remove()
        await world.poll()
    assert (world.provider._updater._pauses, world.provider._updater._sent) == ({}, {})
