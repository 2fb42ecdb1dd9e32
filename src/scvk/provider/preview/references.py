"""The ConfigMaps and Secrets that a pod cannot do without, and where it says so.

What a pod marks as optional is not in the list: it runs without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lightkube.models.core_v1 import Container, KeyToPath, Volume
from lightkube.resources.core_v1 import Pod

ReferredKind = Literal["ConfigMap", "Secret"]


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that the pod needs. `keys` are those that it needs by name; `path` is where it stands in the pod."""

    kind: ReferredKind
    name: str
    keys: tuple[str, ...]
    path: str


def references(pod: Pod, containers: Collection[str]) -> tuple[Reference, ...]:
    """Return what the named containers, init containers among them, and the volumes that they mount refer to."""
    spec = pod.spec
    if spec is None:
        return ()
    found: list[Reference] = []
    mounted: set[str] = set()
    for field, declared in (("initContainers", spec.initContainers), ("containers", spec.containers)):
        for index, container in enumerate(declared or ()):
            if container.name in containers:
                found += _of_container(container, f"spec.{field}[{index}]")
                mounted |= {mount.name for mount in container.volumeMounts or ()}
    for index, volume in enumerate(spec.volumes or ()):
        if volume.name in mounted:
            found += _of_volume(volume, f"spec.volumes[{index}]")
    return tuple(found)


def _of_container(container: Container, path: str) -> Iterator[Reference]:
    for index, source in enumerate(container.envFrom or ()):
        where = f"{path}.envFrom[{index}]"
        if source.configMapRef is not None and not source.configMapRef.optional:
            yield Reference("ConfigMap", source.configMapRef.name or "", (), f"{where}.configMapRef")
        if source.secretRef is not None and not source.secretRef.optional:
            yield Reference("Secret", source.secretRef.name or "", (), f"{where}.secretRef")
    for index, entry in enumerate(container.env or ()):
        origin = entry.valueFrom
        if origin is None or entry.value:
            continue
        where = f"{path}.env[{index}].valueFrom"
        if origin.configMapKeyRef is not None and not origin.configMapKeyRef.optional:
            map_key = origin.configMapKeyRef
            yield Reference("ConfigMap", map_key.name or "", (map_key.key,), f"{where}.configMapKeyRef")
        if origin.secretKeyRef is not None and not origin.secretKeyRef.optional:
            secret_key = origin.secretKeyRef
            yield Reference("Secret", secret_key.name or "", (secret_key.key,), f"{where}.secretKeyRef")


def _of_volume(volume: Volume, path: str) -> Iterator[Reference]:
    if volume.configMap is not None and not volume.configMap.optional:
        yield Reference("ConfigMap", volume.configMap.name or "", _keys(volume.configMap.items), f"{path}.configMap")
    if volume.secret is not None and not volume.secret.optional:
        yield Reference("Secret", volume.secret.secretName or "", _keys(volume.secret.items), f"{path}.secret")
    if volume.name.startswith("kube-api-access-"):
        return
    for index, source in enumerate((volume.projected.sources if volume.projected is not None else None) or ()):
        where = f"{path}.projected.sources[{index}]"
        if source.configMap is not None and not source.configMap.optional:
            yield Reference(
                "ConfigMap", source.configMap.name or "", _keys(source.configMap.items), f"{where}.configMap"
            )
        if source.secret is not None and not source.secret.optional:
            yield Reference("Secret", source.secret.name or "", _keys(source.secret.items), f"{where}.secret")


def _keys(items: Sequence[KeyToPath] | None) -> tuple[str, ...]:
    return tuple(item.key for item in items or ())
