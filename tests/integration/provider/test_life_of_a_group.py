"""What becomes of a pod while its group lives: observed, restarted, lost, taken away, doubled."""

from __future__ import annotations

import pytest

from scvk.kubelet.informer import key_of
from scvk.kubelet.provider import Holding, PodIdentity, PodKey, TemporaryProviderError
from scvk.provider.ownership import environment, group_name
from scvk.provider.record import Record
from scvk.saladcloud.errors import SaladCloudError
from tests.integration.provider.world import World, mark, name_of
from tests.unit.provider.evidence import UID, a_pod, at

pytestmark = pytest.mark.looptime


async def a_running_world(world: World | None = None) -> World:
    world = await (world or World()).started()
    await world.sync()
    await world.sync()
    world.cloud.set_state(name_of(), "running", 1)
    world.cloud.say(name_of(), "Instance Running")
    await world.poll()
    await world.hear()
    await world.sync()
    assert (world.phase, world.attempt) == ("Running", 0)
    world.cloud.requests.clear()
    world.changed()
    return world


async def test_a_steady_pod_costs_no_request_and_no_write() -> None:
    world = await a_running_world()
    writes = world.status_writes
    observations = [await world.sync() for _ in range(5)]
    assert world.cloud.requests == []
    assert world.status_writes == writes
    assert {(o.again_in, o.events) for o in observations} == {(None, ())}


async def test_a_restarted_agent_adopts_and_says_nothing_twice() -> None:
    world = await a_running_world()
    before, said, writes = world.pod, len(world.events), world.status_writes
    world.restart()
    await world.started()
    await world.settle(5)
    await world.hear()
    await world.sync()
    assert world.cloud.touched() == set()
    assert world.pod.status == before.status
    assert (world.pod, len(world.events), world.status_writes) == (before, said, writes)


@pytest.mark.parametrize("attempt", [0, 3])
async def test_a_lost_record_is_found_on_the_living_group(attempt: int) -> None:
    world = await a_running_world()
    if attempt:
        world.cloud.remove(name_of())
        world.run_group(attempt)
    world.forget_annotations()
    world.restart()
    await world.started()
    await world.settle(5)
    assert (world.attempt, world.phase, world.container.ready) == (attempt, "Running", True)
    assert world.cloud.touched() == set()


@pytest.mark.parametrize("ran", [True, False])
async def test_a_lost_record_whose_group_is_hidden_makes_no_second_group_and_fails_no_pod(*, ran: bool) -> None:
    world = await (a_running_world() if ran else World().started())
    world.cloud.groups.pop(name_of(), None)
    world.cloud.hidden = {world.run_group(3)}
    world.forget_annotations()
    world.restart()
    await world.started()
    await world.settle(8)
    assert (world.cloud.count("create"), world.phase == "Failed") == (0, False)
    world.cloud.hidden = set()
    await world.settle(5)
    assert (world.attempt, world.phase, world.container.ready) == (3, "Running", True)
    assert world.cloud.touched() == set()


async def test_a_predecessor_that_is_hidden_does_not_keep_a_pod_from_starting() -> None:
    world = World()
    other = mark(uid="another")
    world.cloud.hidden = {group_name(other)}
    world.cloud.add(group_name(other), environment(other))
    await world.started()
    await world.settle(3)
    assert world.cloud.count("create") == 1


async def test_an_adopted_group_is_not_judged_again() -> None:
    world = await a_running_world()
    world.forget_annotations()
    assert world.pod.spec
    world.pod.spec.hostNetwork = True  # refused for new pods
    await world.settle(3)
    assert (world.attempt, world.phase, world.container.ready) == (0, "Running", True)


@pytest.mark.parametrize(
    "record",
    [Record("somebody-elses", 0), Record("somebody-elses", 1), Record(name_of(5), 5)],
    ids=["another-name", "another-name-and-attempt", "a-later-attempt-of-the-pod"],
)
async def test_an_edited_record_makes_no_second_group_and_loses_no_pod(record: Record) -> None:
    world = await a_running_world()
    world.cloud.add("somebody-elses", {"A": "b"})
    world.annotate(record.annotations())
    await world.settle()
    assert (world.attempt, world.phase, world.container.ready) == (0, "Running", True)
    assert world.cloud.touched() == set()


async def test_a_second_group_of_a_pod_is_deleted_and_the_recorded_one_kept() -> None:
    world = await a_running_world()
    for attempt in (1, 2):
        world.run_group(attempt)
    world.cloud.add(group_name(mark(uid="another")), environment(mark(uid="another")))
    await world.poll()
    await world.settle(2)
    await world.settle(10)
    deleted = [name for _, kind, name in world.cloud.requests if kind == "delete"]
    assert sorted(deleted) == sorted([name_of(1), name_of(2)])
    assert set(world.cloud.groups) == {name_of(), group_name(mark(uid="another"))}
    assert (world.phase, world.container.ready) == ("Running", True)


async def test_a_second_group_that_cannot_be_deleted_does_not_hide_the_first() -> None:
    world = await a_running_world()
    world.run_group(1)
    world.cloud.fail("delete", "500")
    await world.poll()
    world.cloud.set_state(name_of(), "running", 0)
    await world.poll()
    await world.sync()
    assert world.waiting == "Reallocating"
    await world.sync()
    assert name_of(1) in world.cloud.deleting


async def test_a_group_that_ran_and_was_deleted_by_somebody_fails_the_pod_once_that_is_certain() -> None:
    world = await a_running_world()
    world.cloud.remove(name_of())
    await world.poll()
    once = await world.sync()
    assert (once.status, world.phase, world.cloud.count("get")) == (None, "Running", 0)
    await world.poll()
    lost = await world.sync()
    assert (world.phase, world.cloud.count("get")) == ("Failed", 1)
    assert world.pod.status
    assert world.pod.status.reason == "ContainerGroupDeleted"
    assert [event.reason for event in lost.events] == ["ContainerGroupDeleted"]
    assert world.cloud.touched() == set()


async def test_a_group_deleted_while_the_agent_was_away_is_found_out_too() -> None:
    world = await a_running_world()
    world.cloud.remove(name_of())
    world.restart()
    await world.started()
    await world.settle(4)
    assert (world.phase, world.cloud.touched()) == ("Failed", set())


async def test_a_group_that_only_a_stale_listing_lacks_is_not_lost() -> None:
    world = await a_running_world()
    group = world.cloud.groups.pop(name_of())
    await world.poll()
    await world.poll()
    world.cloud.groups[name_of()] = group
    await world.sync()
    assert (world.phase, world.container.ready, world.cloud.count("get")) == ("Running", True, 1)


async def test_in_a_cut_listing_a_group_is_asked_for_by_name_at_a_slow_pace_and_never_lost() -> None:
    world = await a_running_world()
    group = world.cloud.groups.pop(name_of())
    for number in range(100):
        world.cloud.add(f"foreign-{number}")
    await world.poll()
    for _ in range(3):
        await world.poll()
        assert (await world.sync()).again_in == 60
    assert (world.phase, world.container.ready) == ("Running", True)
    world.cloud.groups[name_of()] = group
    await world.poll()
    world.cloud.groups.pop("foreign-0")
    world.cloud.groups.pop("foreign-1")
    await world.poll()
    assert (await world.sync()).again_in is None


async def test_a_group_that_lost_its_marks_is_left_alone_and_the_pod_says_so() -> None:
    world = await a_running_world()
    marks = world.cloud.groups[name_of()]["container"]["environment_variables"]
    world.cloud.groups[name_of()]["container"]["environment_variables"] = {"A": "b"}
    await world.settle(5)
    assert (world.phase, world.waiting, world.container.ready) == ("Running", "ContainerGroupDisowned", False)
    assert [event.reason for event in world.events].count("ContainerGroupDisowned") == 1
    assert world.cloud.touched() == set()
    world.cloud.groups[name_of()]["container"]["environment_variables"] = marks
    await world.settle(2)
    assert (world.phase, world.container.ready) == ("Running", True)


@pytest.mark.parametrize("fault", ["500", "429", "html", "html 200", "html 404", "refused", "timeout", "unauthorized"])
async def test_a_listing_that_fails_changes_nothing(fault: str) -> None:
    world = await a_running_world()
    writes = world.status_writes
    world.cloud.remove(name_of())
    for _ in range(4):
        world.cloud.fail("list", fault)
        with pytest.raises(SaladCloudError):
            await world.poll()
        await world.sync()
    assert (world.phase, world.container.ready, world.status_writes) == ("Running", True, writes)
    assert world.cloud.touched() == set()
    assert world.provider.node_facts().conditions[0].status == "False"
    await world.poll()
    assert world.provider.node_facts().conditions[0].status == "True"


async def test_an_environment_that_listings_hide_is_asked_for_once() -> None:
    world = await a_running_world()
    world.cloud.shows_environment = False
    world.restart()
    await world.started()
    await world.settle(5)
    assert (world.phase, world.container.ready, world.cloud.count("get")) == ("Running", True, 1)
    assert world.cloud.touched() == set()


async def test_an_environment_that_is_never_shown_changes_nothing() -> None:
    world = await a_running_world()
    world.cloud.shows_environment = world.cloud.get_shows_environment = False
    world.restart()
    await world.started()
    for _ in range(3):
        with pytest.raises(TemporaryProviderError, match="environment"):
            await world.sync()
        await world.poll()
    assert (world.phase, world.container.ready, world.cloud.touched()) == ("Running", True, set())
    assert world.provider.holdings() == ()


async def test_pods_whose_groups_moved_are_named_and_no_others() -> None:
    world = await a_running_world()
    world.cloud.add("foreign", {"A": "b"})
    await world.poll()
    assert world.changed() == []
    world.cloud.set_state(name_of(), "running", 0)
    await world.poll()
    assert world.changed() == [PodKey("shop", "web")]
    await world.poll()
    assert world.changed() == []
    world.cloud.say(name_of(), "Instance Interrupted (Priority)")
    await world.hear()
    assert world.changed() == [PodKey("shop", "web")]
    await world.hear()
    assert world.changed() == []
    world.cloud.remove(name_of())
    await world.poll()
    assert world.changed() == [PodKey("shop", "web")]


async def test_an_event_wakes_the_pod_also_while_listings_may_be_cut() -> None:
    world = await a_running_world()
    group = world.cloud.groups.pop(name_of())
    for number in range(100):
        world.cloud.add(f"foreign-{number}")
    await world.poll()
    world.changed()
    for text in ("Instance Interrupted (Priority)", "Instance Running"):
        world.cloud.say(group["name"], text)
        await world.hear()
        assert world.changed() == [PodKey("shop", "web")]


async def test_progress_is_asked_for_on_the_way_up_and_not_after() -> None:
    world = await World(a_pod(readiness=True)).started()
    await world.sync()
    pending = await world.sync()
    assert pending.again_in is None, "an image is pulled: no instance could tell"
    world.cloud.set_state(name_of(), "deploying", 0)
    await world.poll()
    assert (await world.sync()).again_in == 15
    world.cloud.set_state(name_of(), "running", 1)
    await world.poll()
    assert (await world.sync()).again_in == 10
    assert world.provider._poller._wanted
    world.cloud.instances[name_of()] = [{"id": "i1", "state": "running", "started": True, "ready": True}]
    await world.provider._poller.ask_instance(name_of())
    assert (await world.sync()).again_in is None
    assert world.container.ready


async def test_holdings_are_what_is_surely_ours() -> None:
    world = World()
    assert world.provider.holdings() is None
    world.cloud.add("foreign", {"A": "b"})
    world.cloud.add(group_name(mark(cluster="c2")), environment(mark(cluster="c2")))
    world.cloud.add("copied-marks", environment(mark()))
    world.run_group()
    await world.started()
    assert world.provider.holdings() == (Holding(PodIdentity(PodKey("shop", "web"), UID), "node-a"),)


async def test_the_agent_starts_while_saladcloud_is_down() -> None:
    down = World()
    down.cloud.fail("list", "html")
    await down.started()
    assert down.provider.holdings() is None


@pytest.mark.parametrize(
    ("request_kind", "fault", "words"),
    [
        ("list", "unauthorized", "API key"),
        ("list", "404", "no such project"),
        ("gpus", "unauthorized", "API key"),
        ("quotas", "404", "not found"),
    ],
)
async def test_the_agent_does_not_start_where_saladcloud_says_no(request_kind: str, fault: str, words: str) -> None:
    world = World()
    world.cloud.fail(request_kind, fault)
    with pytest.raises(SaladCloudError, match=words):
        await world.started()


async def test_what_the_platform_reports_is_told_once_with_its_own_time() -> None:
    world = World()
    name = world.run_group()
    await world.started()
    world.cloud.say(name, "Instance Allocated", seconds=-5)
    await world.hear()
    await world.settle(3)
    allocated = [event for event in world.events if event.reason == "Allocated"]
    assert [(event.message, event.at) for event in allocated] == [("Allocated machine m1", at(-5))]


async def test_the_gateways_url_stands_on_the_pod_once_the_group_has_one() -> None:
    world = World()
    name = world.run_group()
    await world.started()
    await world.settle(2)
    assert world.pod.metadata
    assert "salad.com/gateway-url" not in (world.pod.metadata.annotations or {})
    world.cloud.groups[name]["networking"] = {"dns": "lime-fig.salad.cloud", "port": 80, "protocol": "http"}
    world.cloud.requests.clear()
    world.changed()
    await world.poll()
    assert world.changed(), "nothing else of the group moves"
    await world.sync()
    assert (world.pod.metadata.annotations or {})["salad.com/gateway-url"] == "https://lime-fig.salad.cloud"
    assert [kind for _, kind, _ in world.cloud.requests] == ["list"]


async def test_a_group_that_only_a_read_by_name_still_showed_is_missed_when_the_next_listing_lacks_it() -> None:
    world = await a_running_world()
    world.cloud.list_max = 0
    await world.poll()
    await world.poll()
    world.cloud.set_state(name_of(), "stopped")
    await world.sync()
    assert world.waiting == "ContainerGroupStopped"  # somebody has just deleted it: asked by name, it is there
    world.changed()
    world.cloud.remove(name_of())
    await world.poll()
    assert world.changed() == [key_of(world.pod)]
    await world.settle(3)
    assert world.phase == "Failed"
