"""What a node's pods have used together: never less than before, and nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.usage.book import UsageBook
from scvk.provider.usage.life import BYTES_A_MB
from tests.unit.provider.usage.test_life import instance

MB_100 = 100 * BYTES_A_MB


def test_without_a_life_nothing_is_used_as_of_now() -> None:
    total = UsageBook(0).total(50)
    assert (total.at, total.cpu_s, total.memory_bytes) == (50, 0, 0)


@pytest.mark.parametrize(
    ("made", "counted"),
    [
        pytest.param(1000, 60, id="made while this agent counts: all of it"),
        pytest.param(999, 0, id="made before: it is not known when it was used"),
        pytest.param(None, 0, id="not known when it was made"),
    ],
)
def test_of_a_program_that_ran_before_the_agent_only_what_it_uses_from_now_on_counts(
    made: float | None, counted: float
) -> None:
    book = UsageBook(1000)
    book.heard("a", instance(60), 1100, made=made)
    assert book.total(1110).cpu_s == counted
    book.heard("a", instance(90), 1160, made=made)
    assert book.total(1170).cpu_s == counted + 30


def test_what_the_gone_have_used_stays_and_their_memory_does_not() -> None:
    book = UsageBook(0)
    for name in ("a", "b"):
        book.heard(name, instance(60), 100, made=0)
    assert (book.total(110).cpu_s, book.total(110).memory_bytes) == (120, 2 * MB_100)
    book.gone("a")
    assert (book.total(120).cpu_s, book.total(120).memory_bytes) == (120, MB_100)
    book.keep(lambda name: name == "b")
    assert (book.total(130).cpu_s, book.total(130).memory_bytes) == (120, MB_100)


def test_a_group_that_was_only_missing_from_one_answer_counts_once() -> None:
    book = UsageBook(0)
    book.heard("a", instance(60), 100, made=0)
    book.gone("a")
    book.heard("a", instance(90), 160, made=0)
    assert (book.total(170).cpu_s, book.total(170).memory_bytes) == (90, MB_100)


@pytest.mark.parametrize("next_life", [instance(5), instance(70, one="i-2")], ids=["restarted", "reallocated"])
def test_another_life_of_a_group_counts_from_its_start(next_life: object) -> None:
    book = UsageBook(1000)
    book.heard("a", instance(60), 1100, made=1)
    book.heard("a", next_life, 1160, made=1)  # type: ignore[arg-type]
    assert book.total(1170).cpu_s == next_life.cpu_usage_total  # type: ignore[attr-defined]


def test_the_node_is_told_as_of_a_moment_up_to_which_every_pod_is_known() -> None:
    book = UsageBook(0)
    book.heard("a", instance(60), 100, made=0)
    book.heard("b", instance(60), 130, made=0)
    book.heard("a", instance(120), 160, made=0)
    total = book.total(170)
    assert (total.at, total.cpu_s) == (130, 60 + 30 + 60)  # a: half way between its samples


def test_what_becomes_known_later_than_the_node_was_told_is_spread_over_the_time_from_there() -> None:
    book = UsageBook(0)
    book.heard("a", instance(60), 100, made=0)
    book.heard("b", instance(60), 100, made=0)
    assert (book.total(100).at, book.total(100).cpu_s) == (100, 120)
    book.heard("a", instance(70), 410, made=0)
    assert (book.total(410).at, book.total(410).cpu_s) == (410, 130)  # b is not fresh any more, and stands still
    book.heard("b", instance(160), 500, made=0)
    book.heard("a", instance(80), 455, made=0)
    assert (book.total(500).at, book.total(500).cpu_s) == (455, 80 + 60 + 50)


def test_a_first_sample_is_spread_over_the_time_since_the_node_was_told_too() -> None:
    book = UsageBook(0)
    book.heard("a", instance(60), 100, made=0)
    assert book.total(100).cpu_s == 60
    book.heard("new", instance(90), 200, made=100)
    book.heard("a", instance(120), 150, made=0)
    assert (book.total(200).at, book.total(200).cpu_s) == (150, 120 + 45)


def test_a_pod_without_fresh_figures_holds_the_others_up_no_longer_than_five_minutes() -> None:
    book = UsageBook(0)
    book.heard("a", instance(60), 100, made=0)
    book.heard("b", instance(60), 390, made=0)
    assert book.total(400).at == 100
    assert book.total(401).at == 390
    assert book.life("a", 401) is None
    assert book.life("b", 401) is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 200),
            st.sampled_from(["i-1", "i-2"]),
            st.integers(1, 100),
            st.sampled_from(["look", "look", "look", "gone", "forget"]),
        ),
        max_size=40,
    )
)
def test_neither_the_count_nor_its_time_ever_goes_back(
    steps: list[tuple[str, int, str, int, str]],
) -> None:
    book = UsageBook(0)
    now, before = 1000.0, (0.0, 0.0)
    for name, cpu, one, pause, what in steps:
        now += pause
        match what:
            case "look":
                book.heard(name, instance(cpu, one=one), now, made=0)
            case "gone":
                book.gone(name)
            case _:
                forgotten = name
                book.keep(lambda each, forgotten=forgotten: each != forgotten)  # type: ignore[misc]
        total = book.total(now)
        assert total.at >= before[0]
        assert total.cpu_s >= before[1] - 1e-6
        before = (total.at, total.cpu_s)
