"""What the agent itself uses: a part of what its node uses, so that a node without pods is not one without use."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scvk.kubelet.usage_source import Usage, UsageSample


@dataclass(frozen=True, slots=True)
class OwnUsage:
    """Processor seconds since the start of the process, which was at `started`, and its memory."""

    started: float
    cpu_s: float
    memory_bytes: int


def with_own(usage: Usage | None, own: OwnUsage, now: float) -> Usage:
    """Return what a node uses with its agent; without a provider that tells, the agent alone."""
    if usage is None:
        return Usage(UsageSample(now, own.cpu_s, own.memory_bytes))
    together = usage.together
    return replace(
        usage,
        together=replace(
            together, cpu_s=together.cpu_s + own.cpu_s, memory_bytes=together.memory_bytes + own.memory_bytes
        ),
    )
