"""Pages: every entry of a range once and in order, whatever stands at their edges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.provider.program_log.pages import Backwards, Forwards
from scvk.saladcloud.models import LogEntry
from tests.unit.provider.program_log.log_store import START, LogStore, entry

END = START + timedelta(minutes=10)
# Few seconds and few words: many entries are equal, or of one time; never more of one time than a page holds.
LOGS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from("ab")), max_size=400).map(
    lambda pairs: [entry(second, text) for second, text in pairs]
)


def forwards(store: LogStore) -> tuple[list[LogEntry], Forwards]:
    pages = Forwards(START, END)
    found: list[LogEntry] = []
    while (page := pages.page()) is not None:
        found += pages.take(store.answer(page))
    return found, pages


def backwards(store: LogStore, count: int) -> Backwards:
    pages = Backwards(START, END, count)
    while (page := pages.page()) is not None:
        pages.take(store.answer(page))
    return pages


def crowded(entries: list[LogEntry]) -> bool:
    times = [each.time for each in entries]
    return any(times.count(time) >= 100 for time in set(times))


@given(LOGS)
@settings(max_examples=60, deadline=None)
def test_forwards_gives_every_entry_once_and_in_order(entries: list[LogEntry]) -> None:
    found, pages = forwards(LogStore(entries))
    if crowded(entries):
        return
    assert found == sorted(entries, key=lambda each: each.time)
    assert pages.gaps == []


@given(LOGS, st.integers(0, 450))
@settings(max_examples=60, deadline=None)
def test_backwards_gives_the_last_entries_in_order(entries: list[LogEntry], count: int) -> None:
    if crowded(entries):
        return
    pages = backwards(LogStore(entries), count)
    times = [each.time for each in sorted(entries, key=lambda each: each.time)]
    assert [each.time for each in pages.entries] == (times[-count:] if count else [])
    assert pages.gaps == []


def test_a_page_full_of_one_time_stamp_is_a_gap_and_what_follows_is_read() -> None:
    found, pages = forwards(LogStore([*(entry(1, f"line {number}") for number in range(130)), entry(2, "after")]))
    assert [each.text_log for each in found][-1] == "after"
    assert len(found) == 101
    assert pages.gaps == [START + timedelta(seconds=1)]


def test_backwards_goes_on_behind_a_gap() -> None:
    store = LogStore([entry(0, "before"), *(entry(1, f"line {number}") for number in range(130)), entry(2, "after")])
    pages = backwards(store, 200)
    assert [each.text_log for each in (pages.entries[0], pages.entries[-1])] == ["before", "after"]
    assert pages.gaps == [START + timedelta(seconds=1)]


@pytest.mark.parametrize(("lines", "pages"), [(0, 1), (99, 1), (100, 2), (1000, 11)])
def test_each_hundred_lines_cost_one_request(lines: int, pages: int) -> None:
    store = LogStore([entry(number / 1000, "x") for number in range(lines)])
    forwards(store)
    assert store.pages == pages


def test_the_last_ten_lines_cost_one_request_however_long_the_log_is() -> None:
    store = LogStore([entry(number / 100, str(number)) for number in range(5000)])
    assert [each.text_log for each in backwards(store, 10).entries] == [str(number) for number in range(4990, 5000)]
    assert store.pages == 1
