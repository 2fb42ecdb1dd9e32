"""Bytes that have arrived and wait for their reader; who fills it is told when to stop."""

from __future__ import annotations

import asyncio

HIGH_WATER = 256 * 1024
"""Bytes that are kept unread before the other side is made to wait: four windows of SPDY."""
SIGN_OF_LIFE_EVERY_S = 10.0
"""While the other side is made to wait, it is asked so often whether it is still there."""


class Inbox:
    """One writer, one reader. What was put in before the end is read all the same."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._is_over = False
        self._arrived = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Say whether the writer should wait."""
        return len(self._kept) > HIGH_WATER

    def put(self, data: bytes) -> None:
        """Add bytes."""
        self._kept += data
        if data:
            self._arrived.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._is_over = True
        self._arrived.set()

    async def read(self) -> bytes:
        """Return what is there, waiting for it; nothing at the end."""
        while not self._kept and not self._is_over:
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._kept)
        self._kept.clear()
        return data
