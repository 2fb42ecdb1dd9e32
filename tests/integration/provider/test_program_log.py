"""The log of a pod's program: past, last lines, and live through restarts, from one group's entries."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from scvk.kubelet.log_source import LogRequest, NoLog
from scvk.kubelet.provider import TemporaryProviderError
from tests.integration.provider.scripted_saladcloud import wall_clock
from tests.integration.provider.test_ends import running
from tests.integration.provider.world import World, name_of

pytestmark = pytest.mark.looptime


def say(world: World, *lines: str, ago_s: float = 0) -> None:
    """Let the program write lines, a millisecond apart."""
    for number, line in enumerate(lines):
        world.cloud.lines.append(
            (wall_clock() - timedelta(seconds=ago_s) + timedelta(milliseconds=number), name_of(), line)
        )


async def read(world: World, **given: object) -> list[str]:
    request = LogRequest("main", **given)  # type: ignore[arg-type]
    return [line.text async for line in world.provider.program_log.logs(world.pod, request, lambda: world.pod)]


class Reader:
    """Somebody who follows a log, and notes each line and how old it was when it came."""

    def __init__(self, world: World, request: LogRequest) -> None:
        self.found: list[tuple[float, str]] = []
        self._world, self._request = world, request
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self._world.provider.program_log.logs(
            self._world.pod, self._request, lambda: self._world.pod
        ):
            self._note((wall_clock() - line.time).total_seconds(), line.text)

    def _note(self, age: float, text: str) -> None:
        self.found.append((age, text))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.found]


async def test_all_lines_come_in_order() -> None:
    world = await running()
    say(world, *(f"line {number}" for number in range(250)))
    await asyncio.sleep(3)
    assert await read(world) == [f"line {number}" for number in range(250)]


async def test_the_last_lines_cost_one_request() -> None:
    world = await running()
    say(world, *(f"line {number}" for number in range(250)))
    await asyncio.sleep(3)
    before = world.cloud.count("logs")
    assert await read(world, tail_lines=3) == ["line 247", "line 248", "line 249"]
    assert world.cloud.count("logs") == before + 1


async def test_no_line_is_older_than_asked_for() -> None:
    world = await running()
    say(world, "old", ago_s=60)
    say(world, "new")
    await asyncio.sleep(3)
    assert await read(world, since=wall_clock() - timedelta(seconds=10)) == ["new"]


async def test_a_pod_that_has_not_started_says_so() -> None:
    world = await World().started()
    await asyncio.sleep(60)
    await world.settle(2)
    with pytest.raises(NoLog, match="waiting to start: ContainerCreating"):
        await read(world)


async def test_the_run_before_has_its_own_lines() -> None:
    world = await running("Always")
    say(world, "first")
    await asyncio.sleep(1)
    world.cloud.say(name_of(), "Instance Exited:1 (Error)")
    await asyncio.sleep(5)
    world.cloud.say(name_of(), "Instance Running")
    say(world, "second")
    await world.hear()
    await world.settle(2)
    await asyncio.sleep(3)
    assert world.container.restartCount == 1
    assert await read(world) == ["second"]
    assert await read(world, previous=True) == ["first"]


@pytest.mark.parametrize(("tail", "past"), [(None, ["one", "two"]), (1, ["two"]), (0, [])])
async def test_a_follower_gets_new_lines_soon_and_none_twice(tail: int | None, past: list[str]) -> None:
    world = await running()
    say(world, "one", "two")
    await asyncio.sleep(3)
    reader = Reader(world, LogRequest("main", follow=True, tail_lines=tail))
    await asyncio.sleep(20)
    assert reader.texts == past
    say(world, "three")
    say(world, "late", ago_s=4)
    await asyncio.sleep(4)
    assert sorted(reader.texts[len(past) :]) == ["late", "three"]
    assert max(age for age, text in reader.found if text == "three") < 4
    say(world, "the end")
    world.cloud.say(name_of(), "Instance Exited:0 (Exited Successfully)")
    world.cloud.set_state(name_of(), "running", 0)
    await world.hear()
    await world.settle(2)
    async with asyncio.timeout(30):
        await reader.task
    assert reader.texts[-1] == "the end"
    assert len(reader.found) == len(past) + 3
    assert world.provider.program_log._live._task is None


async def test_a_follower_goes_on_through_a_reallocation() -> None:
    world = await running("Always")
    reader = Reader(world, LogRequest("main", follow=True))
    await asyncio.sleep(5)
    world.cloud.say(name_of(), "Instance Interrupted (Node Offline)")
    world.cloud.set_state(name_of(), "running", 0)
    await world.hear()
    await world.settle(2)
    await asyncio.sleep(60)
    world.cloud.say(name_of(), "Instance Running")
    world.cloud.set_state(name_of(), "running", 1)
    say(world, "on another machine")
    await world.hear()
    await world.settle(2)
    await asyncio.sleep(10)
    assert reader.texts == ["on another machine"]
    reader.task.cancel()


async def test_a_cloud_that_does_not_answer_is_said() -> None:
    world = await running()
    world.cloud.fail("logs", *["500"] * 10)
    with pytest.raises(TemporaryProviderError, match="the log cannot be read now"):
        await read(world)


async def test_a_page_full_of_one_time_stamp_is_told_as_a_gap_and_what_follows_is_shown() -> None:
    world = await running()
    say(world, "before", ago_s=2)
    crowd = wall_clock() - timedelta(seconds=1)
    world.cloud.lines += [(crowd, name_of(), f"line {number}") for number in range(150)]
    say(world, "after")
    await asyncio.sleep(3)
    shown = await read(world)
    assert (shown[0], shown[-1]) == ("before", "after")
    assert [line for line in shown if "lines are missing here" in line] != []
    assert len([line for line in shown if line.startswith("line ")]) == 100


async def test_after_the_start_twenty_followers_cost_what_one_costs() -> None:
    world = await running()
    say(world, "one")
    await asyncio.sleep(3)

    async def cost_of(count: int) -> int:
        readers = [Reader(world, LogRequest("main", follow=True)) for _ in range(count)]
        await asyncio.sleep(10)
        before = world.cloud.count("logs")
        await asyncio.sleep(60)
        cost = world.cloud.count("logs") - before
        assert all(reader.texts == ["one"] for reader in readers)
        for reader in readers:
            reader.task.cancel()
        await asyncio.gather(*(reader.task for reader in readers), return_exceptions=True)
        return cost

    assert await cost_of(20) == await cost_of(1)
