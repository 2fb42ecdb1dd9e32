"""The log store of one project: two bounded rings, one for programs' output and one for events.

Two, so that a chatty program cannot push the events out, which clients live by. Entries of a ring are kept
in the order of their times, which makes time ranges cheap to cut out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from scvk.simulator.logs.entries import LogEntry, ResourceType, parse_line

# The platform keeps entries for 90 days; a laptop keeps the newest ones of a ring: that many, and that many
# characters.
ENTRIES_PER_RING = 100_000
CHARACTERS_PER_RING = 64 * 1024 * 1024
_TICK = timedelta(microseconds=1)
_TRIM_AT_ONCE = 1024


class Ring:
    """The newest entries, oldest first."""

    def __init__(self, capacity: int = ENTRIES_PER_RING, characters: int = CHARACTERS_PER_RING) -> None:
        self._entries: list[LogEntry] = []
        self._capacity = capacity
        self._characters = characters
        self._weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: LogEntry) -> None:
        """Keep `entry`; one that is earlier than the last one (a mishap) goes to its place."""
        if self._entries and entry.time < self._entries[-1].time:
            insort(self._entries, entry, key=_time)
        else:
            self._entries.append(entry)
        self._weight += entry.weight
        if len(self._entries) > self._capacity or self._weight > self._characters:
            self._trim()

    def between(self, start: datetime, end: datetime) -> list[LogEntry]:
        """Entries with `start <= time <= end`, oldest first."""
        first = bisect_left(self._entries, start, key=_time)
        last = bisect_right(self._entries, end, key=_time)
        return self._entries[first:last]

    def _trim(self) -> None:
        # Some more than needed: dropping from the front of a list costs its whole length.
        drop = max(len(self._entries) - self._capacity, min(_TRIM_AT_ONCE, self._capacity // 10))
        weight = sum(entry.weight for entry in self._entries[:drop])
        while self._weight - weight > self._characters and drop < len(self._entries):
            weight += self._entries[drop].weight
            drop += 1
        del self._entries[:drop]
        self._weight -= weight


def _time(entry: LogEntry) -> datetime:
    return entry.time


class LogStore:
    """All log entries of one project."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._last = datetime.min.replace(tzinfo=UTC)
        self.output = Ring()
        self.events = Ring()

    def write_output(self, labels: Mapping[str, str], line: str) -> None:
        """A line of a program. The platform gives it no severity of its own: `default`, unless the line says one."""
        self.output.append(parse_line(line).entry(self.next_time(), labels))

    def write_event(
        self,
        source: ResourceType,
        labels: Mapping[str, str],
        severity: str,
        text: str,
        time: datetime | None = None,
    ) -> None:
        """An event of a controller that happened at `time`, None for now; from now on it can be seen."""
        time = time or self.next_time()
        self.events.append(LogEntry(time, max(time, self._now()), source, labels, severity, text))

    def next_time(self) -> datetime:
        """Now, but later than any time before: a client that pages by time must not lose one of two equals."""
        self._last = max(self._now(), self._last + _TICK)
        return self._last

    def between(self, start: datetime, end: datetime) -> Iterator[LogEntry]:
        """Entries of both rings in the range, in no particular order."""
        yield from self.events.between(start, end)
        yield from self.output.between(start, end)
