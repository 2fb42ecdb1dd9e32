"""Readiness gates: conditions that other programs set on a pod, and that count for its Ready.

As a kubelet has it (pkg/kubelet/status/generate.go): Ready is ContainersReady, and every gate's condition True.
"""

from __future__ import annotations

from lightkube.models.core_v1 import PodCondition, PodStatus
from lightkube.resources.core_v1 import Pod
from msgspec import structs

from scvk.kubelet.status import condition

GATES_NOT_READY = "ReadinessGatesNotReady"


def with_readiness_gates(pod: Pod, desired: PodStatus) -> PodStatus:
    """Return the status that the pod should have with Ready False where one of its gates is not True.

    The gates' conditions are read from the pod as it stands: they are other people's, and never in `desired`.
    """
    gates = [gate.conditionType for gate in (pod.spec.readinessGates if pod.spec else None) or []]
    closed = [gate for gate in gates if (found := condition(pod.status, gate)) is None or found.status != "True"]
    ready = condition(desired, "Ready")
    if not closed or ready is None or ready.status != "True":
        return desired
    message = f"readiness gates not True: {', '.join(closed)}"
    shut = PodCondition(type="Ready", status="False", reason=GATES_NOT_READY, message=message)
    return structs.replace(desired, conditions=[shut if each is ready else each for each in desired.conditions or []])
