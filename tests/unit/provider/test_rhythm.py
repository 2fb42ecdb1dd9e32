"""When to look again, and up to when to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.rhythm import MARGINS, PlatformTime, pause_s

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PACES = st.sampled_from([2.0, 5.0])
MOMENTS = st.floats(0, 1e5)


@pytest.mark.parametrize(("now", "pause"), [(10.0, 5.0), (11.0, 4.0), (15.0, 0.0), (40.0, 0.0)])
def test_a_look_follows_a_pace_after_the_start_of_the_last_however_long_that_took(now: float, pause: float) -> None:
    assert pause_s(now, started=10.0, pace=5.0) == pause


@given(MOMENTS, MOMENTS, PACES)
def test_the_next_look_is_half_a_pace_away_from_the_other_loops_and_never_hurries(
    started: float, other: float, pace: float
) -> None:
    gap = pause_s(started, started=started, pace=pace, other=other)
    away = (started + gap - other) % pace
    assert away == pytest.approx(pace / 2, abs=1e-6)
    assert pace / 2 - 1e-6 <= gap <= pace * 1.5 + 1e-6


@given(MOMENTS, PACES)
def test_a_loop_that_is_half_a_pace_away_keeps_its_pace(other: float, pace: float) -> None:
    gap = pause_s(other + pace / 2, started=other + pace / 2, pace=pace, other=other)
    assert gap == pytest.approx(pace, abs=1e-6)


def test_events_are_asked_for_up_to_now_until_the_platform_says_that_it_is_the_future() -> None:
    time = PlatformTime()
    asked = []
    for _ in range(len(MARGINS) + 2):
        asked.append(NOW - time.latest(NOW))
        time.refused()
    assert asked[:2] == [timedelta(), timedelta(seconds=1)]
    assert asked == sorted(asked)
    assert asked[-1] == MARGINS[-1]
