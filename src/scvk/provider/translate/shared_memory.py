"""`/dev/shm`: an emptyDir of medium `Memory` that is mounted there is the size of the group's shared memory.

A kubelet makes such a volume as large as its `sizeLimit`, and never larger than the memory of the pod
(pkg/volume/emptydir and pkg/kubelet/kubelet_pods.go, `SizeMemoryBackedVolumes`). All containers that run share one
file system here, and so one shared memory: it counts, whichever of them mounts it. Its other mounts are links to it
(see `mounts`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from lightkube.models.core_v1 import Container, EmptyDirVolumeSource, PodSpec, VolumeMount

from scvk.kubelet.quantities import InvalidQuantityError, ceil_in, parse_quantity
from scvk.provider.translate.finding import Report
from scvk.provider.translate.run_plan import Placed

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount point of the container
_MIB = 2**20
_MIN_SIZE_MB = 64  # OpenAPI document, CreateContainerResourceRequirements.shm_size


def shared_memory_volume(spec: PodSpec, runs: Sequence[Placed]) -> int | None:
    """Return which of the pod's volumes is the shared memory of the containers that run, None where none is."""
    mounted = {
        mount.name for placed in runs for mount in placed.container.volumeMounts or () if is_shared_memory_mount(mount)
    }
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
    return _target(mount) == SHARED_MEMORY


def is_within_shared_memory(mount: VolumeMount) -> bool:
    """Say whether the mount stands in shared memory, or is it."""
    return f"{_target(mount)}/".startswith(f"{SHARED_MEMORY}/")


def _target(mount: VolumeMount) -> str:
    return posixpath.normpath(f"/{mount.mountPath}").replace("//", "/", 1)


def shared_memory_mb(
    spec: PodSpec, container: Container, runs: Sequence[Placed], memory_mb: int, report: Report
) -> int | None:
    """Return the size of the group's shared memory, None where the pod says nothing of it: the platform's own.

    `container` is the main one of those that run; `memory_mb` is the memory that the group gets.
    """
    index = shared_memory_volume(spec, runs)
    if index is None:
        return None
    source = (spec.volumes or ())[index].emptyDir or EmptyDirVolumeSource()
    path = f"spec.volumes[{index}].emptyDir.sizeLimit"
    try:
        limit = ceil_in(parse_quantity(source.sizeLimit or "0"), _MIB)
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


def _is_bounded(container: Container) -> bool:
    """Say whether a kubelet too would cut the volume to the container's memory."""
    return "memory" in ((container.resources.limits if container.resources else None) or {})
