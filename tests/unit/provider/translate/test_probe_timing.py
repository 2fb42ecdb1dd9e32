"""How often probes ask: within SaladCloud's ranges, and never sooner than a program was promised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Probe

from scvk.provider.translate.probe_timing import Timing, changes, declared, in_range


def timing(failures: int, period_s: int, delay_s: int = 0, successes: int = 1, timeout_s: int = 1) -> Timing:
    return Timing(
        initial_delay_s=delay_s, period_s=period_s, timeout_s=timeout_s, successes=successes, failures=failures
    )


def test_kubernetes_defaults_are_filled_in() -> None:
    assert declared(Probe()) == timing(3, 10)
    zeros = Probe(periodSeconds=0, timeoutSeconds=0, successThreshold=0, failureThreshold=0, initialDelaySeconds=0)
    assert declared(zeros) == timing(3, 10)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        pytest.param(timing(20, 120, 1200, 10, 60), timing(20, 120, 1200, 10, 60), id="the most there is"),
        pytest.param(timing(1, 1), timing(1, 1), id="the least there is"),
        pytest.param(timing(90, 10), timing(20, 45), id="more failures become rarer ones"),
        pytest.param(timing(60, 10, 60), timing(20, 30, 60), id="the delay stays"),
        pytest.param(timing(21, 10), timing(20, 11), id="rounded up, never down"),
        pytest.param(timing(3, 300), timing(8, 120), id="a longer period becomes more failures"),
        pytest.param(timing(1, 3600), timing(20, 120), id="beyond the most there is"),
        pytest.param(timing(1000, 1000), timing(20, 120), id="far beyond"),
        pytest.param(timing(3, 10, 1260), timing(9, 10, 1200), id="what the delay cannot hold goes to the failures"),
        pytest.param(timing(90, 10, successes=9), timing(20, 45, successes=2), id="successes keep their time too"),
        pytest.param(timing(3, 10, successes=30), timing(3, 10, successes=10), id="successes are bounded"),
        pytest.param(timing(3, 10, timeout_s=90), timing(3, 10, timeout_s=60), id="time-outs are bounded"),
    ],
)
def test_numbers_are_moved_into_range_keeping_the_time(asked: Timing, granted: Timing) -> None:
    assert in_range(asked, delay_is_allowance=True) == granted


def test_a_readiness_probe_only_starts_earlier() -> None:
    assert in_range(timing(3, 10, 1260), delay_is_allowance=False) == timing(3, 10, 1200)


numbers = st.integers(1, 10_000)


@given(numbers, numbers, st.integers(0, 10_000), numbers, numbers)
def test_any_probe_fits_and_is_allowed_its_time(
    failures: int, period: int, delay: int, successes: int, out: int
) -> None:
    asked = timing(failures, period, delay, successes, out)
    granted = in_range(asked, delay_is_allowance=True)
    assert 1 <= granted.failures <= 20
    assert 1 <= granted.period_s <= 120
    assert 0 <= granted.initial_delay_s <= 1200
    assert 1 <= granted.successes <= 10
    assert 1 <= granted.timeout_s <= 60
    allowed = granted.initial_delay_s + granted.failing_s
    assert allowed >= min(asked.initial_delay_s + asked.failing_s, granted.initial_delay_s + 20 * 120)
    assert in_range(granted, delay_is_allowance=True) == granted
    assert bool(changes(asked, granted)) is (asked != granted)


def test_changes_are_told_by_kubernetes_names() -> None:
    assert changes(timing(90, 10), timing(20, 45)) == "periodSeconds 10 became 45, failureThreshold 90 became 20"
