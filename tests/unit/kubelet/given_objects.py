"""A pod and the objects that it refers to, as manifests have them, and what becomes of its one container."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from lightkube.resources.core_v1 import Pod, Service

from scvk.kubelet.downward import NodeView
from scvk.kubelet.input_objects import ConfigMapContents, InputObjects, ObjectKey
from scvk.kubelet.inputs import ContainerInputs, InputNeeds, SecretContents, VolumeFile
from scvk.kubelet.resolution import Resolution, resolve_inputs

A_NODE = NodeView(
    "salad", ("10.0.0.7", "fd00::7"), {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "100Gi", "pods": "10"}
)


def a_pod(*, metadata: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **container: Any) -> Pod:
    """Return a pod whose one container has the fields of the keywords."""
    manifest = {
        "metadata": {"name": "web", "namespace": "shop", "uid": "uid-a", **(metadata or {})},
        "spec": {"containers": [{"name": "main", "image": "busybox", **container}], **(spec or {})},
    }
    return msgspec.convert(manifest, Pod)


def a_service(name: str, *, namespace: str = "shop", ip: str = "10.1.0.1", ports: Iterable[Any] = (80,)) -> Service:
    """Return a Service; a port is a number, or its fields."""
    each = [{"port": port} if isinstance(port, int) else port for port in ports]
    return msgspec.convert(
        {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": each}}, Service
    )


def objects(
    *,
    config_maps: dict[str, dict[str, str]] | None = None,
    binary: dict[str, dict[str, bytes]] | None = None,
    secrets: dict[str, dict[str, bytes]] | None = None,
    refused: dict[ObjectKey, str] | None = None,
    services: Iterable[Service] = (),
) -> InputObjects:
    """Return what was read: names with their values."""
    binary = binary or {}
    texts = config_maps or {}
    return InputObjects(
        {name: ConfigMapContents(name, texts.get(name, {}), binary.get(name, {})) for name in {**texts, **binary}},
        {name: SecretContents(name, "Opaque", data) for name, data in (secrets or {}).items()},
        refused or {},
        tuple(services),
    )


def resolved(pod: Pod, known: InputObjects | None = None, *needs: str, node: NodeView = A_NODE) -> Resolution:
    """Resolve what the containers `needs` run with; by default `main`."""
    return resolve_inputs(pod, InputNeeds(needs or ("main",)), known or InputObjects(), node)


def main_of(pod: Pod, known: InputObjects | None = None, *, node: NodeView = A_NODE) -> ContainerInputs:
    """Return what the container `main` runs with, of which nothing is missing."""
    resolution = resolved(pod, known, node=node)
    assert resolution.missing == ()
    return resolution.inputs.containers["main"]


def files_of(volume: dict[str, Any], known: InputObjects | None = None, **pod: Any) -> dict[str, VolumeFile]:
    """Return the files of a volume that the container mounts, by path."""
    resolution = resolved(mounting(volume, **pod), known)
    assert resolution.missing == ()
    return {file.path: file for file in resolution.inputs.volumes["files"]}


def mounting(volume: dict[str, Any], **pod: Any) -> Pod:
    """Return a pod whose container mounts `volume`."""
    mounts = [{"name": "files", "mountPath": "/files"}]
    return a_pod(spec={"volumes": [{"name": "files", **volume}]}, volumeMounts=mounts, **pod)
