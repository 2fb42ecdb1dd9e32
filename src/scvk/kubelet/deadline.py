"""The deadline of a pod (`activeDeadlineSeconds`): when it is over, and the status of a pod that it ended.

As a kubelet has it (pkg/kubelet/active_deadline.go and kubelet.go, read at v1.37.2): the time counts from the pod's
`startTime`, waiting included, and the pod fails with the reason `DeadlineExceeded`. Here the pod is told as failed
only when surely nothing of it runs: what costs money must not look as if it had ended.
"""

from __future__ import annotations

from datetime import datetime

from lightkube.models.core_v1 import PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.status import stopped_status

DEADLINE_EXCEEDED = "DeadlineExceeded"
MESSAGE = "Pod was active on the node longer than the specified deadline"
"""The kubelet's own words: tools look for them."""


def seconds_left(pod: Pod, now: datetime) -> float | None:
    """Return how long the pod may still be active, negative after its deadline; None where it has none yet."""
    deadline_s = pod.spec.activeDeadlineSeconds if pod.spec else None
    started = pod.status.startTime if pod.status else None
    if deadline_s is None or started is None:
        return None
    return deadline_s - (now - started).total_seconds()


def exceeded_status(pod: Pod, now: datetime) -> PodStatus | None:
    """Return the status of a pod that its deadline ended and of which nothing is left; None if it ended before."""
    status = stopped_status(pod, now)
    if status is None:
        return None
    status.reason, status.message = DEADLINE_EXCEEDED, MESSAGE
    for condition in status.conditions or []:
        condition.reason, condition.message = "PodFailed", None
    return status
