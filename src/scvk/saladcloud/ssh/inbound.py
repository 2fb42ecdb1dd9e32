"""Data that came over a channel and wait for their reader. Its owner is told when to let the other side wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HIGH_WATER = 512 * 1024
"""Unread bytes beyond which the channel's window is no longer widened."""


class Inbound:
    """One reader. `waits` is called with True when much is unread, with False when it has been read."""

    def __init__(self, waits: Callable[[bool], None]) -> None:
        self._waits = waits
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_over = False
        self._arrived = asyncio.Event()
        self.is_full = False

    def put(self, data: bytes) -> None:
        """Add data."""
        self._pieces.append(data)
        self._size += len(data)
        self._arrived.set()
        if self._size > HIGH_WATER and not self.is_full:
            self.is_full = True
            self._waits(True)

    def end(self) -> None:
        """Nothing more will come; what is here can be read all the same."""
        self._is_over = True
        self._arrived.set()

    async def read(self) -> bytes:
        """Return what is here, waiting for it; nothing at the end."""
        while not self._pieces and not self._is_over:
            self._arrived.clear()
            await self._arrived.wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self.is_full:
            self.is_full = False
            self._waits(False)
        return data


class Outbound:
    """Whether the other side takes more, as asyncssh's `pause_writing` and `resume_writing` tell it."""

    def __init__(self) -> None:
        self._may_write = asyncio.Event()
        self._may_write.set()

    def pause(self) -> None:
        """Let writers wait."""
        self._may_write.clear()

    def resume(self) -> None:
        """Let writers go on, also when there is nobody left to write to."""
        self._may_write.set()

    async def room(self) -> None:
        """Wait until the other side takes more."""
        await self._may_write.wait()
