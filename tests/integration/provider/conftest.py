"""Keeps looptime's plugin from making an event loop before each test that nobody closes."""

from __future__ import annotations

import asyncio

asyncio.set_event_loop(None)
