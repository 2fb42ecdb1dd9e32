"""An instance's probes: when each is checked, and what a run of outcomes means.

As on the platform: the startup probe first, liveness and readiness only once it has passed. The five
numbers are in simulated seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.clock import Clock, Timer
from scvk.simulator.runtime.contract import Container, ProbeOutcome


@dataclass(slots=True)
class Streak:
    """Counts outcomes in a row until a threshold is reached; `verdict` is the last one that was."""

    success_threshold: int
    failure_threshold: int
    verdict: bool | None = None
    _successes: int = 0
    _failures: int = 0

    def record(self, *, success: bool) -> bool | None:
        """The new verdict when this outcome reaches its threshold and changes it, else None."""
        if success:
            self._successes, self._failures = self._successes + 1, 0
        else:
            self._successes, self._failures = 0, self._failures + 1
        verdict = self.verdict
        if self._successes >= self.success_threshold:
            verdict = True
        elif self._failures >= self.failure_threshold:
            verdict = False
        if verdict == self.verdict:
            return None
        self.verdict = verdict
        return verdict


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """The probes of a group's definition, each may be missing."""

    startup: Probe | None = None
    liveness: Probe | None = None
    readiness: Probe | None = None


class _Loop:
    """Checks one probe again and again, one check at a time."""

    def __init__(self, clock: Clock, container: Container, probe: Probe, on_verdict: Callable[[bool], None]) -> None:
        self._clock = clock
        self._container = container
        self._probe = probe
        self._on_verdict = on_verdict
        self._streak = Streak(probe.success_threshold or 1, probe.failure_threshold or 1)
        self._asked_at = 0.0
        self._pending: Timer | None = None
        self._ended = False

    def begin(self, age_s: float) -> None:
        """`age_s`: how long the container runs already; the initial delay counts from its start."""
        delay_s = max(0.0, (self._probe.initial_delay_seconds or 0) - age_s)
        self._pending = self._clock.call_later(delay_s, self._check)

    def end(self) -> None:
        self._ended = True
        if self._pending is not None:
            self._pending.cancel()

    def _check(self) -> None:
        self._asked_at = self._clock.time()
        self._pending = self._container.check(self._probe, float(self._probe.timeout_seconds or 1), self._done)

    def _done(self, outcome: ProbeOutcome) -> None:
        if self._ended:
            return
        took_s = self._clock.time() - self._asked_at
        self._pending = self._clock.call_later(max(0.0, (self._probe.period_seconds or 1) - took_s), self._check)
        verdict = self._streak.record(success=outcome.success)
        if verdict is not None:
            self._on_verdict(verdict)


class ProbeWatch:
    """Checks one started container until `end`.

    `on_startup`, `on_liveness`, `on_readiness` get verdicts as they change; a missing probe's is never
    called.
    """

    def __init__(
        self,
        clock: Clock,
        container: Container,
        probes: ProbeSet,
        *,
        on_startup: Callable[[bool], None],
        on_liveness: Callable[[bool], None],
        on_readiness: Callable[[bool], None],
    ) -> None:
        self._clock = clock
        self._container = container
        self._probes = probes
        self._on_startup = on_startup
        self._on_liveness = on_liveness
        self._on_readiness = on_readiness
        self._began = clock.time()
        self._loops: list[_Loop] = []
        self._ended = False

    def begin(self) -> None:
        """Start with the startup probe, or without one with the two others."""
        if self._probes.startup is not None:
            self._watch(self._probes.startup, self._startup_verdict)
        else:
            self._watch_the_others()

    def end(self) -> None:
        """No further check and no further verdict."""
        self._ended = True
        for loop in self._loops:
            loop.end()

    def _startup_verdict(self, passed: bool) -> None:
        for loop in self._loops:
            loop.end()
        self._on_startup(passed)
        if passed and not self._ended:
            self._watch_the_others()

    def _watch_the_others(self) -> None:
        if self._probes.liveness is not None:
            self._watch(self._probes.liveness, self._on_liveness)
        if self._probes.readiness is not None:
            self._watch(self._probes.readiness, self._on_readiness)

    def _watch(self, probe: Probe, on_verdict: Callable[[bool], None]) -> None:
        loop = _Loop(self._clock, self._container, probe, on_verdict)
        self._loops.append(loop)
        loop.begin(self._clock.time() - self._began)
