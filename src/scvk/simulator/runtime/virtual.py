"""Containers that run nothing: each follows a script (`runtime.script`) on the simulator's clock.

For tests on a virtual clock, and for thousands of groups in one process.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Sequence

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.clock import Clock, Timer
from scvk.simulator.runtime.contract import ContainerEvents, Launch, ProbeOutcome, Usage
from scvk.simulator.runtime.script import Script, script_of

_LAUNCHES_REMEMBERED = 1000


class VirtualRuntime:
    """Runs scripts; `scripted` chooses one for each launch. `launches` has the newest ones."""

    def __init__(self, clock: Clock, scripted: Callable[[Launch], Script] = script_of) -> None:
        self._clock = clock
        self._scripted = scripted
        self.launches: deque[Launch] = deque(maxlen=_LAUNCHES_REMEMBERED)
        self._running: set[_VirtualContainer] = set()

    @property
    def isolation_report(self) -> Sequence[str]:
        """Nothing runs, nothing needs isolation."""
        return ("no programs run: containers follow scripts",)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Forget all containers."""
        for container in list(self._running):
            container.forget()
        self._running.clear()

    def start(self, launch: Launch, events: ContainerEvents) -> _VirtualContainer:
        """Start the launch's script."""
        self.launches.append(launch)
        container = _VirtualContainer(self._clock, self._scripted(launch), events, self._running.discard)
        self._running.add(container)
        return container


class _VirtualContainer:
    inside = None

    def __init__(
        self,
        clock: Clock,
        script: Script,
        events: ContainerEvents,
        ended: Callable[[_VirtualContainer], None],
    ) -> None:
        self._clock = clock
        self._script = script
        self._events = events
        self._ended = ended
        self._alive = True
        self._started_at = clock.time()
        self._timer = clock.call_later(0, self._begin)

    def signal(self, number: int) -> None:
        """End at once, unless the script ignores it."""
        if not self._alive or (self._script.ignores_sigterm and number != signal.SIGKILL):
            return
        self._timer.cancel()
        self._timer = self._clock.call_later(0, lambda: self._end(128 + number))

    def check(self, probe: Probe, timeout_s: float, done: Callable[[ProbeOutcome], None]) -> Timer:  # noqa: ARG002
        """Answer from the script, at once: a script takes no time."""
        success = self._alive and self._script.probe(probe, self._clock.time() - self._started_at)
        return self._clock.call_later(0, lambda: done(ProbeOutcome(success, "" if success else "scripted")))

    def measure(self, done: Callable[[Usage], None]) -> None:
        """What the script says it uses."""
        age_s = self._clock.time() - self._started_at
        usage = Usage(self._script.cpu * age_s, age_s, self._script.memory_mib)
        if self._alive:
            done(usage)

    def forget(self) -> None:
        """Stop without telling anybody."""
        self._alive = False
        self._timer.cancel()

    def _begin(self) -> None:
        if self._script.fails_to_start is not None:
            self._alive = False
            self._ended(self)
            self._events.start_failed(self._script.fails_to_start)
            return
        self._started_at = self._clock.time()
        self._events.started()
        if self._alive and self._script.output:
            self._events.output(self._script.output)
        if self._alive and self._script.fills_disk_after_s is not None:
            self._clock.call_later(self._script.fills_disk_after_s, self._fill_disk)
        if self._alive and self._script.exit_after_s is not None:
            status = self._script.exit_status
            self._timer = self._clock.call_later(self._script.exit_after_s, lambda: self._end(status))

    def _fill_disk(self) -> None:
        if self._alive:
            self._events.disk_exceeded()

    def _end(self, status: int) -> None:
        if self._alive:
            self._alive = False
            self._ended(self)
            self._events.exited(status)
