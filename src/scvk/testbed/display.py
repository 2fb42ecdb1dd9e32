"""Shows progress to people: a live line on a terminal, a plain line now and then in a log file.

Both are a `Report` (see `scvk.testbed.progress`) and a context manager, and write to standard error:
standard output is for data.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from scvk.testbed.progress import Phase, Progress

EVERY_S = 10.0
"""How often a long phase says in a log file that it goes on."""

ANNOUNCED = {
    Phase.COMPILE: "The first build of a control plane takes minutes (about five on two cores); it is kept.",
}


class Display(AbstractContextManager["Display"], Protocol):
    """Renders progress between `__enter__` and `__exit__`."""

    def __call__(self, progress: Progress) -> None:
        """Show it, or remember it for later; a `Report`."""


def display(stream: TextIO | None = None) -> Display:
    """The display for `stream` (default: standard error): live on a terminal, plain lines otherwise."""
    stream = sys.stderr if stream is None else stream
    return TerminalDisplay(Console(file=stream)) if stream.isatty() else PlainDisplay(stream)


class PlainDisplay(Display):
    """A line when a phase begins or has something new to say without counting, and every 10 s while it
    counts.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._phase: Phase | None = None
        self._said_at = 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end: each line is complete."""

    def __call__(self, progress: Progress) -> None:
        """Writes a line, unless one of the same counting phase was written less than 10 s ago."""
        now = self._clock()
        begins = progress.phase is not self._phase
        if begins and progress.phase in ANNOUNCED:
            print(ANNOUNCED[progress.phase], file=self._stream)
        if begins or not progress.done or now - self._said_at >= EVERY_S:
            print(progress, file=self._stream, flush=True)
            self._phase, self._said_at = progress.phase, now


class TerminalDisplay(Display):
    """One live line: spinner, phase, bar and numbers where they are known, elapsed time, what is being worked
    on.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}", table_column=None),
            console=console,
            transient=True,
            expand=False,
        )
        self._phase: Phase | None = None
        self._task = self._bars.add_task("", total=None, detail="", visible=False)

    def __enter__(self) -> TerminalDisplay:
        """Starts the live line."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the live line."""
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Updates the live line; what a phase says in whole sentences stays above it."""
        if progress.phase is not self._phase:
            self._phase = progress.phase
            self._bars.reset(self._task, total=None, description=progress.phase.value, visible=True, detail="")
            if progress.phase in ANNOUNCED:
                self._console.print(ANNOUNCED[progress.phase])
        if not progress.done and progress.detail:
            self._console.print(f"[dim]{progress.phase.value}:[/] {progress.detail}", highlight=False)
        self._bars.update(
            self._task,
            completed=progress.done or 0,
            total=progress.total,
            detail=progress.detail.rpartition("/")[2][:40] if progress.done else "",
        )
