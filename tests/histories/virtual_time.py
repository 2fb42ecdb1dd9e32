"""One time for everything in a history: the loop's own, which jumps to the next thing that is due.

Nothing from outside reaches a virtual loop: no socket, no thread, no real time. So what happens in it is a function of
what it is given, and a history can be had again from its seed in any process. Where that would not be so by itself,
it is made so here: tasks in sets come in the order of their making, and no garbage is collected in between.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import selectors
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

from scvk.simulator.clock import Timer

ResultT = TypeVar("ResultT")
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class NothingEverHappens(RuntimeError):
    """Everything waits for something that nothing will bring about: a deadlock."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still while anything can be done, and then jumps to the next timer."""

    def __init__(self) -> None:
        self._virtual_now = 0.0
        self._turns = 0
        self._at_turn: tuple[int, Callable[[], None]] | None = None
        super().__init__(_NoOutside(self))
        self.set_task_factory(_NumberedTask.make)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._virtual_now

    def after_turns(self, turns: int, call: Callable[[], None]) -> None:
        """Call `call` between two turns of the loop, so many from now: whoever awaits something then is in the midst.

        A task goes on at most once a turn, so that over many turns every await of an agent is met.
        """
        self._at_turn = (self._turns + turns, call)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]  # noqa: ARG002
        """Refuse: a thread would take real time, and another one each time."""
        raise RuntimeError(f"{func} wants a thread in a virtual loop")

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Refuse calls from other threads, for the same reason."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"a thread calls {callback} in a virtual loop")
        return super().call_soon_threadsafe(callback, *args, context=context)

    def _turn(self, timeout: float | None) -> None:
        self._turns += 1
        if self._at_turn is not None and self._turns >= self._at_turn[0]:
            call, self._at_turn = self._at_turn[1], None
            call()
            return
        if timeout is None:
            raise NothingEverHappens("nothing is due, and nothing can be done")
        self._virtual_now += timeout


class _NoOutside(selectors.SelectSelector):
    """Where the loop would wait for sockets."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop._turn(timeout)
        return []


class _NumberedTask(asyncio.Task[Any]):
    """A task with a hash of its own making: asyncio keeps tasks in sets, and cancels them in the sets' order."""

    _numbers = itertools.count()

    def __init__(self, coro: Any, **more: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(coro, **more)

    def __hash__(self) -> int:
        return self._number

    @classmethod
    def make(cls, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> _NumberedTask:
        """Make a task as the loop's factory."""
        return cls(coro, loop=loop, **more)


def run_virtually(main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run a coroutine in a virtual loop of its own, as `asyncio.run` does."""
    _NumberedTask._numbers = itertools.count()
    collects = gc.isenabled()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main)
    finally:
        if collects:
            gc.enable()
        gc.collect()


def running_loop() -> VirtualLoop:
    """Return the loop that the caller runs in."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def monotonic() -> float:
    """Return virtual seconds since the loop began."""
    return asyncio.get_running_loop().time()


def wall_clock() -> datetime:
    """Return the time of day."""
    return START + timedelta(seconds=monotonic())


class LoopClock:
    """The simulator's clock: simulated seconds are the loop's, and so is the time of day."""

    def now(self) -> datetime:
        """Return the time of day."""
        return wall_clock()

    def time(self) -> float:
        """Return the loop's time."""
        return monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in so many virtual seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)
