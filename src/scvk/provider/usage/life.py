"""What one run of a program has used: samples made of what looks at its instance found. Pure.

`cpu_usage_total` counts whole seconds since the program's start. Another instance, or a count that falls, is another
life of the pod's container. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from scvk.provider.usage.refresh import EVERY_S, Refresh, seen_again, seen_changed, seen_first
from scvk.saladcloud.models import ContainerGroupInstance, InstanceState

LEAST_CPU_S = 0.001
"""A program that was started has used about so much; the platform's count begins with its first whole second, and
metrics-server leaves out a pod whose count is 0, with its memory."""
BYTES_A_MB = 1024 * 1024
"""The platform's megabytes are MiB: a group of 1024 gets a GiB."""
IDLE_PERCENT, BUSY_PERCENT = 1.0, 10.0
"""An idle program's count may stand still; that of a busy one moves with each refresh."""
KEPT_FOR_S = 600.0
"""Samples older than this are dropped, but for the newest of them: others are told between samples."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`cpu_s` processor seconds since the start of the life, as of `at`, and the memory in use then."""

    at: float
    cpu_s: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The figures of one look, word for word: any that differs shows a refresh."""

    cpu_total_s: float
    memory_mb: float
    others: tuple[float | None, ...]
    cpu_percent: float | None
    state_since: datetime | None = None

    def sample(self, at: float) -> Sample:
        """Return the figures as of a moment."""
        return Sample(at, max(self.cpu_total_s, LEAST_CPU_S), int(self.memory_mb * BYTES_A_MB))


@dataclass(frozen=True, slots=True)
class Life:
    """`after`: when the life before was still there, None where none is known. At least one sample, in order."""

    instance: str
    after: float | None
    looked: float
    reading: Reading
    refresh: Refresh
    samples: tuple[Sample, ...]

    @property
    def newest(self) -> Sample:
        """The last sample."""
        return self.samples[-1]

    @property
    def cores(self) -> float | None:
        """Processors in use between the last two samples."""
        if len(self.samples) < 2:
            return None
        before, newest = self.samples[-2:]
        return (newest.cpu_s - before.cpu_s) / (newest.at - before.at)


def heard(life: Life | None, instance: ContainerGroupInstance, at: float) -> Life | None:
    """Return the life after a look at `at`: the same where that tells nothing new, None where there is none yet."""
    reading = _reading(instance)
    if reading is None or (life is not None and at <= life.looked):
        return life
    if life is not None and life.instance == instance.id and _is_of_before(reading, life):
        return life
    if life is None or life.instance != instance.id or reading.cpu_total_s < life.reading.cpu_total_s:
        after = life.looked if life is not None else None
        return Life(instance.id, after, at, reading, seen_first(at), (reading.sample(at),))
    if reading != life.reading:
        refresh = seen_changed(life.refresh, life.looked, at)
        samples = _kept((*life.samples, reading.sample(refresh.by)), at - KEPT_FOR_S)
        return replace(life, looked=at, reading=reading, refresh=refresh, samples=samples)
    percent = reading.cpu_percent
    if percent is not None and percent >= BUSY_PERCENT:
        life = replace(life, refresh=seen_again(life.refresh, at))
    elif percent is not None and percent < IDLE_PERCENT:
        life = replace(life, samples=_still(life.samples, at - EVERY_S))
    return replace(life, looked=at)


def _is_of_before(reading: Reading, life: Life) -> bool:
    """Say whether these are older figures of the same life, from a platform that answers out of some memory."""
    since, known = reading.state_since, life.reading.state_since
    if reading.cpu_total_s >= life.reading.cpu_total_s or since is None or known is None or since > known:
        return False
    figures = reading.sample(0)
    return any((each.cpu_s, each.memory_bytes) == (figures.cpu_s, figures.memory_bytes) for each in life.samples)


def _still(samples: tuple[Sample, ...], at: float) -> tuple[Sample, ...]:
    """Return the samples of a program that idles, as its share of processors says too: what a refresh in the last
    minute left as it was, it had used no more of a minute ago.

    Figures that stand still and say that the program works are no longer refreshed: their sample keeps its time.
    """
    newest = samples[-1]
    if at <= newest.at:
        return samples
    stood = len(samples) > 1 and samples[-2].cpu_s == newest.cpu_s
    return (*(samples[:-1] if stood else samples), replace(newest, at=at))


def _kept(samples: tuple[Sample, ...], since: float) -> tuple[Sample, ...]:
    """Return the samples since a moment, and the one before it."""
    older = sum(sample.at <= since for sample in samples)
    return samples[max(0, older - 1) :]


def _reading(instance: ContainerGroupInstance) -> Reading | None:
    total, memory = instance.cpu_usage_total, instance.memory_usage_mb
    if instance.state != InstanceState.RUNNING or total is None or total < 0 or memory is None or memory <= 0:
        return None
    others = (instance.cpu_usage, instance.memory_usage_percent)
    return Reading(total, memory, others, instance.cpu_percent, instance.update_time)
