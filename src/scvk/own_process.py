"""What this process uses, read from the machine."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

from scvk.kubelet.own_usage import OwnUsage

_STATM = Path("/proc/self/statm")


def own_usage() -> Callable[[], OwnUsage]:
    """Return what reads it; the process counts as started now."""
    started = time.time()
    return lambda: OwnUsage(started, time.process_time(), _memory_bytes())


def _memory_bytes() -> int:
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # the most it ever used
