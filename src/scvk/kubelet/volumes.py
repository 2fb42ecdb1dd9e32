"""The files of configMap, secret, downwardAPI and projected volumes, as they are when a container starts.

The rules are those of the kubelet (`MakePayload` and `CollectData` in pkg/volume/{configmap,secret,downwardapi,
projected}, and `validatePath` of the atomic writer, read at v1.37.2):

- without `items` every key is a file; with `items` only the keys that are named, at the paths that are given;
- an item's own mode, else the volume's `defaultMode`, else 0644;
- a missing object is as an empty one where the source is optional, and so is a missing key;
- of several sources that write the same path, the last one counts.

Not to be had outside of the cluster, and left out: tokens of service accounts, trust bundles, pod certificates (see
`unavailable_sources`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Protocol

from lightkube.models.core_v1 import (
    ConfigMapProjection,
    ConfigMapVolumeSource,
    DownwardAPIVolumeFile,
    KeyToPath,
    ProjectedVolumeSource,
    SecretProjection,
    SecretVolumeSource,
    Volume,
    VolumeProjection,
)
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import DownwardError, NodeView, metadata_field, volume_resource
from scvk.kubelet.input_objects import ObjectKind
from scvk.kubelet.inputs import VolumeFile
from scvk.kubelet.references import References, Use

DEFAULT_MODE = 0o644
"""The API server's default of `defaultMode`, for all four kinds of volume."""

_MAX_PATH_LENGTH = 4096
_MAX_FILE_NAME_LENGTH = 255
_PERMISSIONS = 0o777

_INJECTED_PREFIX = "kube-api-access-"
# The second is added by OpenShift.
_INJECTED_CONFIG_MAPS = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
_UNAVAILABLE = ("serviceAccountToken", "clusterTrustBundle", "podCertificate")


def is_injected_token(volume: Volume) -> bool:
    """Say whether this is the volume that the API server adds to each pod; it is of no use outside of the cluster."""
    return volume.name.startswith(_INJECTED_PREFIX) and _holds_only_a_token(volume.projected)


def unavailable_sources(volume: Volume, path: str) -> tuple[tuple[str, str], ...]:
    """Return path and kind of the sources of a projected volume whose files are left out whatever exists."""
    return tuple(
        (f"{path}.projected.sources[{index}].{kind}", kind)
        for index, source in enumerate((volume.projected.sources if volume.projected else None) or ())
        for kind in _UNAVAILABLE
        if getattr(source, kind) is not None
    )


def volume_files(
    pod: Pod, volume: Volume, path: str, node: NodeView, references: References
) -> tuple[VolumeFile, ...] | None:
    """Return the files by path, None for a volume of another kind; what is missing is noted by `references`."""
    files = _Files(pod, node, references, Use(volume.name), path)
    if volume.configMap is not None:
        files.mode = _mode(volume.configMap.defaultMode, DEFAULT_MODE)
        files.add_config_map(volume.configMap, volume.configMap.name, f"{path}.configMap")
    elif volume.secret is not None:
        files.mode = _mode(volume.secret.defaultMode, DEFAULT_MODE)
        files.add_secret(volume.secret, volume.secret.secretName, f"{path}.secret")
    elif volume.downwardAPI is not None:
        files.mode = _mode(volume.downwardAPI.defaultMode, DEFAULT_MODE)
        files.add_fields(volume.downwardAPI.items or (), f"{path}.downwardAPI")
    elif volume.projected is not None:
        files.mode = _mode(volume.projected.defaultMode, DEFAULT_MODE)
        for index, source in enumerate(volume.projected.sources or ()):
            files.add_projection(source, f"{path}.projected.sources[{index}]")
    else:
        return None
    return files.all()


class _Source(Protocol):
    """What ConfigMaps and Secrets have in common as sources of files, alone and projected."""

    @property
    def items(self) -> list[KeyToPath] | None: ...
    @property
    def optional(self) -> bool | None: ...


class _Files:
    """The files of one volume as they come together."""

    def __init__(self, pod: Pod, node: NodeView, references: References, use: Use, path: str) -> None:
        self._pod = pod
        self._node = node
        self._references = references
        self._use = use
        self._path = path
        self._files: dict[str, VolumeFile] = {}
        self.mode = DEFAULT_MODE

    def all(self) -> tuple[VolumeFile, ...]:
        for name in self._files:
            for folder in _folders(name):
                if folder in self._files:
                    self._refuse(self._path, f"{folder} cannot be a file and the folder of {name}")
        return tuple(self._files[name] for name in sorted(self._files))

    def add_config_map(self, source: ConfigMapVolumeSource | ConfigMapProjection, name: str | None, path: str) -> None:
        found = self._references.config_map(name, path, self._use, optional=source.optional)
        if found is not None:
            texts = {key: text.encode() for key, text in found.data.items()}
            self._add_keys("ConfigMap", name, source, {**found.binary_data, **texts}, path)

    def add_secret(self, source: SecretVolumeSource | SecretProjection, name: str | None, path: str) -> None:
        found = self._references.secret(name, path, self._use, optional=source.optional)
        if found is not None:
            self._add_keys("Secret", name, source, found.data, path)

    def add_projection(self, source: VolumeProjection, path: str) -> None:
        if source.secret is not None:
            self.add_secret(source.secret, source.secret.name, f"{path}.secret")
        elif source.configMap is not None:
            self.add_config_map(source.configMap, source.configMap.name, f"{path}.configMap")
        elif source.downwardAPI is not None:
            self.add_fields(source.downwardAPI.items or (), f"{path}.downwardAPI")

    def add_fields(self, items: Iterable[DownwardAPIVolumeFile], path: str) -> None:
        for index, item in enumerate(items):
            where, text = f"{path}.items[{index}]", ""
            try:
                if item.fieldRef is not None:
                    text = metadata_field(self._pod, item.fieldRef.fieldPath)
                elif item.resourceFieldRef is not None:
                    text = volume_resource(self._pod, item.resourceFieldRef, self._node)
            except DownwardError as error:
                self._refuse(where, str(error))
                continue
            self._add(item.path, text.encode(), _mode(item.mode, self.mode), where)

    def _add_keys(
        self, kind: ObjectKind, name: str | None, source: _Source, values: Mapping[str, bytes], path: str
    ) -> None:
        secret = kind == "Secret"
        if not source.items:
            for key in sorted(values):
                self._add(key, values[key], self.mode, path, secret=secret)
            return
        for index, item in enumerate(source.items):
            where = f"{path}.items[{index}]"
            if item.key in values:
                self._add(item.path, values[item.key], _mode(item.mode, self.mode), where, secret=secret)
            else:
                self._references.no_key(kind, name, item.key, where, self._use, optional=source.optional)

    def _add(self, path: str, content: bytes, mode: int, where: str, *, secret: bool = False) -> None:
        problem = _objection(path)
        if problem is not None:
            self._refuse(where, f"invalid path {path[:_MAX_FILE_NAME_LENGTH]!r}: {problem}")
            return
        clean = posixpath.normpath(path)
        self._files[clean] = VolumeFile(clean, content, mode, secret)

    def _refuse(self, where: str, why: str) -> None:
        name = self._pod.metadata.name if self._pod.metadata else None
        self._references.unusable("Pod", name, where, self._use, f"{why} ({where})")


def _mode(given: int | None, default: int) -> int:
    return default if given is None else given & _PERMISSIONS


def _folders(path: str) -> Iterable[str]:
    while path := posixpath.dirname(path):
        yield path


def _objection(path: str) -> str | None:
    """Say what is wrong with a file's path: it must stay in the volume, and clear of the kubelet's own `..data`."""
    parts = path.split("/")
    if not path:
        return "it is empty"
    if path.startswith("/"):
        return "it must be relative"
    if len(path.encode()) > _MAX_PATH_LENGTH:
        return f"it is longer than {_MAX_PATH_LENGTH} bytes"
    if ".." in parts:
        return "it must not contain '..'"
    if any(len(part.encode()) > _MAX_FILE_NAME_LENGTH for part in parts):
        return f"a file name is longer than {_MAX_FILE_NAME_LENGTH} bytes"
    if parts[0].startswith(".."):
        return "it must not start with '..'"
    if posixpath.normpath(path) == "." or "\0" in path:
        return "it names no file"
    return None


def _holds_only_a_token(projected: ProjectedVolumeSource | None) -> bool:
    sources = (projected.sources if projected else None) or ()
    return any(source.serviceAccountToken for source in sources) and all(map(_is_injected_source, sources))


def _is_injected_source(source: VolumeProjection) -> bool:
    if source.serviceAccountToken is not None or source.downwardAPI is not None:
        return True
    return source.configMap is not None and source.configMap.name in _INJECTED_CONFIG_MAPS
