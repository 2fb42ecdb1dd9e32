"""The five numbers of a probe, moved into SaladCloud's ranges without shortening what a program is allowed.

A probe allows a program a time: so many failures, so far apart, after a delay. SaladCloud's ranges are narrower than
Kubernetes', and cutting a startup probe of 90 x 10 s to 20 x 10 s would kill a program that is still loading its
model. So the time is kept, by probing more rarely (20 x 45 s), up to the most that SaladCloud can express.
"""

from __future__ import annotations

from dataclasses import dataclass

from lightkube.models.core_v1 import Probe

# OpenAPI document, ContainerGroupStartupProbe, …LivenessProbe and …ReadinessProbe: the same ranges in all three.
MAX_FAILURES = 20
MAX_SUCCESSES = 10
MAX_INITIAL_DELAY_S = 1200
MAX_PERIOD_S = 120
MAX_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Timing:
    """The numbers of a probe: delays, periods and time-outs in seconds, thresholds in probes in a row."""

    initial_delay_s: int
    period_s: int
    timeout_s: int
    successes: int
    failures: int

    @property
    def failing_s(self) -> int:
        """How long a program may fail before something is done about it."""
        return self.failures * self.period_s


def changes(asked: Timing, granted: Timing) -> str:
    """Return every number that differs, by its name in Kubernetes: `failureThreshold 90 became 20, …`."""
    pairs = (
        ("initialDelaySeconds", asked.initial_delay_s, granted.initial_delay_s),
        ("periodSeconds", asked.period_s, granted.period_s),
        ("timeoutSeconds", asked.timeout_s, granted.timeout_s),
        ("successThreshold", asked.successes, granted.successes),
        ("failureThreshold", asked.failures, granted.failures),
    )
    return ", ".join(f"{name} {before} became {after}" for name, before, after in pairs if before != after)


def declared(probe: Probe) -> Timing:
    """Return the probe's numbers with Kubernetes' defaults for what is missing (or zero, as its defaulting does)."""
    return Timing(
        initial_delay_s=max(0, probe.initialDelaySeconds or 0),
        period_s=_or_default(probe.periodSeconds, 10),
        timeout_s=_or_default(probe.timeoutSeconds, 1),
        successes=_or_default(probe.successThreshold, 1),
        failures=_or_default(probe.failureThreshold, 3),
    )


def in_range(timing: Timing, *, delay_is_allowance: bool) -> Timing:
    """Return `timing` within SaladCloud's ranges; `timing` itself where it is within them.

    `delay_is_allowance`: the initial delay is part of the time that a program has to come up (startup and liveness
    probes, which end it); what does not fit into the delay is then added to the failures. A readiness probe ends
    nothing, and only starts earlier.
    """
    delay = min(timing.initial_delay_s, MAX_INITIAL_DELAY_S)
    failing_s = timing.failing_s + (timing.initial_delay_s - delay if delay_is_allowance else 0)
    period = min(timing.period_s, MAX_PERIOD_S)
    failures = _how_many(failing_s, period)
    if failures > MAX_FAILURES:
        failures = MAX_FAILURES
        period = min(_how_many(failing_s, MAX_FAILURES), MAX_PERIOD_S)
    # A rarer probe needs fewer successes for the same time; one success is always enough for one.
    succeeding = timing.successes if timing.successes == 1 else _how_many(timing.successes * timing.period_s, period)
    return Timing(
        initial_delay_s=delay,
        period_s=period,
        timeout_s=min(timing.timeout_s, MAX_TIMEOUT_S),
        successes=min(succeeding, MAX_SUCCESSES),
        failures=failures,
    )


def _or_default(number: int | None, default: int) -> int:
    return number if number is not None and number > 0 else default


def _how_many(total: int, step: int) -> int:
    return -(-total // step)
