"""Kubernetes objects that the end-to-end tests create: the walkthrough's shape, with a command that says hello."""

from __future__ import annotations

from typing import Any

HELLO = 'echo "hello from $HOSTNAME"; trap "exit 0" TERM; while :; do sleep 0.2; done'


def pod_spec(command: str = HELLO, **more: Any) -> dict[str, Any]:
    """Return the spec of a pod for the virtual node."""
    container = {
        "name": "main",
        "image": "docker.io/library/busybox:1.37",
        "command": ["/bin/sh", "-c", command],
        "env": [{"name": "GREETING", "value": "hello"}],
        "resources": {"requests": {"cpu": "1", "memory": "1G"}},
    }
    return {
        "containers": [container],
        "nodeSelector": {"kubernetes.io/role": "agent", "type": "virtual-kubelet"},
        "tolerations": [
            {
                "key": "virtual-kubelet.io/provider",
                "operator": "Equal",
                "value": "saladcloud",
                "effect": "NoSchedule",
            }
        ],
        **more,
    }


def pod(name: str, spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a bare pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": spec or pod_spec(),
    }


def deployment(name: str, replicas: int, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a Deployment with the walkthrough's annotations."""
    annotations = {
        "salad.com/country-codes": "us",
        "salad.com/networking-protocol": "http",
        "salad.com/networking-port": "1234",
        "salad.com/networking-auth": "false",
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": spec or pod_spec(),
            },
        },
    }
