"""Measures what an instance uses: its processes' memory and processor time, and what it has written.

Read from /proc, so that it works the same as root, in a user namespace and without any isolation. Control
groups would count more exactly, but an ordinary user may seldom make one, and nothing would remove it after
a SIGKILL.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MIB = 1024 * 1024
# Memory that only the process's end gives back; pages of files are the kernel's to drop.
_HELD = ("Pss_Anon:", "Pss_Shmem:")


def with_descendants(pids: Iterable[int]) -> set[int]:
    """These processes and all below them; those that are gone meanwhile are left out."""
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid in found:
            continue
        try:
            children = [(thread / "children").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            continue
        found.add(pid)
        waiting.extend(int(child) for text in children for child in text.split())
    return found


def most_memory_mib(pids: Iterable[int]) -> float:
    """No less than what the processes hold, quickly: pages shared between them count for each."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue  # gone meanwhile
    return pages * _PAGE_BYTES / _MIB


def memory_mib(pids: Iterable[int]) -> float:
    """What the processes hold, each page once: a walk through their page tables, milliseconds for gigabytes."""
    kib = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # gone meanwhile
        kib += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(_HELD))
    return kib / 1024


def cpu_s(pids: Iterable[int]) -> float:
    """Processor seconds of the processes and of those children of theirs that have ended."""
    ticks = 0
    for pid in pids:
        try:
            # Behind the name, which may hold anything: state is field 3, utime to cstime are 14 to 17 (proc(5)).
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
        except (OSError, ValueError):
            continue  # gone meanwhile
    return ticks / _TICKS_PER_S


def written_mib(pid: int) -> tuple[float, float] | None:
    """What the instance of this process has written, and how much it may at all; None when it is gone."""
    try:
        layer = os.statvfs(f"/proc/{pid}/root")
    except OSError:
        return None
    return (layer.f_blocks - layer.f_bfree) * layer.f_frsize / _MIB, layer.f_blocks * layer.f_frsize / _MIB


def machine_mib() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES // _MIB
