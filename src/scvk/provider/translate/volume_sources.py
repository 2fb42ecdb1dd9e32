"""What the volumes that hold files say of these: names, keys, modes, and whom the files belong to."""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.models.core_v1 import DownwardAPIVolumeFile, KeyToPath, Volume

from scvk.kubelet.volumes import unavailable_sources
from scvk.provider.translate.fields import Row, Treatment, judge
from scvk.provider.translate.finding import Report

_CODE = "UnsupportedVolume"
_SOURCE_CODE = "UnsupportedVolumeSource"

_MODE = Row("mode", Treatment.CARRIED, "The file's permission bits")
_DEFAULT_MODE = Row("defaultMode", Treatment.CARRIED, "The permission bits of files that have none of their own")
_DEFAULT_USER = Row("defaultUser", Treatment.DEGRADED, "The files belong to the user whom the image runs as", _CODE)
_USER = Row("user", Treatment.DEGRADED, "The file belongs to the user whom the image runs as", _CODE)
_ITEMS = Row("items", Treatment.CARRIED, "Which keys are files, and where; without them every key is one")
_OPTIONAL = Row("optional", Treatment.CARRIED, "What is missing is left out, with a word; else the pod waits for it")
_ABSENT = "Its file is left out: it is of no use outside of the cluster"

CONFIG_MAP_ROWS = (
    Row("name", Treatment.CARRIED, "Read when the pod's container group is made"),
    _DEFAULT_MODE,
    _DEFAULT_USER,
    _ITEMS,
    _OPTIONAL,
)
"""The fields of ConfigMapVolumeSource."""

SECRET_ROWS = (
    Row("secretName", Treatment.CARRIED, "Read when the pod's container group is made"),
    _DEFAULT_MODE,
    _DEFAULT_USER,
    _ITEMS,
    _OPTIONAL,
)
"""The fields of SecretVolumeSource."""

DOWNWARD_API_ROWS = (
    Row("items", Treatment.CARRIED, "Which fields of the pod are files, and where"),
    _DEFAULT_MODE,
    _DEFAULT_USER,
)
"""The fields of DownwardAPIVolumeSource."""

PROJECTED_ROWS = (
    Row("sources", Treatment.CARRIED, "Of two that write the same file the later one counts"),
    _DEFAULT_MODE,
    _DEFAULT_USER,
)
"""The fields of ProjectedVolumeSource."""

PROJECTION_ROWS = (
    Row("configMap", Treatment.CARRIED, "As the volume of that kind"),
    Row("downwardAPI", Treatment.CARRIED, "As the volume of that kind"),
    Row("secret", Treatment.CARRIED, "As the volume of that kind"),
    Row("clusterTrustBundle", Treatment.DEGRADED, _ABSENT, _SOURCE_CODE),
    Row("podCertificate", Treatment.DEGRADED, _ABSENT, _SOURCE_CODE),
    Row("serviceAccountToken", Treatment.DEGRADED, _ABSENT, _SOURCE_CODE),
)
"""The fields of VolumeProjection."""

KEY_ROWS = (
    Row("key", Treatment.CARRIED, "Which key"),
    Row("path", Treatment.CARRIED, "Where its file stands in the volume"),
    _MODE,
    _USER,
)
"""The fields of KeyToPath."""

FIELD_FILE_ROWS = (
    Row("path", Treatment.CARRIED, "Where the file stands in the volume"),
    Row("fieldRef", Treatment.CARRIED, "Name, namespace, UID, labels and annotations, as they are at the start"),
    Row("resourceFieldRef", Treatment.CARRIED, "Requests and limits of a container, else what the node has"),
    _MODE,
    _USER,
)
"""The fields of DownwardAPIVolumeFile."""


def judge_sources(volume: Volume, path: str, report: Report) -> None:
    """Report what the files of the volume lack; `path` is where the volume stands in the pod."""
    for where, kind in unavailable_sources(volume, path):
        report.degrade(
            where,
            _SOURCE_CODE,
            f"The volume {volume.name} lacks the file of this {kind}: it is of no use outside of the cluster",
        )
    if volume.configMap is not None:
        judge(volume.configMap, CONFIG_MAP_ROWS, f"{path}.configMap", report)
        _judge_keys(volume.configMap.items or (), f"{path}.configMap", report)
    if volume.secret is not None:
        judge(volume.secret, SECRET_ROWS, f"{path}.secret", report)
        _judge_keys(volume.secret.items or (), f"{path}.secret", report)
    if volume.downwardAPI is not None:
        judge(volume.downwardAPI, DOWNWARD_API_ROWS, f"{path}.downwardAPI", report)
        _judge_keys(volume.downwardAPI.items or (), f"{path}.downwardAPI", report)
    if volume.projected is not None:
        judge(volume.projected, PROJECTED_ROWS, f"{path}.projected", report)
        for index, source in enumerate(volume.projected.sources or ()):
            where = f"{path}.projected.sources[{index}]"
            for kind in ("configMap", "secret", "downwardAPI"):
                _judge_keys(getattr(getattr(source, kind), "items", None) or (), f"{where}.{kind}", report)


def _judge_keys(items: Iterable[KeyToPath | DownwardAPIVolumeFile], path: str, report: Report) -> None:
    for index, item in enumerate(items):
        rows = KEY_ROWS if isinstance(item, KeyToPath) else FIELD_FILE_ROWS
        judge(item, rows, f"{path}.items[{index}]", report)
