"""The arithmetic of the request budget: limits, shares, the first minute, and what a 429 changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.saladcloud.request_window import (
    FIRST_REQUESTS,
    MIN_LIMIT,
    PAUSE_S,
    PLANNED_LIMIT,
    PLATFORM_LIMIT,
    RECOVERY_S,
    REDUCTION_INTERVAL_S,
    SHARES,
    WINDOW_S,
    RequestClass,
    RequestWindow,
)

CLASSES = list(RequestClass)


def settled(limit: int = PLANNED_LIMIT) -> RequestWindow:
    """Return a window as of time 0, whose first minute is over."""
    return RequestWindow(-WINDOW_S, limit=limit)


def start_all(window: RequestWindow, request_class: RequestClass, now: float) -> int:
    """Start requests of one class while any may start; return how many."""
    count = 0
    while window.available(request_class, now):
        window.start(request_class, now)
        count += 1
    return count


@pytest.mark.parametrize(
    ("request_class", "most"),
    [("delete", 164), ("create", 176), ("observe", 186), ("interactive", 164), ("metrics", 159)],
)
def test_one_class_alone_leaves_the_shares_of_the_others(request_class: RequestClass, most: int) -> None:
    window = settled()
    assert start_all(window, RequestClass(request_class), 0) == most
    assert all(window.available(other, 0) == SHARES[other] for other in CLASSES if other != request_class)


def test_all_classes_together_use_the_whole_limit() -> None:
    window = settled()
    assert sum(start_all(window, one, 0) for one in CLASSES) == PLANNED_LIMIT
    assert window.used(0) == PLANNED_LIMIT
    assert not any(window.available(one, WINDOW_S - 0.001) for one in CLASSES)
    assert window.next_change(0) == WINDOW_S
    assert window.available(RequestClass.DELETE, WINDOW_S) == 164


def test_a_fresh_start_may_send_a_few_requests_at_once_and_then_as_many_as_leave_the_window() -> None:
    window = RequestWindow(0)
    sent = [sum(start_all(window, one, tenth / 10) for one in CLASSES) for tenth in range(101)]
    assert sent[0] == FIRST_REQUESTS
    assert sum(sent) == FIRST_REQUESTS + 37  # 3.75 a second


def test_a_fresh_start_and_its_forerunner_together_stay_below_the_platforms_limit() -> None:
    window = RequestWindow(0)
    forerunner = [n * WINDOW_S / PLANNED_LIMIT - WINDOW_S for n in range(PLANNED_LIMIT)]
    own: list[float] = []
    for tenth in range(1200):
        now = tenth / 10
        own += [now] * sum(start_all(window, one, now) for one in CLASSES)
        assert sum(now - WINDOW_S < at for at in forerunner + own) <= PLANNED_LIMIT + FIRST_REQUESTS < PLATFORM_LIMIT


def test_a_start_that_is_given_back_was_none() -> None:
    window = settled()
    start = window.start(RequestClass.CREATE, 0)
    window.give_back(start)
    window.give_back(start)
    assert (window.used(0), window.used_by(RequestClass.CREATE, 0)) == (0, 0)


@pytest.mark.parametrize(("retry_after", "pause"), [(None, PAUSE_S), (30.0, 30.0), (0.0, 0.0), (-1.0, 0.0)])
def test_a_429_stops_everything_until_retry_after(retry_after: float | None, pause: float) -> None:
    window = settled()
    window.throttle(0, retry_after)
    assert window.paused_for(0) == pause
    assert (window.available(RequestClass.DELETE, 0) == 0) is (pause > 0)
    assert window.available(RequestClass.DELETE, pause) > 0


def test_a_429_halves_the_limit_which_grows_back() -> None:
    window = settled()
    window.throttle(0, 10)
    assert window.limit(10) == 112
    assert window.limit(10 + RECOVERY_S / 2) == 168
    assert window.limit(10 + RECOVERY_S) == PLANNED_LIMIT


def test_429s_of_requests_that_were_under_way_together_count_once() -> None:
    window = settled()
    for tenth in range(50):
        window.throttle(tenth / 10, None)
    assert window.limit(5) == 112
    window.throttle(REDUCTION_INTERVAL_S, None)
    assert window.limit(REDUCTION_INTERVAL_S) == 56


def test_however_often_it_is_throttled_every_class_keeps_a_share() -> None:
    window = settled()
    for n in range(20):
        window.throttle(n * REDUCTION_INTERVAL_S, 0)
    now = 19 * REDUCTION_INTERVAL_S
    assert window.limit(now) == MIN_LIMIT
    start_all(window, RequestClass.DELETE, now)
    assert all(window.available(one, now) >= 1 for one in CLASSES if one != RequestClass.DELETE)


def test_a_short_pause_does_not_shorten_a_long_one() -> None:
    window = settled()
    window.throttle(0, 60)
    window.throttle(1, 5)
    assert window.paused_for(1) == 59


def test_a_limit_that_starves_the_poller_is_refused() -> None:
    with pytest.raises(ValueError, match="too low"):
        RequestWindow(0, limit=MIN_LIMIT - 1)


arrivals = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.integers(0, 60), st.integers(0, 30), st.booleans()), max_size=60
)


@given(st.integers(MIN_LIMIT, 240), arrivals)
def test_no_minute_ever_has_more_starts_than_the_limit(
    limit: int, schedule: list[tuple[RequestClass, int, int, bool]]
) -> None:
    window, now = settled(limit), 0.0
    starts: list[float] = []
    for request_class, count, pause, throttled in schedule:
        now += pause / 3
        if throttled:
            window.throttle(now, pause)
        for _ in range(min(count, window.available(request_class, now))):
            window.start(request_class, now)
            starts.append(now)
        assert sum(now - WINDOW_S < at for at in starts) <= limit
        assert window.used(now) == sum(at + WINDOW_S > now for at in starts)


@given(arrivals, st.sampled_from(CLASSES))
def test_no_schedule_of_others_takes_a_share_away(
    schedule: list[tuple[RequestClass, int, int, bool]], starved: RequestClass
) -> None:
    window, now = settled(), 0.0
    for request_class, count, pause, _ in schedule:
        now += pause / 3
        if request_class != starved:
            for _ in range(min(count * 4, window.available(request_class, now))):
                window.start(request_class, now)
        assert window.available(starved, now) >= SHARES[starved]
