"""From bytes to lines, and the bounded store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.simulator.logs.entries import LogEntry, ResourceType, format_time
from scvk.simulator.logs.lines import LONGEST_LINE, LineSplitter
from scvk.simulator.logs.store import LogStore, Ring

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def entry(text: str, seconds: float = 0) -> LogEntry:
    time = NOON + timedelta(seconds=seconds)
    return LogEntry(time, time, ResourceType.CONTAINER, {}, "default", text)


def lines_of(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.finish()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2030-01-01T12:00:00.000000Z"),
        (datetime(99, 6, 27, 13, 6, 44, 371000, timezone(timedelta(minutes=4))), "0099-06-27T13:02:44.371000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    ],
    ids=str,
)
def test_times_have_four_digits_for_the_year_and_six_for_the_fraction(moment: datetime, text: str) -> None:
    assert format_time(moment) == text


class TestLines:
    def test_lines_end_where_the_program_says_and_at_the_end(self) -> None:
        assert lines_of(b"one\ntw", b"o\r\n", b"\nlast") == ["one", "two", "", "last"]

    def test_a_character_may_arrive_in_pieces(self) -> None:
        assert lines_of(b"gr\xc3", b"\xbc\xc3\x9fe\n") == ["grüße"]

    def test_what_is_no_utf8_is_replaced(self) -> None:
        assert lines_of(b"a\xffb\n\xc3") == ["a\ufffdb", "\ufffd"]

    def test_a_line_without_end_comes_in_pieces(self) -> None:
        splitter = LineSplitter()
        assert [len(line) for line in splitter.feed(b"x" * 25_000)] == [LONGEST_LINE, LONGEST_LINE]
        assert [len(line) for line in splitter.feed(b"y" * 5_000 + b"\n")] == [LONGEST_LINE]

    @given(st.lists(st.binary()))
    def test_nothing_is_lost_whatever_the_chunks(self, chunks: list[bytes]) -> None:
        whole = b"".join(chunks).replace(b"\r", b"")
        text = whole.decode("utf-8", "replace")
        expected = text.split("\n")
        if not expected[-1]:
            expected.pop()
        assert lines_of(*(chunk.replace(b"\r", b"") for chunk in chunks)) == expected


class TestRing:
    def test_a_range_includes_both_ends(self) -> None:
        ring = Ring()
        for second in range(5):
            ring.append(entry(str(second), second))
        found = ring.between(NOON + timedelta(seconds=1), NOON + timedelta(seconds=3))
        assert [e.text for e in found] == ["1", "2", "3"]

    def test_the_newest_are_kept(self) -> None:
        ring = Ring(capacity=100)
        for n in range(1000):
            ring.append(entry(str(n), n))
        assert 80 <= len(ring) <= 100
        assert ring.between(NOON, NOON + timedelta(days=1))[-1].text == "999"

    def test_an_entry_that_comes_late_goes_to_its_place(self) -> None:
        ring = Ring()
        for seconds in (1, 3, 2):
            ring.append(entry(str(seconds), seconds))
        assert [e.text for e in ring.between(NOON, NOON + timedelta(seconds=9))] == ["1", "2", "3"]

    def test_long_lines_count_by_their_length(self) -> None:
        ring = Ring(characters=10_000)
        for n in range(100):
            ring.append(entry("x" * 1000, n))
        assert 1 <= len(ring) <= 10


def test_a_chatty_program_pushes_no_event_out() -> None:
    store = LogStore(lambda: NOON)
    store.output = Ring(capacity=10)
    store.write_event(ResourceType.INSTANCE_CONTROLLER, {}, "info", "Instance Running")
    for _ in range(100):
        store.write_output({}, "noise")
    found = list(store.between(NOON, NOON + timedelta(seconds=1)))
    assert [e.text for e in found if e.resource_type != "container"] == ["Instance Running"]


def test_times_rise_strictly_so_that_paging_by_time_loses_nothing() -> None:
    store = LogStore(lambda: NOON)
    for number in range(3):
        store.write_event(ResourceType.INSTANCE_CONTROLLER, {}, "info", str(number))
        store.write_output({}, str(number))
    times = [format_time(e.time) for e in store.between(NOON, NOON + timedelta(seconds=1))]
    assert len(set(times)) == 6
