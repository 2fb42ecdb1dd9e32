"""The capability of a provider to tell what pods use: what `kubectl top` and autoscaling by CPU and memory stand on.

All values; times are Unix seconds. What is not known is left out, and never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lightkube.resources.core_v1 import Pod


@dataclass(frozen=True, slots=True)
class UsageSample:
    """Processor seconds used since the start of what is measured, and memory in use, both as of `at`.

    `cores`: processors in use lately, where it is known.
    """

    at: float
    cpu_s: float
    memory_bytes: int
    cores: float | None = None


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What the one container of a pod that runs uses. `started`: the start that its seconds are counted from."""

    namespace: str
    name: str
    uid: str
    container: str
    sample: UsageSample
    pod_started: float | None = None
    started: float | None = None
    image: str = ""
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a node's pods use, in their order, and all of them together; what the gone ones used is in `together`."""

    together: UsageSample
    pods: tuple[PodUsage, ...] = ()


class UsageSource(Protocol):
    """A provider that knows what its pods use."""

    def usage(self, pods: Sequence[Pod], /) -> Usage:
        """Return what is known of these pods, all those of the node. Costs nothing itself, and never waits.

        Being asked is a sign that somebody reads: the provider may then look more often.
        """
        ...
