"""Shows progress to people: a live line on a terminal, a plain line now and then in a log file.

Both are a `Report` (see `scvk.testbed.progress`) and a context manager. They write to standard error, since
standard output is for data.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from scvk.testbed.progress import Phase, Progress

EVERY_S = 10.0
"""How often a long phase says in a log file that it goes on."""


class Display(AbstractContextManager["Display"], Protocol):
    """Renders progress between `__enter__` and `__exit__`."""

    def __call__(self, progress: Progress) -> None:
        """Shows it, now or later; a `Report`."""


def display(stream: TextIO | None = None) -> Display:
    """The display for `stream` (default: standard error): live on a terminal, plain lines otherwise."""
    stream = sys.stderr if stream is None else stream
    return TerminalDisplay(Console(file=stream)) if stream.isatty() else PlainDisplay(stream)


class PlainDisplay(Display):
    """Writes each piece of news as a line, but a phase that counts only when it begins and every 10 s."""

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
        """Writes it, or leaves it out."""
        now = self._clock()
        if progress.phase is not self._phase or progress.done is None or now - self._said_at >= EVERY_S:
            print(progress, file=self._stream, flush=True)
            self._phase, self._said_at = progress.phase, now


class TerminalDisplay(Display):
    """Keeps one live line (phase, bar, numbers, time); news that is no count stays above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._line = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            transient=True,
        )
        self._phase: Phase | None = None
        self._task = self._line.add_task("", total=None, visible=False, numbers="", detail="")

    def __enter__(self) -> Self:
        """Starts the live line."""
        self._line.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the live line."""
        self._line.stop()

    def __call__(self, progress: Progress) -> None:
        """Updates the live line."""
        if progress.phase is not self._phase:
            self._phase = progress.phase
            self._line.reset(self._task, total=None, description=progress.phase.value, visible=True)
        if progress.done is None:
            if progress.detail:
                self._console.print(f"[dim]{progress.phase.value}:[/] {escape(progress.detail)}", highlight=False)
            self._line.update(self._task, numbers="", detail="")
        else:
            total = "" if progress.total is None else f"/{progress.total}"
            last = progress.detail.rpartition("/")[2]
            self._line.update(
                self._task,
                completed=progress.done,
                total=progress.total,
                numbers=f"{progress.done}{total}",
                detail=escape(last[:40]),
            )
