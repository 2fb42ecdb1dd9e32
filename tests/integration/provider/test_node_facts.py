"""What the provider says of its node while it lives: the quota as it is used, refusals, and its memory of events."""

from __future__ import annotations

import asyncio

import pytest
from lightkube.models.core_v1 import NodeCondition

from scvk.provider.event_memory import ANNOTATION
from scvk.provider.organization import QUOTAS_EVERY_S, SOON_S
from scvk.provider.ownership import environment, group_name
from tests.integration.provider.scripted_saladcloud import wall_clock
from tests.integration.provider.world import World, mark, name_of
from tests.unit.provider.evidence import a_pod, at

pytestmark = pytest.mark.looptime


def add_ours(world: World, *uids: str) -> None:
    for uid in uids:
        each = mark(uid=uid, name=uid)
        world.cloud.add(group_name(each), environment(each))


def pods(world: World, *bound: object) -> tuple[str, str]:
    """Capacity and allocatable of pods, with the world's own pod bound, or none."""
    facts = world.provider.node_facts([world.pod] if bound else [])
    return facts.capacity["pods"], facts.can_be_given["pods"]


def quota_condition(world: World) -> NodeCondition:
    (found,) = [c for c in world.provider.node_facts().conditions if c.type == "SaladCloudQuotaAvailable"]
    return found


async def test_what_other_projects_use_is_not_allocatable() -> None:
    world = World()
    world.cloud.used_elsewhere = 3
    await world.started()
    assert pods(world) == ("10", "7")


async def test_a_pod_costs_the_same_before_and_after_its_group_is_made() -> None:
    world = await World().started()
    # The scheduler takes the bound pod off: nine more can be made, before as after.
    assert pods(world, world.pod) == ("10", "10")
    await world.settle(3)
    assert name_of() in world.cloud.groups
    assert pods(world, world.pod) == ("10", "10")


async def test_groups_made_and_gone_count_before_the_quota_is_read_again() -> None:
    world = await World().started()
    world.cloud.add("somebody-elses")
    world.cloud.add("another")
    await world.poll()
    assert pods(world) == ("10", "8")
    world.cloud.remove("another")
    await world.poll()
    assert pods(world) == ("10", "9")
    assert world.cloud.count("quotas") == 1


async def test_a_listing_that_may_be_cut_does_not_move_the_numbers() -> None:
    world = World()
    world.cloud.quota = 500
    await world.started()
    for number in range(120):
        world.cloud.add(f"foreign-{number}")
    world.cloud.list_max = 100
    await world.poll()
    assert pods(world) == ("500", "500")
    await world.provider._organization.read_quotas()
    assert pods(world) == ("500", "380")


async def test_a_pod_that_runs_needs_nothing_though_a_cut_listing_lacks_its_group() -> None:
    world = World()
    await world.started()
    await world.settle(3)
    world.cloud.set_state(name_of(), "running", 1)
    await world.settle(3)
    assert world.phase == "Running"
    world.cloud.quota = 500
    for number in range(100):
        world.cloud.add(f"foreign-{number}")
    world.cloud.groups = dict(reversed(world.cloud.groups.items()))
    world.cloud.list_max = 100
    await world.provider._organization.read_quotas()
    await asyncio.sleep(60)
    await world.poll()
    assert name_of() not in {group.name for group in world.provider._view.groups}
    assert pods(world, world.pod)[1] == str(500 - 101 + 1)


async def test_groups_made_while_the_quota_is_read_are_not_counted_as_room() -> None:
    world = World()
    world.cloud.used_elsewhere = 2
    await world.started()

    async def one_more() -> None:
        world.cloud.add("made-meanwhile")
        await world.poll()

    world.cloud.meanwhile["quotas"] = one_more
    await world.provider._organization.read_quotas()
    assert pods(world) == ("10", "7")


async def test_a_pod_that_is_refused_does_not_take_room() -> None:
    world = await World(a_pod(annotations={"salad.com/gpu-classes": "no such class"})).started()
    await world.settle(2)
    assert world.waiting not in (None, "ContainerCreating")
    # Ten groups can be made beside the pod, which the scheduler counts.
    assert pods(world, world.pod) == ("10", "11")


async def test_before_the_pods_are_known_the_nodes_own_groups_stand_for_them() -> None:
    world = World()
    add_ours(world, "a", "b")
    await world.started()
    assert world.provider.node_facts(None).can_be_given["pods"] == "10"
    assert world.provider.node_facts([]).can_be_given["pods"] == "8"


async def test_the_quota_is_read_once_a_minute_and_sooner_only_where_a_refusal_contradicts_it() -> None:
    world = await World().started()
    task = asyncio.create_task(world.provider._organization.run())
    await asyncio.sleep(QUOTAS_EVERY_S * 5 + 1)
    assert world.cloud.count("quotas") == 1 + 5
    world.cloud.used_elsewhere = 10
    world.provider._organization.quota_refused()
    await asyncio.sleep(SOON_S + 1)
    assert world.cloud.count("quotas") == 1 + 5 + 1
    for _ in range(int(QUOTAS_EVERY_S) * 5):
        world.provider._organization.quota_refused()
        await asyncio.sleep(1)
    assert world.cloud.count("quotas") <= 1 + 5 + 1 + 5
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_refusal_for_the_quota_closes_the_node_until_the_quota_says_otherwise() -> None:
    world = await World().started()
    world.cloud.fail("create", "quota")
    await world.sync()
    await world.sync()
    assert quota_condition(world).status == "False"
    assert pods(world)[1] == "0"
    world.cloud.fail("quotas", "500")
    with pytest.raises(Exception, match="500"):
        await world.provider._organization.read_quotas()
    assert quota_condition(world).status == "False"
    await world.provider._organization.read_quotas()
    assert quota_condition(world).status == "True"


async def test_a_key_refused_for_good_makes_the_node_not_ready_and_a_new_answer_ready_again() -> None:
    world = await World().started()
    for _ in range(11):
        await asyncio.sleep(60)
        world.cloud.fail("list", "unauthorized")
        with pytest.raises(Exception, match="API key"):
            await world.provider._poller.list_once()
    assert [(c.type, c.reason) for c in world.provider.node_facts().conditions if c.type == "Ready"] == [
        ("Ready", "ApiKeyRefused")
    ]
    await world.poll()
    assert "Ready" not in {c.type for c in world.provider.node_facts().conditions}


# -- the memory of events --------------------------------------------------------------------------------------------


async def test_after_a_restart_events_are_read_from_where_the_last_agent_stopped() -> None:
    world = World()
    world.run_group()
    await world.started()
    await world.hear()
    left_behind = world.provider.node_facts().annotations
    await asyncio.sleep(3600)
    world.cloud.say(name_of(), "Instance Exited:3 (Error)", seconds=30)  # an hour ago, just after the agent went away
    world.restart()
    world.provider.recall(left_behind)
    await world.started()
    await world.hear()
    assert [event.text for event in world.provider._view.events(name_of())] == ["Instance Exited:3 (Error)"]


async def test_the_cursor_moves_on_with_each_whole_reading() -> None:
    world = await World().started()
    before = world.provider.node_facts().annotations[ANNOTATION]
    await asyncio.sleep(100)
    await world.hear()
    after = world.provider.node_facts().annotations[ANNOTATION]
    assert before < after <= wall_clock().strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_reading_that_failed_does_not_move_the_cursor() -> None:
    world = await World().started()
    world.provider.recall({ANNOTATION: at(-7200).isoformat()})
    before = world.provider.node_facts().annotations
    world.cloud.fail("events", "500")
    with pytest.raises(Exception, match="500"):
        await world.hear()
    assert world.provider.node_facts().annotations == before
