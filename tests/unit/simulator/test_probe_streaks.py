"""What a run of outcomes means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.simulator.cloud.probing import Streak


@pytest.mark.parametrize(
    ("outcomes", "verdicts"),
    [
        pytest.param("+", "+", id="one success is enough"),
        pytest.param("--", "..", id="two failures are not enough"),
        pytest.param("---", "..-", id="three failures are"),
        pytest.param("--+--", "..+..", id="a success breaks a run of failures"),
        pytest.param("+++", "+..", id="a verdict is told once"),
        pytest.param("+---+", "+..-+", id="verdicts change"),
    ],
)
def test_thresholds(outcomes: str, verdicts: str) -> None:
    streak = Streak(success_threshold=1, failure_threshold=3)
    signs = {True: "+", False: "-", None: "."}
    assert "".join(signs[streak.record(success=sign == "+")] for sign in outcomes) == verdicts


@given(st.lists(st.booleans()), st.integers(1, 10), st.integers(1, 20))
def test_a_verdict_always_follows_a_full_run(outcomes: list[bool], successes: int, failures: int) -> None:
    streak = Streak(successes, failures)
    for index, outcome in enumerate(outcomes):
        verdict = streak.record(success=outcome)
        if verdict is not None:
            needed = successes if verdict else failures
            assert outcomes[index + 1 - needed : index + 1] == [verdict] * needed
