"""Holds instances to the memory and disk that they asked for, by looking often enough.

How often follows from how far an instance is from its limits: it is looked at again before it could have
used up the rest at the fastest rate a machine allows. What it can take beyond a limit is what it takes in
the shortest pause; and the kernel, should it run short of memory first, ends an instance before anything
else (`programs` raises their OOM score).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from scvk.simulator.launcher import usage

# Several threads that write to fresh pages as fast as they can, on a large desktop machine.
_FASTEST_MIB_PER_S = 8192.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
# Looking must not cost more than a tenth of one processor.
_PAUSE_PER_LOOK = 9.0
# What the layer of an instance's writes has beyond its limit: a program must be caught before it meets the
# wall, where it would end by itself with "No space left on device".
DISK_SLACK_MIB = 256
# The layer is memory, of which the host needs most itself; a group that asks for more disk gets this share.
_LAYER_SHARE = 4


def layer_mib(disk_mib: int, machine_mib: int) -> int:
    """How large to make the layer of writes of an instance that asked for `disk_mib`, on a machine that size.

    Where that is no more than the instance asked for, its limit is not watched: it meets "No space left on
    device" before it, which says nothing about what it asked for.
    """
    return min(disk_mib + DISK_SLACK_MIB, machine_mib // _LAYER_SHARE)


class Limit(StrEnum):
    """What an instance has too much of."""

    MEMORY = "memory"
    DISK = "disk"


@dataclass(slots=True)
class _Watched:
    """`disk_mib` is None where writes have no layer of their own. `visitors` are first processes of execs."""

    pid: int
    memory_mib: int
    disk_mib: int | None
    visitors: set[int] = field(default_factory=set)
    due: float = math.inf

    @property
    def roots(self) -> set[int]:
        return {self.pid, *self.visitors}


class LimitWatch:
    """The instances of one launcher by their numbers. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._watched: dict[int, _Watched] = {}

    def add(self, number: int, pid: int, memory_mib: int, disk_mib: int | None) -> None:
        """The instance whose first process is `pid`; it is not looked at before `begin`."""
        self._watched[number] = _Watched(pid, memory_mib, disk_mib)

    def begin(self, number: int) -> None:
        """It executes its program. Before, it still is a copy of the launcher and sees the host's disk."""
        if number in self._watched:
            self._watched[number].due = 0.0

    def remove(self, number: int) -> None:
        """It ended. May be repeated."""
        self._watched.pop(number, None)

    def join(self, number: int, pid: int) -> None:
        """A command entered the instance: what it uses counts."""
        if number in self._watched:
            self._watched[number].visitors.add(pid)

    def leave(self, pid: int) -> None:
        """That command ended."""
        for watched in self._watched.values():
            watched.visitors.discard(pid)

    def pause_s(self) -> float | None:
        """How long nobody has to be looked at; None while there is nobody."""
        soonest = min((watched.due for watched in self._watched.values()), default=math.inf)
        return max(0.0, soonest - self._monotonic()) if soonest < math.inf else None

    def look(self) -> list[tuple[int, Limit]]:
        """Look at those whose time has come; the numbers of those beyond a limit."""
        began = self._monotonic()
        beyond = []
        for number, watched in self._watched.items():
            if watched.due > began:
                continue
            limit, pause_s = self._examine(watched)
            watched.due = began + pause_s
            if limit is not None:
                beyond.append((number, limit))
        took_s = self._monotonic() - began
        for watched in self._watched.values():
            watched.due = max(watched.due, began + took_s * (1 + _PAUSE_PER_LOOK))
        return beyond

    def measure(self, number: int) -> tuple[float, float]:
        """Processor seconds and MiB of memory; zeros for an unknown one."""
        watched = self._watched.get(number)
        if watched is None:
            return 0.0, 0.0
        pids = usage.with_descendants(watched.roots)
        return usage.cpu_s(pids), usage.memory_mib(pids)

    @staticmethod
    def _examine(watched: _Watched) -> tuple[Limit | None, float]:
        """The limit that it is beyond, and when to look again."""
        pids = usage.with_descendants(watched.roots)
        memory_mib = usage.most_memory_mib(pids)
        if memory_mib > watched.memory_mib:
            memory_mib = usage.memory_mib(pids)
        left_mib = watched.memory_mib - memory_mib
        if left_mib < 0:
            return Limit.MEMORY, _LONGEST_PAUSE_S
        if watched.disk_mib is not None:
            written = usage.written_mib(watched.pid)
            if written is not None and written[1] > watched.disk_mib:
                disk_left_mib = watched.disk_mib - written[0]
                if disk_left_mib < 0:
                    return Limit.DISK, _LONGEST_PAUSE_S
                left_mib = min(left_mib, disk_left_mib)
        return None, min(_LONGEST_PAUSE_S, max(_SHORTEST_PAUSE_S, left_mib / _FASTEST_MIB_PER_S))
