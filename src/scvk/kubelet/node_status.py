"""The status of the Node: conditions with kept transition times, what it can hold, its address. Pure.

Ready is True unless the provider says otherwise by a condition of that name: NotReady has Kubernetes delete the node's
pods elsewhere after their `tolerationSeconds`, so that it is no word for an outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from lightkube.models.core_v1 import NodeCondition
from lightkube.resources.core_v1 import Node

from scvk.kubelet.node import NodeIdentity
from scvk.kubelet.provider import NodeFacts
from scvk.kubelet.status import whole_seconds


def node_conditions(facts: NodeFacts, before: Sequence[NodeCondition], now: datetime) -> list[dict[str, Any]]:
    """Return the conditions with `now` as heartbeat; transition times are kept where the status is the same."""
    known = {condition.type: condition for condition in before}
    stamp = msgspec.to_builtins(whole_seconds(now))
    conditions = []
    for kind, (status, reason, message) in _wanted(facts).items():
        old = known.get(kind)
        unchanged = old is not None and old.status == status and old.lastTransitionTime is not None
        conditions.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": msgspec.to_builtins(whole_seconds(old.lastTransitionTime))
                if old is not None and unchanged and old.lastTransitionTime is not None
                else stamp,
            }
        )
    return conditions


def wanted_status(facts: NodeFacts, kind: str) -> str:
    """Return the status that the condition has to have now; empty where the node has none of that type."""
    return _wanted(facts).get(kind, ("",))[0]


def condition_status(node: Node, kind: str) -> str:
    """Return the status of the condition as it stands on the Node; empty where it has none of that type."""
    conditions = (node.status.conditions if node.status else None) or []
    return next((condition.status for condition in conditions if condition.type == kind), "")


def _wanted(facts: NodeFacts) -> dict[str, tuple[str, str, str]]:
    wanted = {
        "Ready": ("True", "KubeletReady", "virtual kubelet is posting ready status"),
        "MemoryPressure": (
            "False",
            "KubeletHasSufficientMemory",
            "no memory of this machine is used by pods",
        ),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "no disk of this machine is used by pods"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "no processes of this machine are used by pods"),
        "NetworkUnavailable": ("False", "RouteCreated", "pods run elsewhere; this node needs no routes"),
    }
    for extra in facts.conditions:
        wanted[extra.type] = (extra.status, extra.reason or "", extra.message or "")
    return wanted


def node_status(
    node: Node, identity: NodeIdentity, facts: NodeFacts, now: datetime, *, dropped: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the strategic merge patch for `nodes/status`. `dropped`: said earlier; taken off where said no more."""
    before = (node.status.conditions if node.status else None) or []
    gone = dict.fromkeys(sorted(dropped))
    return {
        "status": {
            "capacity": {**gone, **facts.capacity},
            "allocatable": {**gone, **facts.can_be_given},
            "conditions": node_conditions(facts, before, now),
            "addresses": [
                {"$patch": "replace"},
                {"type": "InternalIP", "address": identity.address},
                {"type": "Hostname", "address": identity.name},
            ],
            **({"daemonEndpoints": {"kubeletEndpoint": {"Port": identity.port}}} if identity.port else {}),
            **({"declaredFeatures": list(identity.features)} if identity.features else {}),
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "saladcloud://",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": identity.version,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "",
                "systemUUID": "",
            },
        }
    }
