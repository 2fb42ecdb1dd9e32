"""Pods of DaemonSets: one for every node, virtual ones too, and here each would be a paid container group.

They are not run unless the operator says so. The pod stays Pending, and nothing else is said of it: whatever else
might be wrong with it, this is not the place where it was meant to run.
"""

from __future__ import annotations

from lightkube.models.core_v1 import Pod

from scvk.provider.translate.finding import Report

NOT_RUN = "DaemonSetPod"
"""The reason of such pods: they are left out on purpose, which is not the same as being refused for a fault."""


def daemon_set_owner(pod: Pod) -> int | None:
    """Return which of the pod's owners is a DaemonSet, of Kubernetes or of others (OpenKruise), None where none is."""
    owners = (pod.metadata.ownerReferences if pod.metadata else None) or ()
    return next(
        (index for index, owner in enumerate(owners) if owner.kind == "DaemonSet"),
        None,
    )


def refuse_daemon_set(owner: int, report: Report) -> None:
    """Say why the pod is not run, and what to do. `owner` is what `daemon_set_owner` gave."""
    report.refuse(
        f"metadata.ownerReferences[{owner}]",
        NOT_RUN,
        "Pods of DaemonSets are not run here: each would be a paid container group on every virtual node. Keep the"
        " DaemonSet off nodes with the label type=virtual-kubelet (nodeAffinity), or run them with --daemonsets run",
    )
