"""What watching costs, whatever the number of pods; and that nothing is missed or asked for twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import pairwise

import pytest

from scvk.kubelet.provider import PodKey, TemporaryProviderError
from scvk.provider.cloud_view import ABSENCES_REMEMBERED, Present
from scvk.provider.ownership import environment, group_name
from scvk.provider.pace import POLL_EVERY_S
from scvk.saladcloud.errors import ServerError
from tests.integration.provider.world import World, mark, name_of
from tests.unit.provider.evidence import at

pytestmark = pytest.mark.looptime


def add_ours(world: World, count: int, status: str = "running", running: int = 1) -> list[str]:
    names = []
    for number in range(count):
        each = mark(uid=f"uid-{number}", name=f"web-{number}")
        world.cloud.add(group_name(each), environment(each), status, running)
        names.append(group_name(each))
    return names


async def watch(world: World, seconds: float, *, after: float = 120) -> list[tuple[float, str, str]]:
    """Return the requests that `seconds` of running cost, once the first minutes are over."""
    await world.started()
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(after)
    world.cloud.requests.clear()
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return list(world.cloud.requests)


@pytest.mark.parametrize("groups", [0, 1, 50, 250])
async def test_a_steady_minute_costs_at_most_thirty_requests_however_many_groups(groups: int) -> None:
    world = World()
    add_ours(world, groups)
    requests = await watch(world, 300)
    by_kind = Counter(kind for _, kind, _ in requests)
    assert len(requests) / 5 <= 30
    assert by_kind["list"] == pytest.approx(60, abs=1)
    assert by_kind["events"] == pytest.approx(60, abs=1)
    assert by_kind["instances"] == (pytest.approx(20, abs=1) if groups else 0)


async def test_the_sweep_asks_for_all_running_groups_of_ours_in_turn_and_for_no_others() -> None:
    world = World()
    ours = add_ours(world, 5)
    stopped = group_name(mark(uid="stopped"))
    world.cloud.add(stopped, environment(mark(uid="stopped")), "stopped", 0)
    for number in range(30):
        world.cloud.add(f"foreign-{number}", {"A": "b"})
    requests = await watch(world, 15 * 20)
    asked = Counter(name for _, kind, name in requests if kind == "instances")
    assert set(asked) == set(ours)
    assert set(asked.values()) == {4}


async def test_wanted_instances_do_not_keep_the_sweep_from_its_turn() -> None:
    world = World()
    *ours, wanted = add_ours(world, 3)
    await world.started()
    task = asyncio.create_task(world.provider.run())
    for _ in range(180):
        world.provider._poller.want_instance(wanted)
        await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    asked = Counter(name for _, kind, name in world.cloud.requests if kind == "instances")
    assert all(asked[name] >= 3 for name in ours)
    assert asked[wanted] >= 40


async def test_instances_that_are_wanted_no_more_are_not_asked_for() -> None:
    world = World()
    ours = add_ours(world, 50)
    await world.started()
    for name in [*ours, "gone-from-the-listing"]:
        world.provider._poller.want_instance(name)
    for name in ours[1:]:
        world.provider._poller.want_no_instance(name)
    world.cloud.requests.clear()
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert world.cloud.count("instances") <= 6


@pytest.mark.parametrize(
    ("status", "running", "pace"),
    [("pending", 0, 2), ("deploying", 0, 2), ("running", 0, 2), ("running", 1, 5), ("stopped", 0, 5), ("failed", 0, 5)],
)
async def test_the_pace_follows_what_is_on_its_way(status: str, running: int, pace: float) -> None:
    world = World()
    add_ours(world, 1, status, running)
    times = [when for when, kind, _ in await watch(world, 60) if kind == "list"]
    assert {round(later - earlier, 3) for earlier, later in pairwise(times)} == {pace}


async def test_what_others_have_on_its_way_is_not_hurried_for() -> None:
    world = World()
    world.cloud.add("foreign", {"A": "b"}, "deploying", 0)
    assert sum(kind == "list" for _, kind, _ in await watch(world, 60)) <= 13


async def test_failing_listings_slow_down_and_recover() -> None:
    world = await World().started()
    world.cloud.requests.clear()
    world.cloud.fail("list", *["500"] * 6)
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(300)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    times = [when for when, kind, _ in world.cloud.requests if kind == "list"]
    pauses = [round(later - earlier) for earlier, later in pairwise(times)]
    assert pauses[:7] == [5, 10, 20, 40, 60, 60, 5]


async def test_a_429_is_waited_for() -> None:
    world = await World().started()
    await asyncio.sleep(60)
    world.cloud.requests.clear()
    world.cloud.fail("list", "429")
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    times = [when for when, kind, _ in world.cloud.requests if kind == "list"]
    assert times[1] - times[0] >= 7
    others = [when for when, _, _ in world.cloud.requests if times[0] < when < times[0] + 7]
    assert others == []


async def test_all_pages_of_events_are_read() -> None:
    world = await World().started()
    for number in range(250):
        world.cloud.say(name_of(number % 3), f"Instance Exited:{number} (Error)", seconds=-300 + number)
    world.cloud.requests.clear()
    await world.hear()
    assert world.cloud.count("events") == 3
    assert sum(len(world.provider._view.events(name_of(n))) for n in range(3)) == 250
    await world.hear()
    assert world.cloud.count("events") == 4


async def test_events_that_come_late_are_found_within_the_overlap() -> None:
    world = await World().started()
    await asyncio.sleep(100)
    await world.hear()
    world.cloud.say(name_of(), "Instance Running", seconds=80)
    await world.hear()
    assert [event.time for event in world.provider._view.events(name_of())] == [at(80)]


async def test_the_overlap_after_a_burst_costs_one_page() -> None:
    world = await World().started()
    for number in range(250):
        world.cloud.say(f"web-{number}", "Instance Running", seconds=-10 + number / 50)
    await world.hear()
    world.cloud.requests.clear()
    await world.hear()
    assert world.cloud.count("events") == 1


async def test_more_events_of_one_time_stamp_than_a_page_holds_do_not_hold_up_the_rest() -> None:
    world = await World().started()
    for number in range(150):
        world.cloud.say(name_of(), f"Instance Exited:{number} (Error)", seconds=-100)
    world.cloud.say(name_of(), "Instance Running", seconds=-50)
    world.cloud.requests.clear()
    await world.hear()
    assert world.cloud.count("events") <= 4
    assert world.provider._view.events(name_of())[-1].text == "Instance Running"


async def test_a_burst_larger_than_a_round_is_read_on_in_the_next() -> None:
    world = await World().started()
    for number in range(2500):  # in less than the overlap of two rounds
        world.cloud.say(f"web-{number}", "Instance Running", seconds=-10 + number / 500)
    for _ in range(3):
        await world.hear()
    assert all(world.provider._view.events(f"web-{number}") for number in range(2500))


async def test_pages_before_a_failed_one_are_told_of() -> None:
    world = World()
    world.run_group()
    await world.started()
    world.changed()
    for number in range(150):
        world.cloud.say(name_of(), f"Instance Exited:{number} (Error)", seconds=-300 + number)
    world.cloud.fail("events", "", "500")
    with pytest.raises(ServerError):
        await world.hear()
    assert len(world.changed()) == 1


async def test_a_clock_that_was_set_back_asks_for_nothing_in_the_future() -> None:
    world = await World().started()
    await world.hear()
    poller = world.provider._poller
    poller.cursor = at(3600)
    await world.hear()  # the scripted cloud refuses an end in the future
    world.cloud.say(name_of(), "Instance Running")
    await world.hear()
    assert world.provider._view.events(name_of())


async def test_an_instance_counts_from_when_it_was_asked_for() -> None:
    world = World()
    name = world.run_group()
    world.cloud.instances[name] = [{"id": "i1", "state": "running", "ready": True}]
    await world.started()

    async def slowly() -> None:
        await asyncio.sleep(8)

    world.cloud.meanwhile["instances"] = slowly
    before = asyncio.get_running_loop().time()
    await world.provider._poller.ask_instance(name)
    found = world.provider._view.instance(name)
    assert found
    assert found[0] == at(before)


async def test_an_instance_of_a_group_that_went_is_no_failure() -> None:
    world = await World().started()
    await world.provider._poller.ask_instance("gone")
    assert world.provider._view.instance("gone") is None


async def test_a_time_with_everything_failing_at_times_ends_where_it_should() -> None:
    world = await World().started()
    task = asyncio.create_task(world.provider.run())
    for kind in ("list", "events", "instances", "create", "get"):
        world.cloud.fail(kind, *["500", "html", "", "timeout", "429", "", "refused", "html 404", "lost timeout"])
    for _ in range(100):
        with suppress(TemporaryProviderError):  # which the kubelet survives; nothing else may come
            await world.sync()
        if name_of() in world.cloud.groups:
            world.cloud.set_state(name_of(), "running", 1)
        await asyncio.sleep(12)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (list(world.cloud.groups), world.phase, world.container.ready) == ([name_of()], "Running", True)


async def test_looking_outlives_what_nobody_foresaw_in_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await World().started()
    (name,) = add_ours(world, 1)

    def fail(*_: object, **__: object) -> None:
        raise OverflowError("a date before all dates")

    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(60)
    with monkeypatch.context() as broken:
        for method in ("apply_listing", "apply_events", "apply_instances"):
            broken.setattr(world.provider._view, method, fail)
        await asyncio.sleep(60)
    assert not task.done()
    world.cloud.requests.clear()
    await asyncio.sleep(120)
    kinds = Counter(kind for _, kind, _ in world.cloud.requests)
    assert kinds["list"] > 10
    assert kinds["events"] > 10
    assert kinds["instances"] > 3
    assert isinstance(world.provider._view.lookup(name), Present)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_429s_slow_the_looking_down_in_the_measure_of_the_budget_that_is_left() -> None:
    world = await World().started()
    await asyncio.sleep(60)
    world.cloud.fail("list", "429")
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(20)
    world.cloud.requests.clear()
    await asyncio.sleep(60)
    assert sum(kind in ("list", "events") for _, kind, _ in world.cloud.requests) <= 14
    await asyncio.sleep(300)
    world.cloud.requests.clear()
    await asyncio.sleep(60)
    assert world.cloud.count("list") == 12
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_listing_that_takes_long_is_taken_less_often() -> None:
    world = World()
    world.cloud.takes_s["list"] = 1.5
    times = [when for when, kind, _ in await watch(world, 120) if kind == "list"]
    assert {round(later - earlier) for earlier, later in pairwise(times)} == {15}
    snapshot = world.provider.poller_snapshot()
    assert (snapshot.pace_s, snapshot.listing_s) == (15.0, 1.5)
    assert snapshot.listing_bytes > 0


# -- while log entries cannot be had ---------------------------------------------------------------------------------


async def test_without_log_entries_the_system_logs_of_what_is_on_its_way_are_read() -> None:
    world = await World().started()
    await asyncio.sleep(60)
    [calm] = add_ours(world, 1)
    await world.sync()
    await world.sync()
    world.cloud.fail("events", *["500"] * 1000)
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(30)
    assert world.provider.poller_snapshot().system_logs_instead
    world.cloud.set_state(name_of(), "deploying", 0)
    world.cloud.say(name_of(), "Instance Running")
    await asyncio.sleep(20)
    assert world.provider._view.events(name_of())
    assert calm not in {name for _, kind, name in world.cloud.requests if kind == "system-logs"}
    world.cloud.set_state(name_of(), "running", 0)
    world.cloud.say(name_of(), "Instance Exited:3 (Error)")
    await asyncio.sleep(20)
    assert world.provider._view.events(name_of())[-1].exit_code == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_system_logs_are_left_alone_once_log_entries_are_back() -> None:
    world = await World().started()
    await asyncio.sleep(60)
    await world.sync()
    await world.sync()
    world.cloud.fail("events", *["500"] * 4)
    task = asyncio.create_task(world.provider.run())
    await asyncio.sleep(180)
    assert not world.provider.poller_snapshot().system_logs_instead
    world.cloud.requests.clear()
    world.cloud.set_state(name_of(), "running", 1)
    await asyncio.sleep(60)
    assert world.cloud.count("system-logs") == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event_that_both_logs_tell_is_one() -> None:
    world = await World().started()
    world.run_group()
    world.cloud.say(name_of(), "Instance Running", seconds=-5)
    await world.poll()
    await world.hear()
    world.provider._poller._system_logs.want({name_of()})
    await world.provider._poller._system_logs.read_next()
    assert len(world.provider._view.events(name_of())) == 1


async def test_events_are_read_half_way_between_two_listings() -> None:
    world = World()
    add_ours(world, 3)
    requests = await watch(world, 60)
    listed, read = ([when for when, kind, _ in requests if kind == each] for each in ("list", "events"))
    assert {round(min((when - each) % POLL_EVERY_S for each in listed), 3) for when in read} == {POLL_EVERY_S / 2}


@pytest.mark.parametrize("behind_s", [0.2, 4, 90])
async def test_events_are_read_also_where_the_platforms_clock_is_behind(behind_s: float) -> None:
    world = World()
    (name,) = add_ours(world, 1)
    world.cloud.clock_behind_s = behind_s
    world.cloud.say(name, "Instance Running")
    await watch(world, 60)
    assert world.provider._view.events(name)


async def test_a_group_that_went_while_listings_were_cut_is_forgotten_in_the_end() -> None:
    world = World()
    (ours,) = add_ours(world, 1)
    for number in range(97):
        world.cloud.add(f"others-{number}", {})
    await world.started()
    assert len(world.changed()) == 1
    world.cloud.remove(ours)
    for number in range(97, 100):
        world.cloud.add(f"others-{number}", {})
    await world.poll()  # a hundred: what it lacks may be there all the same
    world.cloud.remove("others-99")
    for _ in range(ABSENCES_REMEMBERED + 2):
        await world.poll()
    assert world.provider._keys == {}


async def test_the_end_of_a_group_whose_environment_listings_do_not_show_is_told_to_its_pod() -> None:
    world = World()
    await world.started()
    await world.settle()
    world.restart()
    world.cloud.shows_environment = False
    await world.started()
    await world.settle(2)
    assert world.cloud.count("get") == 1
    world.changed()
    world.cloud.remove(name_of())
    await world.poll()
    assert world.changed() == [PodKey("shop", "web")]


async def test_what_was_told_of_a_group_is_forgotten_with_it_also_where_the_pod_had_lost_its_record() -> None:
    world = World()
    world.run_group()
    await world.started()
    world.cloud.say(name_of(), "Instance Running")
    await world.hear()
    await world.settle(2)
    assert world.provider._watcher._heard
    while not (await world.remove({})).certain:
        await world.poll()
    for _ in range(ABSENCES_REMEMBERED + 2):
        await world.poll()
    assert world.provider._watcher._heard == {}
