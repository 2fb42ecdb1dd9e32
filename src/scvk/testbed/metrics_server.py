"""metrics-server beside a control plane: the aggregated API behind `kubectl top` and horizontal pod autoscalers.

It runs as a process of this machine, with the rights of its own manifests and as their service account. The API server
reaches it by an EndpointSlice: that may not name a loopback address, so it listens on one of this machine's others.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAME = "metrics-server"
NAMESPACE = "kube-system"
GROUP_VERSION = "metrics.k8s.io/v1beta1"
RESOLUTION_S = 10
"""How often it asks each kubelet; it refuses less than 10 s."""
KUBELET_TIMEOUT_S = 5
"""It ends with a panic unless this is below its resolution."""


def command_line(program: Path, kubeconfig: Path, data: Path, address: str, port: int) -> list[str]:
    """The argv: secure port, credentials, and kubelets that are not verified, as a testbed's are self-signed."""
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={address}",
        f"--secure-port={port}",
        f"--cert-dir={data / NAME}",
        "--kubelet-insecure-tls",
        "--kubelet-use-node-status-port",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--metric-resolution={RESOLUTION_S}s",
        f"--kubelet-request-timeout={KUBELET_TIMEOUT_S}s",
    ]


def manifest(address: str, port: int) -> str:
    """What `kubectl apply` takes: account, rights, and the way from the API server to `address`."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*_rights(), *_way(address, port)]})


def own_address() -> str | None:
    """An IPv4 address of this machine outside 127.0.0.0/8, None where there is none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # for documentation (RFC 5737): picks a route, which tells the address
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def _rights() -> list[dict[str, Any]]:
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    reads = ("get", "list", "watch")
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAMESPACE}},
        {
            **rbac,
            "kind": "ClusterRole",
            "metadata": {"name": "system:metrics-server"},
            "rules": [_rule("", ["nodes/metrics"], ["get"]), _rule("", ["pods", "nodes"], reads)],
        },
        _binding("system:metrics-server", "ClusterRoleBinding", "system:metrics-server", account),
        _binding("metrics-server:system:auth-delegator", "ClusterRoleBinding", "system:auth-delegator", account),
        _binding("metrics-server-auth-reader", "RoleBinding", "extension-apiserver-authentication-reader", account),
    ]


def _way(address: str, port: int) -> list[dict[str, Any]]:
    group, version = GROUP_VERSION.split("/")
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": NAME,
                "namespace": NAMESPACE,
                "labels": {
                    "kubernetes.io/service-name": NAME,
                    "endpointslice.kubernetes.io/managed-by": "scvk-testbed",
                },
            },
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{version}.{group}"},
            "spec": {
                "service": {"name": NAME, "namespace": NAMESPACE},
                "group": group,
                "version": version,
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        },
    ]


_ROLE = {"apiGroup": "rbac.authorization.k8s.io"}


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _binding(name: str, kind: str, role: str, account: dict[str, str]) -> dict[str, Any]:
    namespaced = kind == "RoleBinding"
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, **({"namespace": NAMESPACE} if namespaced else {})},
        "roleRef": {**_ROLE, "kind": "Role" if namespaced else "ClusterRole", "name": role},
        "subjects": [account],
    }
