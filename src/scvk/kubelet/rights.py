"""The rights that the agent needs in a cluster, and no more, as Kubernetes objects: one list, printed and tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NODE_LEASE_NAMESPACE = "kube-node-lease"

INPUTS_RULE = ("", ("secrets", "configmaps"), ("get",))
"""What pods take values and files from. Read one by one when a pod names them; a watch would read them all."""

CLUSTER_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("nodes",), ("get", "list", "watch", "create", "patch")),
    ("", ("nodes/status", "pods/status"), ("patch",)),
    ("", ("pods",), ("get", "list", "watch", "patch", "delete")),
    ("", ("events",), ("create", "patch")),
    ("", ("services", "namespaces"), ("get", "list", "watch")),
    INPUTS_RULE,
)
"""API group, resources and verbs that are needed in the whole cluster."""

CERTIFICATE_RULE = ("certificates.k8s.io", ("certificatesigningrequests",), ("create", "watch"))
"""Needed in the whole cluster where the cluster signs the certificate of the kubelet's API. Not: to approve."""

LEASE_RULE = ("coordination.k8s.io", ("leases",), ("get", "create", "update"))
"""Needed in kube-node-lease (the node's heartbeat) and in the agent's own namespace (one agent for a node)."""


def rights(*, namespace: str, service_account: str, certificate_requests: bool = False) -> list[dict[str, Any]]:
    """Return the ServiceAccount `namespace/service_account` and all roles and bindings that the agent needs.

    `certificate_requests`: also those of `--kubelet-certificate csr`.

    The namespace itself is not made. Beside the rules above: `system:auth-delegator` and the reader of
    `extension-apiserver-authentication`, with which the kubelet's API asks the API server who may call it.
    """
    subject = {"kind": "ServiceAccount", "name": service_account, "namespace": namespace}
    name = f"scvk:{namespace}:{service_account}"
    lease_rules = [_rule(*LEASE_RULE)]
    cluster_rules = [*CLUSTER_RULES, *([CERTIFICATE_RULE] if certificate_requests else [])]
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": service_account, "namespace": namespace},
        },
        _role("ClusterRole", name, None, [_rule(*rule) for rule in cluster_rules]),
        _binding("ClusterRoleBinding", name, None, "ClusterRole", name, subject),
        _binding("ClusterRoleBinding", f"{name}:auth-delegator", None, "ClusterRole", "system:auth-delegator", subject),
        _binding(
            "RoleBinding",
            f"{name}:authentication-reader",
            "kube-system",
            "Role",
            "extension-apiserver-authentication-reader",
            subject,
        ),
        *(
            manifest
            for where in dict.fromkeys((NODE_LEASE_NAMESPACE, namespace))
            for manifest in (
                _role("Role", f"{name}:leases", where, lease_rules),
                _binding("RoleBinding", f"{name}:leases", where, "Role", f"{name}:leases", subject),
            )
        ),
    ]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _role(kind: str, name: str, namespace: str | None, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace),
        "rules": rules,
    }


def _binding(
    kind: str, name: str, namespace: str | None, role_kind: str, role: str, subject: dict[str, str]
) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _metadata(name, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": [subject],
    }


def _metadata(name: str, namespace: str | None) -> dict[str, str]:
    return {"name": name} if namespace is None else {"name": name, "namespace": namespace}
