"""What a simulator has of this machine, and what of it is still there: processes, namespaces, mounts, ports."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

# <net/tcp_states.h>
_TCP_LISTEN = "0A"


def namespaces_of(pids: Iterable[int]) -> set[str]:
    found: set[str] = set()
    for pid in pids:
        try:
            found |= {f"{place.name} {place.readlink()}" for place in Path(f"/proc/{pid}/ns").iterdir()}
        except OSError:
            continue  # gone meanwhile
    return found


def ticks_since_boot() -> int:
    """Now, as the kernel tells when a process began."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def older_than(clock_ticks: int) -> list[int]:
    """Processes that began before that moment since the machine's start: a later one may get a freed number again."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(place.read_text().rpartition(")")[2].split()[19]) < clock_ticks:
                found.append(int(place.parent.name))
        except OSError:
            continue  # gone meanwhile
    return found


def own_mounts() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def listening() -> dict[str, int]:
    """Sockets of this machine's network that listen, by inode: another one on the same port is not the same."""
    found = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _TCP_LISTEN:
                found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def listening_sockets_of(pid: int) -> dict[str, int]:
    """Those that a process holds: ports by inode."""
    held = set()
    try:
        for place in Path(f"/proc/{pid}/fd").iterdir():
            try:
                held.add(str(place.readlink()).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue  # closed meanwhile
    except OSError:
        return {}  # gone meanwhile
    return {inode: port for inode, port in listening().items() if inode in held}
