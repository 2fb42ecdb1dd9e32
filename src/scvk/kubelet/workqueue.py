"""A queue of keys: deduplicated, one worker per key at a time, with delays and per-key backoff.

The rules are those of client-go's work queue: a key that is added while it is being worked on is worked on once more
afterwards; a key that waits for a later time is brought forward by an earlier one. Keys are never given up.
"""

from __future__ import annotations

import asyncio
import random as random_module
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from scvk.kubelet.backoff import Backoff

KeyT = TypeVar("KeyT", bound=Hashable)


class WorkQueue(Generic[KeyT]):
    """Keys waiting to be worked on. All methods belong to one event loop; none blocks but `run`."""

    def __init__(self, *, backoff: Backoff | None = None, random: Callable[[], float] = random_module.random) -> None:
        self._backoff = backoff or Backoff()
        self._random = random
        self._ready: OrderedDict[KeyT, None] = OrderedDict()
        self._timers: dict[KeyT, asyncio.TimerHandle] = {}
        self._working: set[KeyT] = set()
        self._dirty: set[KeyT] = set()
        self._failures: dict[KeyT, int] = {}
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys are ready or being worked on (not those that wait for a time)."""
        return len(self._ready) + len(self._working)

    def add(self, key: KeyT) -> None:
        """Let `key` be worked on as soon as a worker is free."""
        self._cancel_timer(key)
        if key in self._working:
            self._dirty.add(key)
        else:
            self._ready[key] = None
            self._wakeup.set()

    def add_after(self, key: KeyT, delay: float) -> None:
        """Let `key` be worked on in `delay` seconds, unless it comes up earlier."""
        if delay <= 0:
            self.add(key)
            return
        if key in self._ready or key in self._dirty:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def failures(self, key: KeyT) -> int:
        """Return how many times in a row `key` failed."""
        return self._failures.get(key, 0)

    async def run(
        self, work: Callable[[KeyT], Awaitable[None]], *, failed: Callable[[KeyT, Exception], float | None]
    ) -> None:
        """Be one worker, until cancelled. Start several for parallel work on different keys.

        `failed` is told of each exception of `work`; it may return the earliest time of the next try in seconds
        (a cloud's Retry-After), which is waited for if it is later than the backoff.
        """
        while True:
            key = await self._take()
            try:
                await work(key)
            except Exception as error:  # noqa: BLE001 - a key must outlive any failure of its work
                count = self._failures[key] = self.failures(key) + 1
                earliest = failed(key, error) or 0.0
                self._finish(key)
                self.add_after(key, max(self._backoff.delay(count, self._random), earliest))
            except BaseException:
                self._finish(key)
                raise
            else:
                self._failures.pop(key, None)
                self._finish(key)

    async def _take(self) -> KeyT:
        while not self._ready:
            self._wakeup.clear()
            await self._wakeup.wait()
        key, _ = self._ready.popitem(last=False)
        self._working.add(key)
        return key

    def _finish(self, key: KeyT) -> None:
        self._working.discard(key)
        if key in self._dirty:
            self._dirty.discard(key)
            self.add(key)

    def _due(self, key: KeyT) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: KeyT) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
