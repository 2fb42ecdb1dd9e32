"""What an instance object tells about its use of the machine: measured once a simulated minute.

Until the first minute has passed there are no figures, and the fields are left out. That `cpu_percent` is a
share of the processors the group asked for is a guess; the document only says "percentage of CPU used".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scvk.simulator.runtime.contract import Usage

EVERY_S = 60.0
"""`ContainerGroupInstance`, OpenAPI document: "updated every minute"."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement of a run, and what is needed to take the next one's difference."""

    usage: Usage
    cpu_percent: float
    memory_percent: float

    def render(self) -> dict[str, Any]:
        """The five members of `ContainerGroupInstance`."""
        return {
            "cpu_percent": round(self.cpu_percent, 2),
            "cpu_usage": int(self.usage.cpu_s),
            "cpu_usage_total": int(self.usage.cpu_s),
            # The platform's MB are MiB: a group that asks for 1024 gets a GiB.
            "memory_usage_mb": round(self.usage.memory_mib, 2),
            "memory_usage_percent": round(self.memory_percent, 2),
        }


def figures(usage: Usage, before: Figures | None, cpu: int, memory_mib: int) -> Figures:
    """The figures after a measurement of a group's instance that asked for `cpu` processors and `memory_mib`.

    `before` is the last measurement of the same run; without one the percentage is that since its start.
    """
    since = before.usage if before is not None else Usage(0.0, 0.0, 0.0)
    passed_s = usage.age_s - since.age_s
    spent_s = max(0.0, usage.cpu_s - since.cpu_s)
    cpu_percent = 100 * spent_s / passed_s / cpu if passed_s > 0 else 0.0
    return Figures(usage, cpu_percent, 100 * usage.memory_mib / memory_mib)
