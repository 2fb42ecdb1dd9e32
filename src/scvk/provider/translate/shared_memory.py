"""`/dev/shm`: an emptyDir of medium `Memory` that is mounted there is the size of the group's shared memory.

A kubelet makes such a volume as large as its `sizeLimit`, and never larger than the memory of the pod
(pkg/volume/emptydir and pkg/kubelet/kubelet_pods.go, `SizeMemoryBackedVolumes`).
"""

from __future__ import annotations

import posixpath

from lightkube.models.core_v1 import Container, PodSpec, VolumeMount

from scvk.kubelet.quantities import InvalidQuantityError, ceil_in, parse_quantity
from scvk.provider.translate.finding import Report

_PATH = "/dev/shm"  # noqa: S108 - a mount point of the container
_MIB = 2**20
_MIN_SIZE_MB = 64  # OpenAPI document, CreateContainerResourceRequirements.shm_size


def shared_memory_volume(spec: PodSpec, container: Container) -> int | None:
    """Return which of the pod's volumes is the container's shared memory, None where none is."""
    mounted = {mount.name for mount in container.volumeMounts or () if is_shared_memory_mount(mount)}
    return next(
        (
            index
            for index, volume in enumerate(spec.volumes or ())
            if volume.name in mounted and volume.emptyDir is not None and volume.emptyDir.medium == "Memory"
        ),
        None,
    )


def is_shared_memory_mount(mount: VolumeMount) -> bool:
    """Say whether the mount stands where shared memory does."""
    return posixpath.normpath(mount.mountPath) == _PATH and not mount.subPath and not mount.subPathExpr


def shared_memory_mb(
    spec: PodSpec, container: Container, container_path: str, memory_mb: int, report: Report
) -> int | None:
    """Return the size of the group's shared memory, None where the pod says nothing of it: the platform's own.

    `memory_mb` is the memory that the group gets.
    """
    index = shared_memory_volume(spec, container)
    if index is None:
        return None
    volume = (spec.volumes or ())[index]
    _judge_other_mounts(volume.name, container, container_path, report)
    source = volume.emptyDir
    path = f"spec.volumes[{index}].emptyDir.sizeLimit"
    try:
        limit = ceil_in(parse_quantity((source.sizeLimit if source else None) or "0"), _MIB)
    except InvalidQuantityError as error:
        report.refuse(path, "InvalidQuantity", str(error))
        return memory_mb
    if limit <= 0:
        return memory_mb
    if limit > memory_mb and not _is_bounded(container):
        report.degrade(
            path,
            "SharedMemoryAboveMemory",
            f"Shared memory is part of the container's memory, and cannot be more than its {memory_mb // 1024} GiB;"
            " raise the memory request",
        )
    return max(_MIN_SIZE_MB, min(limit, memory_mb))


def _judge_other_mounts(volume: str, container: Container, container_path: str, report: Report) -> None:
    for index, mount in enumerate(container.volumeMounts or ()):
        if mount.name == volume and not is_shared_memory_mount(mount):
            report.refuse(
                f"{container_path}.volumeMounts[{index}]",
                "UnsupportedVolume",
                f"The volume {volume} is the shared memory at {_PATH}, and can be mounted nowhere else; give this mount"
                " an emptyDir of its own",
            )


def _is_bounded(container: Container) -> bool:
    """Say whether a kubelet too would cut the volume to the container's memory."""
    return "memory" in ((container.resources.limits if container.resources else None) or {})
