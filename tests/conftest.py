"""Keeps synchronous tests from making an event loop that nobody closes.

Before each test looptime's plugin asks asyncio for the current event loop, and asyncio makes one where none
was ever set: pytest-asyncio then replaces it at the first asynchronous test, and its end is a
ResourceWarning, hence an error.
"""

from __future__ import annotations

import asyncio

asyncio.set_event_loop(None)
