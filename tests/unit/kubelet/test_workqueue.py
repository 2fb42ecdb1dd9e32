"""The queue of keys: deduplicated, one worker a key, nothing forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.kubelet.backoff import Backoff
from scvk.kubelet.workqueue import WorkQueue

pytestmark = pytest.mark.looptime


class Worked:
    """Work that takes `lasts_s`, fails for the keys in `failing`, and keeps account: `(time, key)` of each start."""

    def __init__(self, *, lasts_s: float = 1.0) -> None:
        self.lasts_s = lasts_s
        self.starts: list[tuple[float, str]] = []
        self.active: Counter[str] = Counter()
        self.failing: dict[str, Exception] = {}
        self.failed: list[tuple[str, Exception]] = []
        self.earliest: float | None = None

    async def work(self, key: str) -> None:
        self.starts.append((asyncio.get_running_loop().time(), key))
        self.active[key] += 1
        assert self.active[key] == 1, "two workers on one key"
        try:
            await asyncio.sleep(self.lasts_s)
            if key in self.failing:
                raise self.failing[key]
        finally:
            self.active[key] -= 1

    def on_failure(self, key: str, error: Exception) -> float | None:
        self.failed.append((key, error))
        return self.earliest


@asynccontextmanager
async def working(
    queue: WorkQueue[str], worked: Worked, *, workers: int = 2, work: Callable[[str], Awaitable[None]] | None = None
) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(queue.run(work or worked.work, failed=worked.on_failure)) for _ in range(workers)]
    try:
        yield
        assert not any(task.done() for task in tasks), "a worker must never end by itself"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def queue() -> WorkQueue[str]:
    return WorkQueue(backoff=Backoff(first=1.0, factor=2.0, cap=8.0, jitter=0.0))


async def test_a_key_added_twice_is_worked_on_once(queue: WorkQueue[str]) -> None:
    worked = Worked()
    queue.add("a")
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(10)
    assert worked.starts == [(0, "a")]


async def test_a_key_added_while_worked_on_is_worked_on_once_more(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=2)
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(1)
        queue.add("a")
        queue.add("a")
        await asyncio.sleep(10)
    assert worked.starts == [(0, "a"), (2, "a")]


async def test_different_keys_are_worked_on_side_by_side_in_order(queue: WorkQueue[str]) -> None:
    worked = Worked()
    for key in "abc":
        queue.add(key)
    async with working(queue, worked, workers=2):
        await asyncio.sleep(10)
    assert worked.starts == [(0, "a"), (0, "b"), (1, "c")]


async def test_a_delayed_key_comes_up_at_its_time(queue: WorkQueue[str]) -> None:
    worked = Worked()
    queue.add_after("a", 5)
    async with working(queue, worked):
        await asyncio.sleep(10)
    assert worked.starts == [(5, "a")]


@pytest.mark.parametrize(("first", "second"), [(5, 3), (3, 5)], ids=["brought forward", "kept"])
async def test_of_two_delays_the_earlier_counts(queue: WorkQueue[str], first: float, second: float) -> None:
    worked = Worked()
    queue.add_after("a", first)
    queue.add_after("a", second)
    async with working(queue, worked):
        await asyncio.sleep(20)
    assert worked.starts == [(3, "a")]


async def test_adding_a_delayed_key_brings_it_forward_and_takes_its_delay_away(queue: WorkQueue[str]) -> None:
    worked = Worked()
    queue.add_after("a", 5)
    async with working(queue, worked):
        await asyncio.sleep(2)
        queue.add("a")
        await asyncio.sleep(20)
    assert worked.starts == [(2, "a")]


@pytest.mark.parametrize("delay", [0, -1])
async def test_no_delay_is_at_once(queue: WorkQueue[str], delay: float) -> None:
    worked = Worked()
    queue.add_after("a", delay)
    async with working(queue, worked):
        await asyncio.sleep(0.1)
    assert worked.starts == [(0, "a")]


async def test_work_that_asks_for_another_look_gets_it_after_its_end(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=2)

    async def work(key: str) -> None:
        if len(worked.starts) < 2:
            queue.add_after(key, 1)
        await worked.work(key)

    queue.add("a")
    async with working(queue, worked, work=work):
        await asyncio.sleep(20)
    assert [when for when, _ in worked.starts][:2] == [0, 2]


async def test_failures_of_a_key_are_tried_again_with_growing_delays_for_ever(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=0)
    worked.failing["a"] = RuntimeError("no")
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(40)
    assert [when for when, _ in worked.starts] == [0, 1, 3, 7, 15, 23, 31, 39]
    assert queue.failures("a") == 8


async def test_success_forgets_the_failures(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=0)
    worked.failing["a"] = RuntimeError("no")
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(2)
        worked.failing.clear()
        await asyncio.sleep(2)
        assert queue.failures("a") == 0
        worked.failing["a"] = RuntimeError("again")
        queue.add("a")
        await asyncio.sleep(1.5)
    assert [when for when, _ in worked.starts] == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(("earliest", "again"), [(0.2, 1), (30, 30)], ids=["backoff is later", "retry-after is later"])
async def test_the_later_of_backoff_and_retry_after_is_waited_for(
    queue: WorkQueue[str], earliest: float, again: float
) -> None:
    worked = Worked(lasts_s=0)
    worked.failing["a"] = RuntimeError("throttled")
    worked.earliest = earliest
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(again + 0.5)
    assert [when for when, _ in worked.starts] == [0, again]


async def test_one_failing_key_does_not_hold_up_others(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=0)
    worked.failing["bad"] = RuntimeError("no")
    queue.add("bad")
    queue.add("good")
    async with working(queue, worked, workers=1):
        await asyncio.sleep(0.5)
    assert worked.starts == [(0, "bad"), (0, "good")]


async def test_a_failure_while_the_key_was_added_again_is_tried_at_once(queue: WorkQueue[str]) -> None:
    # As in client-go: the news may be what makes the next try succeed.
    worked = Worked(lasts_s=1)
    worked.failing["a"] = RuntimeError("no")
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(0.5)
        queue.add("a")
        await asyncio.sleep(1)
    assert [when for when, _ in worked.starts] == [0, 1]


async def test_a_cancelled_worker_lets_go_of_its_key(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=10)
    queue.add("a")
    async with working(queue, worked):
        await asyncio.sleep(1)
        assert len(queue) == 1
    assert len(queue) == 0


async def test_length_counts_what_is_ready_or_worked_on(queue: WorkQueue[str]) -> None:
    worked = Worked(lasts_s=5)
    for key in "abc":
        queue.add(key)
    queue.add_after("d", 100)
    async with working(queue, worked, workers=1):
        await asyncio.sleep(1)
        assert len(queue) == 3


# -- any schedule ----------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "after", "sleep", "fail", "mend"]),
        st.sampled_from("abc"),
        st.floats(min_value=0, max_value=5, allow_nan=False),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps=steps, workers=st.integers(1, 3))
async def test_whatever_the_schedule_every_key_is_worked_on_after_its_last_addition(
    steps: list[tuple[str, str, float]], workers: int
) -> None:
    queue: WorkQueue[str] = WorkQueue(backoff=Backoff(first=1.0, cap=8.0))
    worked = Worked(lasts_s=0.7)  # asserts that no key has two workers
    loop = asyncio.get_running_loop()
    wanted: dict[str, float] = {}
    async with working(queue, worked, workers=workers):
        for what, key, number in steps:
            match what:
                case "add":
                    queue.add(key)
                    wanted[key] = loop.time()
                case "after":
                    queue.add_after(key, number)
                    wanted.setdefault(key, loop.time())
                case "fail":
                    worked.failing[key] = RuntimeError("no")
                case "mend":
                    worked.failing.clear()
                case _:
                    await asyncio.sleep(number)
        worked.failing.clear()
        await asyncio.sleep(60)
        assert len(queue) == 0
        assert all(queue.failures(key) == 0 for key in "abc")
    last = {key: when for when, key in worked.starts}
    assert last.keys() == wanted.keys()
    assert all(last[key] >= when for key, when in wanted.items())
