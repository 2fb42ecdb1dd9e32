"""The address that a pod shows: none, or the node's for controllers that wait for one. Pure.

Nothing in the cluster reaches a pod's program, under whatever address; so a pod has none by default, and a Service has
nowhere to send to.
"""

from __future__ import annotations

import copy

from lightkube.models.core_v1 import PodIP, PodStatus

from scvk.kubelet.status import condition, is_finished


def with_pod_ip(current: PodStatus | None, desired: PodStatus, address: str | None) -> PodStatus:
    """Return `desired` with `address` as the pod's own, from when a kubelet would have one for it; None: without.

    That is when its containers may start. A pod that has ended keeps what it had.
    """
    if is_finished(desired):
        has_one = bool(current and current.podIP)
    else:
        sandbox = condition(desired, "PodReadyToStartContainers")
        has_one = desired.phase == "Running" or (sandbox is not None and sandbox.status == "True")
    made = copy.copy(desired)
    made.podIP = address if has_one else None
    made.podIPs = [PodIP(ip=address)] if has_one and address else None
    return made
