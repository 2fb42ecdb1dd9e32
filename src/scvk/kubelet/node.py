"""The Node object: who it is, and what must stand on it beside its status. Pure.

Labels and taints of other people are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from lightkube.resources.core_v1 import Node

from scvk.kubelet.provider import NodeFacts

VIRTUAL_KUBELET_LABEL = ("type", "virtual-kubelet")


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint; `effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """Return the form of `kubectl taint`."""
        return f"{self.key}={self.value}:{self.effect}"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What the operator chose for the node; `address` is an IP, `version` the VERSION column of `kubectl get nodes`.

    `port` is that of the kubelet's API, 0 where there is none; `features` what the node declares, sorted.
    """

    name: str
    address: str
    version: str
    taints: tuple[Taint, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    features: tuple[str, ...] = ()


def kubelet_version(server_version: str, program: str) -> str:
    """Return the node's VERSION: the API server's release with `program` behind it, such as `v1.37.2-scvk-0.1.0`.

    Tools compare a node's release with the API server's (version skew); a kubelet elsewhere is never older or newer
    than its cluster. A server version that cannot be read gives `v0.0.0`.
    """
    release = re.match(r"v\d+\.\d+\.\d+", server_version)
    return f"{release.group() if release else 'v0.0.0'}-{program}"


def node_labels(identity: NodeIdentity, facts: NodeFacts) -> dict[str, str]:
    """Return all labels that the node must have."""
    return {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        # Their names of before 2019: kubelets still have them, and manifests still ask for them.
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/role": "agent",
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        **facts.labels,
        **identity.labels,
        # Not to be chosen: by these the node is found again, by us at the next start and by the scheduler.
        "kubernetes.io/hostname": identity.name,
        VIRTUAL_KUBELET_LABEL[0]: VIRTUAL_KUBELET_LABEL[1],
    }


def new_node(identity: NodeIdentity, facts: NodeFacts) -> dict[str, Any]:
    """Return the Node to create; its status is written afterwards."""
    spec: dict[str, Any] = {"taints": [_taint(taint) for taint in identity.taints]}
    if facts.provider_id:
        spec["providerID"] = facts.provider_id
    return {"metadata": {"name": identity.name, "labels": node_labels(identity, facts)}, "spec": spec}


def node_patch(node: Node, identity: NodeIdentity, facts: NodeFacts) -> dict[str, Any] | None:
    """Return the merge patch that gives an existing node our labels and taints; None if it has them.

    Taints of others (`node.kubernetes.io/unreachable` and its kin among them) stay as they are: a merge patch replaces
    the list, so `metadata.resourceVersion` goes along as a precondition.
    """
    assert node.metadata is not None
    labels = {
        key: value
        for key, value in node_labels(identity, facts).items()
        if (node.metadata.labels or {}).get(key) != value
    }
    present = list((node.spec.taints if node.spec else None) or [])
    missing = [
        taint
        for taint in identity.taints
        if not any((t.key, t.value or "", t.effect) == (taint.key, taint.value, taint.effect) for t in present)
    ]
    patch: dict[str, Any] = {}
    if labels:
        patch["metadata"] = {"labels": labels}
    if missing:
        replaced = {(taint.key, taint.effect) for taint in missing}
        kept = [msgspec.to_builtins(t) for t in present if (t.key, t.effect) not in replaced]
        patch["spec"] = {"taints": kept + [_taint(taint) for taint in missing]}
        patch.setdefault("metadata", {})["resourceVersion"] = node.metadata.resourceVersion
    return patch or None


def _taint(taint: Taint) -> dict[str, str]:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}
