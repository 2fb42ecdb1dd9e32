"""A stop on SIGTERM or SIGINT, as the cancellation of a task."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)


@contextmanager
def stopped_by_signals(task: asyncio.Task[object]) -> Iterator[list[signal.Signals]]:
    """Cancel `task` on the first SIGTERM or SIGINT while the block runs; yields the list of signals received.

    Further signals change nothing: cancelling the clean-up too would leave behind what it is there for.
    """
    loop = asyncio.get_running_loop()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        if len(received) == 1:
            task.cancel()
            log.info("stopping", signal=number.name)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        yield received
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
