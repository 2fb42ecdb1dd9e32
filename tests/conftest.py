"""Keeps tests from failing for how busy the machine is, and synchronous ones from making an event loop that stays.

How fast an example of hypothesis runs says nothing on a machine that is shared: no deadline, no complaint.

Before each test looptime's plugin asks asyncio for the current event loop, and asyncio makes one where none
was ever set: pytest-asyncio then replaces it at the first asynchronous test, and its end is a
ResourceWarning, hence an error.
"""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, settings

asyncio.set_event_loop(None)

settings.register_profile("a shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("a shared machine")
