"""What looks tell of the moment at which figures are refreshed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.usage.refresh import Refresh, seen_again, seen_changed, seen_first


def test_a_first_look_tells_that_the_refresh_was_within_the_last_minute() -> None:
    assert seen_first(100.0) == Refresh(40.0, 100.0)


@pytest.mark.parametrize(
    ("refresh", "at", "known"),
    [
        pytest.param(Refresh(40, 100), 130.0, Refresh(70, 100), id="half a minute later"),
        pytest.param(Refresh(40, 100), 159.0, Refresh(99, 100), id="just before a minute is over"),
        pytest.param(Refresh(80, 100), 110.0, Refresh(80, 100), id="tells less than is known"),
        pytest.param(Refresh(40, 100), 161.0, Refresh(40, 100), id="the platform has missed a minute: nothing is told"),
    ],
)
def test_figures_that_did_not_change_exclude_what_a_minute_ago_would_have_changed_them(
    refresh: Refresh, at: float, known: Refresh
) -> None:
    assert seen_again(refresh, at) == known


@pytest.mark.parametrize(
    ("refresh", "looked", "at", "known"),
    [
        pytest.param(Refresh(40, 100), 100.0, 160.0, Refresh(100, 160), id="nothing known before: the looks alone"),
        pytest.param(Refresh(90, 100), 130.0, 165.0, Refresh(149.5, 160.5), id="a minute after what was known"),
        pytest.param(Refresh(90, 100), 130.0, 230.0, Refresh(209.0, 221.0), id="two minutes after it"),
        pytest.param(Refresh(90, 100), 110.0, 120.0, Refresh(110, 120), id="against what was known: the looks alone"),
        pytest.param(Refresh(90, 100), 100.0, 155.0, Refresh(149.5, 155), id="a look in the midst of what was known"),
        pytest.param(Refresh(90, 100), 100.0, 1000.0, Refresh(982.5, 1000), id="what was known fades with time"),
    ],
)
def test_changed_figures_were_refreshed_between_two_looks_and_whole_minutes_after_the_last_time(
    refresh: Refresh, looked: float, at: float, known: Refresh
) -> None:
    assert seen_changed(refresh, looked, at) == known


@given(
    phase=st.floats(0, 60, exclude_max=True),
    pauses=st.lists(st.floats(15, 200), min_size=1, max_size=30),
)
def test_the_refresh_lies_in_what_is_known_of_it_whenever_looks_are_taken(phase: float, pauses: list[float]) -> None:
    def newest(at: float) -> float:
        return (at - phase) // 60 * 60 + phase

    looked = 1000.0
    refresh = seen_first(looked)
    for pause in pauses:
        at = looked + pause
        changed = newest(at) != newest(looked)
        refresh = seen_changed(refresh, looked, at) if changed else seen_again(refresh, at)
        assert refresh.after - 1e-6 <= newest(at) <= refresh.by + 1e-6
        assert refresh.by <= at
        looked = at
