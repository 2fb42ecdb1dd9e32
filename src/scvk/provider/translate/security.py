"""Security contexts: SaladCloud has no setting for any of it, so a pod that asks for something is refused.

Each field is named on its own: a person can then see which line of a chart to switch off.
"""

from __future__ import annotations

from scvk.provider.translate.fields import Row, Treatment, one_of

_CODE = "UnsupportedSecurityContext"
_REMOVE = "SaladCloud runs the program as the image says and has no setting for this; remove it"


def _refused(field: str, *harmless: object, reason: str = _REMOVE) -> Row:
    return Row(
        field,
        Treatment.REFUSED,
        reason,
        _CODE,
        one_of(*harmless),
        " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in harmless),
    )


_USER = f"{_REMOVE}, and set the user in the image (USER)"
_ONLY_WITH_ANOTHER = "It changes how another field works, which is judged by itself"

POD_SECURITY_ROWS = (
    _refused("appArmorProfile"),
    _refused("fsGroup"),
    Row("fsGroupChangePolicy", Treatment.ELSEWHERE, _ONLY_WITH_ANOTHER),
    _refused("runAsGroup", reason=_USER),
    _refused("runAsNonRoot", False, reason=_USER),
    _refused("runAsUser", reason=_USER),
    Row("seLinuxChangePolicy", Treatment.ELSEWHERE, _ONLY_WITH_ANOTHER),
    _refused("seLinuxOptions"),
    _refused("seccompProfile"),
    _refused("supplementalGroups"),
    Row("supplementalGroupsPolicy", Treatment.ELSEWHERE, _ONLY_WITH_ANOTHER),
    _refused("sysctls"),
    _refused("windowsOptions"),
)
"""The fields of PodSecurityContext."""

CONTAINER_SECURITY_ROWS = (
    _refused("allowPrivilegeEscalation", True),
    _refused("appArmorProfile"),
    _refused("capabilities"),
    Row(
        "privileged",
        Treatment.REFUSED,
        "SaladCloud runs no privileged containers; remove it",
        "PrivilegedContainer",
        one_of(False),
        "false",
    ),
    _refused("procMount", "Default"),
    _refused("readOnlyRootFilesystem", False),
    _refused("runAsGroup", reason=_USER),
    _refused("runAsNonRoot", False, reason=_USER),
    _refused("runAsUser", reason=_USER),
    _refused("seLinuxOptions"),
    _refused("seccompProfile"),
    _refused("windowsOptions"),
)
"""The fields of SecurityContext."""
