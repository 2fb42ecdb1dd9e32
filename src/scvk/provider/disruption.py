"""The condition of a pod that its platform ended: a Job may then make another without counting it as a failure.

Written in the very patch that ends the pod, and never where the program only moves to another machine.
"""

from __future__ import annotations

from lightkube.models.core_v1 import PodCondition, PodStatus
from msgspec import structs

DISRUPTION_TARGET = "DisruptionTarget"
ENDED_BY_PLATFORM = "TerminationByPlatform"
"""Beside Kubernetes' own `PreemptionByScheduler`, `DeletionByTaintManager`, `EvictionByEvictionAPI`,
`DeletionByPodGC` and `TerminationByKubelet`."""


def disrupted(status: PodStatus, message: str) -> PodStatus:
    """Return a status that ends the pod, with the condition that the platform ended it."""
    found = PodCondition(type=DISRUPTION_TARGET, status="True", reason=ENDED_BY_PLATFORM, message=message)
    return structs.replace(status, conditions=[*(status.conditions or []), found])
