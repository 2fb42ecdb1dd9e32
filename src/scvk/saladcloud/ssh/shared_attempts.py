"""Work of which there is one at a time for each key: who asks meanwhile shares it, and its failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SharedAttempts(Generic[K, T]):
    """Attempts by key. One goes on when those who wait for it are cancelled: the next may come at once."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[T]] = {}

    async def make(self, key: K, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return what the attempt under way gives, or a new one where there is none. Raises what it raises."""
        task = self._under_way.get(key)
        if task is None:

            async def run() -> T:
                return await attempt()

            task = asyncio.create_task(run())
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: K, task: asyncio.Task[T]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # nobody may be left to ask for it
