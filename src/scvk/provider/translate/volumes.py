"""Volumes: those that hold files of the cluster, or nothing yet, are rebuilt at the start; all others are refused.

SaladCloud has no volumes. What a ConfigMap, a Secret or the downward API gives is written into the container's own
file system by the start-up wrapper, and an emptyDir is a directory there (see `mounts`). One kind passes in silence:
the projected volume `kube-api-access-…` that the API server adds to every pod, whose token is of no use outside of
the cluster.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from lightkube.models.core_v1 import (
    EmptyDirVolumeSource,
    PodSpec,
    Volume,
    VolumeMount,
)

from scvk.kubelet.quantities import InvalidQuantityError, parse_quantity
from scvk.kubelet.volumes import is_injected_token
from scvk.provider.translate.fields import Row, Treatment, judge, one_of
from scvk.provider.translate.finding import Report
from scvk.provider.translate.run_plan import Placed, RunPlan
from scvk.provider.translate.shared_memory import (
    SHARED_MEMORY,
    is_shared_memory_mount,
    is_within_shared_memory,
)
from scvk.provider.translate.volume_sources import judge_sources

_CODE = "UnsupportedVolume"
_FILES = "Its files are written at the start of the container"
_NETWORK = "SaladCloud has no volumes; use storage that the program reaches over the network"


def _refused(field: str, remedy: str = _NETWORK) -> Row:
    return Row(field, Treatment.REFUSED, remedy, _CODE)


VOLUME_ROWS = (
    Row("name", Treatment.CARRIED, "What mounts refer to"),
    _refused("awsElasticBlockStore"),
    _refused("azureDisk"),
    _refused("azureFile"),
    _refused("cephfs"),
    _refused("cinder"),
    Row("configMap", Treatment.CARRIED, _FILES),
    _refused("csi"),
    Row("downwardAPI", Treatment.CARRIED, _FILES),
    Row("emptyDir", Treatment.CARRIED, "A directory of the container's own file system"),
    _refused("ephemeral"),
    _refused("fc"),
    _refused("flexVolume"),
    _refused("flocker"),
    _refused("gcePersistentDisk"),
    _refused("gitRepo", "SaladCloud has no volumes; clone the repository into the image, or at the program's start"),
    _refused("glusterfs"),
    _refused("hostPath", "A container group shares nothing with its host; put the files into the image"),
    _refused("image", "SaladCloud has no volumes; copy the files from the one image into the other (COPY --from)"),
    _refused("iscsi"),
    _refused("nfs"),
    _refused("persistentVolumeClaim"),
    _refused("photonPersistentDisk"),
    _refused("portworxVolume"),
    Row("projected", Treatment.CARRIED, _FILES),
    _refused("quobyte"),
    _refused("rbd"),
    _refused("scaleIO"),
    Row("secret", Treatment.CARRIED, _FILES),
    _refused("storageos"),
    _refused("vsphereVolume"),
)
"""The fields of Volume."""

EMPTY_DIR_ROWS = (
    Row("medium", Treatment.CARRIED, "Memory at /dev/shm is the shared memory; anything else is a directory on disk"),
    Row("mode", Treatment.DEGRADED, "The directory can be written by everybody in the container", _CODE),
    Row("sizeLimit", Treatment.CARRIED, "The size of shared memory; not kept for a directory"),
)
"""The fields of EmptyDirVolumeSource."""

VOLUME_MOUNT_ROWS = (
    Row("name", Treatment.CARRIED, "Which volume"),
    Row("bindMountOptions", Treatment.DEGRADED, "Nothing is mounted: the files stand in the image's own", _CODE),
    Row("mountPath", Treatment.CARRIED, "Where the files stand"),
    Row(
        "mountPropagation",
        Treatment.DEGRADED,
        "Nothing is mounted on a host, so nothing goes from or to it",
        _CODE,
        one_of("None", "HostToContainer"),
        "None or HostToContainer",
    ),
    Row("readOnly", Treatment.CARRIED, "Not kept: the program may write to its own copy of the files"),
    Row("recursiveReadOnly", Treatment.CARRIED, "Not kept, as readOnly"),
    Row("subPath", Treatment.CARRIED, "Which part of the volume"),
    Row("subPathExpr", Treatment.CARRIED, "Which part of the volume, with variables"),
)
"""The fields of VolumeMount."""


def judge_volumes(spec: PodSpec, plan: RunPlan, report: Report) -> None:
    """Report every volume that a running container may see, and every mount of a volume that is not there."""
    mounts = _mounts(plan.runs)
    names = {volume.name for volume in spec.volumes or ()}
    for path, mount in mounts:
        judge(mount, VOLUME_MOUNT_ROWS, path, report)
        if mount.name not in names:
            report.refuse(path, _CODE, f"The pod has no volume named {mount.name}")
    elsewhere = {mount.name for _, mount in _mounts(plan.not_run)}
    anywhere = {
        mount.name
        for container in (*spec.containers, *(spec.initContainers or ()))
        for mount in container.volumeMounts or ()
    }
    for index, volume in enumerate(spec.volumes or ()):
        own = [mount for _, mount in mounts if mount.name == volume.name]
        if is_injected_token(volume) or (not own and volume.name in elsewhere):
            continue
        if own and volume.name in elsewhere and kind_of(volume) == "emptyDir":
            report.degrade(
                f"spec.volumes[{index}]",
                _CODE,
                f"The volume {volume.name} is shared with a container that is not run: what that one would write there"
                " is missing",
            )
        # What only a refused container mounts is judged, but is not called unused.
        _judge(volume, f"spec.volumes[{index}]", own, report, unused=volume.name not in anywhere)


def kind_of(volume: Volume) -> str:
    """Return the field that says what the volume is; one without a source is an emptyDir."""
    sources = (name for name in volume.__struct_fields__ if name != "name" and getattr(volume, name) is not None)
    return next(sources, "emptyDir")


def _judge(volume: Volume, path: str, mounts: Sequence[VolumeMount], report: Report, *, unused: bool) -> None:
    kind = kind_of(volume)
    row = next((row for row in VOLUME_ROWS if row.field == kind), None)
    if row is None or row.treatment is Treatment.REFUSED:
        remedy = row.reason if row else _NETWORK
        report.refuse(path, _CODE, f"The volume {volume.name} ({kind}) cannot be mounted: {remedy}")
        return
    if not mounts:
        if unused:
            report.ignore(path, "UnmountedVolume", f"No container mounts the volume {volume.name}")
    elif kind == "emptyDir":
        _judge_empty_dir(volume, volume.emptyDir or EmptyDirVolumeSource(), path, mounts, report)
    else:
        report.emulate(
            path,
            "VolumeInStartUp",
            f"The files of the volume {volume.name} ({kind}) are written when the container starts, into the image's"
            " own directories, whose other files stay; later changes do not reach them, and nothing protects them from"
            " being written to",
        )
        judge_sources(volume, path, report)


def _judge_empty_dir(
    volume: Volume, source: EmptyDirVolumeSource, path: str, mounts: Sequence[VolumeMount], report: Report
) -> None:
    judge(source, EMPTY_DIR_ROWS, f"{path}.emptyDir", report)
    if (source.medium or "").startswith("HugePages"):
        report.refuse(f"{path}.emptyDir.medium", _CODE, f"SaladCloud has no huge pages for the volume {volume.name}")
        return
    shared = next((mount for mount in mounts if is_shared_memory_mount(mount)), None)
    if shared is not None:
        _judge_shared_memory(volume.name, source, path, report)
        linked = [mount for mount in mounts if not is_shared_memory_mount(mount) and _is_part(mount, shared)]
        if linked:
            report.emulate(
                path,
                "VolumeInStartUp",
                f"The volume {volume.name} (emptyDir) is the shared memory at {SHARED_MEMORY}, and"
                f" {', '.join(dict.fromkeys(mount.mountPath for mount in linked))} a link to it",
            )
        mounts = [mount for mount in mounts if not is_shared_memory_mount(mount) and not _is_part(mount, shared)]
    if not mounts:
        return
    report.emulate(
        path,
        "VolumeInStartUp",
        f"The volume {volume.name} (emptyDir) is a directory of the container's own file system: it is empty again on"
        " another machine, and what the image has there stays",
    )
    if all(map(is_within_shared_memory, mounts)):
        report.degrade(
            f"{path}.emptyDir",
            _CODE,
            f"The volume {volume.name} is a part of the memory at {SHARED_MEMORY}, which is as large as SaladCloud"
            f" makes it; mount it at {SHARED_MEMORY} itself, with medium: Memory, to say how large",
        )
    elif source.medium == "Memory":
        report.degrade(
            f"{path}.emptyDir.medium",
            _CODE,
            f"The volume {volume.name} is on disk: SaladCloud has memory for files at {SHARED_MEMORY} only; mount it"
            " there if the program needs memory",
        )
    if _limits(source) and shared is None:
        report.degrade(
            f"{path}.emptyDir.sizeLimit",
            _CODE,
            f"The size of the volume {volume.name} is not limited, but for the container's whole storage",
        )


def _judge_shared_memory(name: str, source: EmptyDirVolumeSource, path: str, report: Report) -> None:
    if source.medium != "Memory":
        report.degrade(
            f"{path}.emptyDir",
            _CODE,
            f"The volume {name} is mounted at {SHARED_MEMORY}, which is memory here and not disk, as large as"
            " SaladCloud makes it; write medium: Memory, and the sizeLimit that the program needs",
        )


def _is_part(mount: VolumeMount, shared: VolumeMount) -> bool:
    """Say whether the mount shows what the one at /dev/shm shows, or a part of that."""
    if shared.subPathExpr:
        return shared.subPathExpr == mount.subPathExpr
    whole = posixpath.normpath(shared.subPath or ".")
    return whole == "." or f"{posixpath.normpath(mount.subPath or '.')}/".startswith(f"{whole}/")


def _limits(source: EmptyDirVolumeSource) -> bool:
    if source.sizeLimit is None:
        return False
    try:
        return parse_quantity(source.sizeLimit) > 0
    except InvalidQuantityError:
        return True


def _mounts(containers: Iterable[Placed]) -> list[tuple[str, VolumeMount]]:
    return [
        (f"{placed.path}.volumeMounts[{index}]", mount)
        for placed in containers
        for index, mount in enumerate(placed.container.volumeMounts or ())
    ]
