"""Volumes: SaladCloud has none, so each is refused by name, with what can be done instead.

One is let through in silence: the projected volume `kube-api-access-…` that the API server adds to every pod. Its
token is of no use outside the cluster.
"""

from __future__ import annotations

from lightkube.models.core_v1 import Container, PodSpec, ProjectedVolumeSource, Volume, VolumeProjection

from scvk.provider.translate.finding import Report
from scvk.provider.translate.shared_memory import shared_memory_volume

_INJECTED_PREFIX = "kube-api-access-"
# The second is added by OpenShift.
_INJECTED_CONFIG_MAPS = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
_FILES = frozenset({"configMap", "downwardAPI", "emptyDir", "image", "projected", "secret"})
_CODE = "UnsupportedVolume"


def judge_volumes(spec: PodSpec, container: Container, container_path: str, report: Report) -> None:
    """Refuse every volume, and every mount of a volume that is not there.

    Let through are the injected token and the container's shared memory, which has a setting of its own.
    """
    shared_memory = shared_memory_volume(spec, container)
    for index, volume in enumerate(spec.volumes or ()):
        if index != shared_memory and not _is_injected_token(volume):
            kind = _kind(volume)
            remedy = (
                "put the files into the image, or pass them in environment variables"
                if kind in _FILES
                else "use storage that the program reaches over the network"
            )
            report.refuse(
                f"spec.volumes[{index}]",
                _CODE,
                f"The volume {volume.name} ({kind}) cannot be mounted: SaladCloud has no volumes; {remedy}",
            )
    names = {volume.name for volume in spec.volumes or ()}
    for index, mount in enumerate(container.volumeMounts or ()):
        if mount.name not in names:
            report.refuse(f"{container_path}.volumeMounts[{index}]", _CODE, f"The pod has no volume named {mount.name}")


def _kind(volume: Volume) -> str:
    sources = (name for name in volume.__struct_fields__ if name != "name" and getattr(volume, name) is not None)
    return next(sources, "emptyDir")  # a volume without a source is an emptyDir


def _is_injected_token(volume: Volume) -> bool:
    return volume.name.startswith(_INJECTED_PREFIX) and _holds_only_a_token(volume.projected)


def _holds_only_a_token(projected: ProjectedVolumeSource | None) -> bool:
    sources = (projected.sources if projected else None) or ()
    return any(source.serviceAccountToken for source in sources) and all(map(_is_injected_source, sources))


def _is_injected_source(source: VolumeProjection) -> bool:
    if source.serviceAccountToken is not None or source.downwardAPI is not None:
        return True
    return source.configMap is not None and source.configMap.name in _INJECTED_CONFIG_MAPS
