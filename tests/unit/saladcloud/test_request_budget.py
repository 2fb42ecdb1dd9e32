"""Waiting for a turn: order, priority, cancellation and throttling, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.saladcloud.budget import PLANNED_LIMIT, RequestBudget, RequestClass
from scvk.saladcloud.request_window import WINDOW_S

DELETE, CREATE, OBSERVE, INTERACTIVE, METRICS = RequestClass
CLASSES = list(RequestClass)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a clock that jumps over all waiting."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(test)


def clock() -> float:
    return asyncio.get_running_loop().time()


async def settled_budget(limit: int = PLANNED_LIMIT) -> RequestBudget:
    """Return a budget whose first minute is over."""
    budget = RequestBudget(clock, limit=limit)
    await asyncio.sleep(WINDOW_S)
    return budget


class Log:
    """Who started when, in order."""

    def __init__(self, budget: RequestBudget) -> None:
        self.budget = budget
        self.asked: list[tuple[RequestClass, int]] = []
        self.starts: list[tuple[float, RequestClass, int]] = []

    async def request(self, request_class: RequestClass, number: int = 0, after: float = 0) -> None:
        await asyncio.sleep(after)
        self.asked.append((request_class, number))
        await self.budget.acquire(request_class)
        self.starts.append((clock(), request_class, number))

    def in_busiest_minute(self) -> int:
        times = [at for at, _, _ in self.starts]
        return max(sum(start <= at < start + WINDOW_S for at in times) for start in times)


def test_a_request_starts_at_once_where_nothing_waits() -> None:
    async def test() -> None:
        budget = RequestBudget(clock)
        before = clock()
        await budget.acquire(OBSERVE)
        assert clock() == before

    run(test())


def test_a_burst_is_spread_over_the_minutes_in_order() -> None:
    async def test() -> None:
        log = Log(await settled_budget())
        await asyncio.gather(*(log.request(CREATE, n) for n in range(400)))
        assert [number for _, _, number in log.starts] == list(range(400))
        minutes = Counter(round((at - log.starts[0][0]) / WINDOW_S) for at, _, _ in log.starts)
        assert minutes == {0: 176, 1: 176, 2: 48}

    run(test())


def test_of_those_that_wait_higher_classes_go_first() -> None:
    async def test() -> None:
        budget = RequestBudget(clock, first_requests=0)
        log = Log(budget)
        waiting = [asyncio.create_task(log.request(one)) for one in reversed(CLASSES)]
        await asyncio.gather(*waiting)
        assert [one for _, one, _ in log.starts] == CLASSES

    run(test())


def test_the_poller_gets_its_share_in_a_storm_of_creates_and_deletes() -> None:
    async def test() -> None:
        log = Log(await settled_budget())
        storm = [asyncio.create_task(log.request(one, n)) for n in range(500) for one in (DELETE, CREATE)]
        await asyncio.sleep(1)
        for n in range(60):  # one listing and one log query every 4 seconds
            asked = clock()
            await log.request(OBSERVE, n)
            assert clock() == asked
            await asyncio.sleep(2)
        for task in storm:
            task.cancel()
        await asyncio.gather(*storm, return_exceptions=True)
        assert log.in_busiest_minute() <= PLANNED_LIMIT

    run(test())


@pytest.mark.parametrize(("starved", "share"), [(DELETE, 2), (CREATE, 5), (OBSERVE, 8), (INTERACTIVE, 2), (METRICS, 1)])
def test_no_class_starves_under_endless_requests_of_all_others(starved: RequestClass, share: int) -> None:
    async def test() -> None:
        log = Log(await settled_budget(limit=60))
        others = [one for one in CLASSES if one != starved]
        flood = [asyncio.create_task(log.request(one)) for one in others for _ in range(150)]
        await asyncio.sleep(1)
        asked = clock()
        await asyncio.gather(*(log.request(starved) for _ in range(share * 3)))
        assert clock() - asked <= 2 * WINDOW_S + 1  # its share each minute, the first one at once
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)

    run(test())


def test_a_waiter_that_is_cancelled_costs_nothing() -> None:
    async def test() -> None:
        budget = await settled_budget()
        log = Log(budget)
        await asyncio.gather(*(log.request(CREATE) for _ in range(176)))
        waiting = [asyncio.create_task(log.request(CREATE, n)) for n in range(3)]
        await asyncio.sleep(1)
        waiting[0].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert budget.snapshot().granted[CREATE] == 178
        assert [number for _, _, number in log.starts[176:]] == [1, 2]

    run(test())


def test_a_turn_that_came_together_with_its_cancellation_goes_to_the_next() -> None:
    async def test() -> None:
        now = 0.0
        budget = RequestBudget(lambda: now, first_requests=0)
        first = asyncio.create_task(budget.acquire(CREATE))
        await asyncio.sleep(0)
        now = 1.1 * WINDOW_S / PLANNED_LIMIT  # one request may start now
        second = asyncio.create_task(budget.acquire(CREATE))
        await asyncio.sleep(0)
        assert budget.snapshot().granted[CREATE] == 1  # the first one's turn, but it has not gone on yet
        first.cancel()
        async with asyncio.timeout(1):  # the clock stands still: only a turn that is given back can help
            await second
        assert first.cancelled()
        assert (budget.snapshot().granted[CREATE], budget.snapshot().used_by[CREATE]) == (1, 1)

    run(test())


def test_a_429_lets_nothing_start_until_retry_after_and_less_afterwards() -> None:
    async def test() -> None:
        budget = await settled_budget()
        log = Log(budget)
        budget.throttled(20)
        asked = clock()
        await asyncio.gather(*(log.request(DELETE) for _ in range(200)))
        times = [at - asked for at, _, _ in log.starts]
        assert min(times) >= 20
        assert sum(at < 20 + WINDOW_S for at in times) <= 135
        assert budget.snapshot().throttlings == 1

    run(test())


def test_a_429_while_others_wait_moves_their_turn() -> None:
    async def test() -> None:
        budget = await settled_budget()
        log = Log(budget)
        asked = clock()
        await asyncio.gather(*(log.request(CREATE) for _ in range(176)))
        late = asyncio.create_task(log.request(CREATE))
        await asyncio.sleep(30)
        budget.throttled(100)
        await late
        assert log.starts[-1][0] - asked >= 130

    run(test())


def test_what_is_left_is_told_without_waiting() -> None:
    async def test() -> None:
        budget = await settled_budget()
        assert budget.available(OBSERVE) == 186
        await budget.acquire(OBSERVE)
        snapshot = budget.snapshot()
        assert (snapshot.limit, snapshot.used, snapshot.used_by[OBSERVE], snapshot.paused_for) == (
            225,
            1,
            1,
            0,
        )
        budget.throttled(5)
        assert (budget.available(OBSERVE), budget.snapshot().paused_for) == (0, 5)

    run(test())


schedules = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.integers(0, 120), st.integers(1, 20)), min_size=1, max_size=8
)


@settings(max_examples=20, deadline=None)
@given(st.integers(30, 240), schedules)
def test_no_schedule_gets_more_than_the_limit_into_a_minute_and_all_get_their_turn(
    limit: int, schedule: list[tuple[RequestClass, int, int]]
) -> None:
    async def test() -> None:
        log = Log(RequestBudget(clock, limit=limit))
        delays = [(one, after) for one, after, count in schedule for _ in range(count)]
        await asyncio.gather(*(log.request(one, n, after) for n, (one, after) in enumerate(delays)))
        assert len(log.starts) == len(delays)
        assert log.in_busiest_minute() <= limit
        for one in CLASSES:
            asked = [number for asked_for, number in log.asked if asked_for == one]
            assert [number for _, started, number in log.starts if started == one] == asked

    run(test())
