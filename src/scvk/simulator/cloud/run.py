"""One run of an instance's program: the runtime's listener.

Every run has its own, so that news of an earlier run are told apart and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from scvk.simulator.clock import Clock, Timer
from scvk.simulator.cloud.definition import Definition
from scvk.simulator.cloud.figures import EVERY_S, Figures, figures
from scvk.simulator.cloud.probing import ProbeWatch
from scvk.simulator.logs.lines import LineSplitter
from scvk.simulator.runtime.contract import Container, Usage


class Runner(Protocol):
    """The instance: it hears of its runs, also of those that it has left already."""

    definition: Definition

    def program_started(self, run: Run) -> None:
        """The program executes."""

    def program_said(self, run: Run, line: str) -> None:
        """A line of output."""

    def program_ended(self, run: Run, status: int | None) -> None:
        """The program ended by itself with `status`, or could not be started (None)."""

    def disk_exceeded(self, run: Run) -> None:
        """The program wrote more than the group asked for."""


class Run:
    """From before the start of the program to after its end."""

    def __init__(self, instance: Runner, clock: Clock, labels: Mapping[str, str]) -> None:
        self._instance = instance
        self._lines = LineSplitter()
        self._clock = clock
        self.labels = labels
        self.container: Container | None = None
        self.watch: ProbeWatch | None = None
        self.figures: Figures | None = None
        self._measuring: Timer | None = None
        self.began_at = clock.time()
        # Set when the platform ends this run on purpose; `then` is what follows its end.
        self.unwanted = False
        self.then: Callable[[], None] | None = None

    def started(self) -> None:
        """The program executes."""
        self.began_at = self._clock.time()
        self._instance.program_started(self)

    def start_failed(self, reason: str) -> None:
        """It does not."""
        # People look into the container's log for it; the event of the platform has no room for a reason.
        self._instance.program_said(self, f"failed to start: {reason}")
        self._instance.program_ended(self, None)

    def output(self, data: bytes) -> None:
        """What it wrote, in any pieces."""
        for line in self._lines.feed(data):
            self._instance.program_said(self, line)

    def exited(self, status: int) -> None:
        """It ended; no output comes after."""
        for line in self._lines.finish():
            self._instance.program_said(self, line)
        self._instance.program_ended(self, status)

    def disk_exceeded(self) -> None:
        """It wrote more than the group asked for."""
        self._instance.disk_exceeded(self)

    def begin_measuring(self) -> None:
        """From now on there are figures, a new set every simulated minute."""
        self._measuring = self._clock.call_later(EVERY_S, self._measure)

    def _measure(self) -> None:
        self.begin_measuring()
        if self.container is not None:
            self.container.measure(self._measured)

    def _measured(self, usage: Usage) -> None:
        resources = self._instance.definition.resources
        self.figures = figures(usage, self.figures, int(resources["cpu"]), int(resources["memory"]))

    def end_watching(self) -> None:
        """No further probe and no further figure."""
        if self.watch is not None:
            self.watch.end()
        if self._measuring is not None:
            self._measuring.cancel()
