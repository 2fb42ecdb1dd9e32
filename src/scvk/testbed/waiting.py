"""Waiting for a condition with a deadline, on an injected clock."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock (seconds, monotonic) and the sleep of everything that waits here."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def wait_until(
    condition: Callable[[], bool | Awaitable[bool]], timeout_s: float, every_s: float, timing: Timing
) -> bool:
    """Asks until `condition` holds (True) or `timeout_s` seconds are over (False); asks at least once."""
    deadline = timing.clock() + timeout_s
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return True
        if timing.clock() >= deadline:
            return False
        await timing.sleep(every_s)
