"""Delays after failures in a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.backoff import Backoff

middle = (0.5).__float__
failures = st.integers(min_value=1, max_value=10**9)
chance = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("count", "delay"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (8, 30.0), (1_000_000, 30.0)]
)
def test_the_delay_doubles_up_to_its_cap(count: int, delay: float) -> None:
    assert Backoff().delay(count, middle) == delay


@given(failures, chance)
def test_jitter_stays_within_its_share_around_the_plain_delay(count: int, random: float) -> None:
    backoff = Backoff(first=1.0, factor=3.0, cap=90.0, jitter=0.2)
    plain = backoff.delay(count, middle)
    assert 0.9 * plain <= backoff.delay(count, lambda: random) <= 1.1 * plain


@given(failures, failures, chance)
def test_more_failures_never_wait_shorter(one: int, other: int, random: float) -> None:
    fewer, more = sorted((one, other))
    assert Backoff().delay(fewer, lambda: random) <= Backoff().delay(more, lambda: random)
