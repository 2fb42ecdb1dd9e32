"""How often tokens may be tried out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.api.failed_attempts import MOST_NETWORKS, Allowance, FailedAttempts


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def attempts(clock: Clock, *, of_all: int = 100) -> FailedAttempts:
    return FailedAttempts(clock, of_a_network=Allowance(3, 10), of_all=Allowance(of_all, 1))


def test_a_network_has_an_allowance_that_refills() -> None:
    clock = Clock()
    counted = attempts(clock)
    assert [counted.take("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert counted.take("b")
    clock.seconds = 10
    assert [counted.take("a") for _ in range(2)] == [True, False]


def test_an_attempt_that_does_not_fail_costs_nothing() -> None:
    counted = attempts(Clock(), of_all=5)
    for _ in range(50):
        assert counted.take("a")
        counted.give_back("a")


def test_many_networks_share_an_allowance() -> None:
    counted = attempts(Clock(), of_all=5)
    assert sum(counted.take(f"network {number}") for number in range(20)) == 5


def test_what_is_remembered_is_bounded() -> None:
    counted = attempts(Clock(), of_all=10**6)
    for number in range(MOST_NETWORKS + 10):
        counted.take(str(number))
    assert len(counted._left) == MOST_NETWORKS


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=60))
def test_no_more_fail_than_the_allowance_and_its_refill(steps: list[tuple[float, bool]]) -> None:
    clock = Clock()
    counted = attempts(clock)
    failed = 0
    for wait, fails in steps:
        clock.seconds += wait
        if counted.take("a"):
            if fails:
                failed += 1
            else:
                counted.give_back("a")
    assert failed <= 3 + clock.seconds / 10 + 1e-6
