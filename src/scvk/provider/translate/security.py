"""Security contexts: SaladCloud has no setting for any of it.

What only narrows or changes what the program may do is degraded, each field on its own: the program runs, in a
container that nobody shares, and a person sees which line of a chart has no effect. What the program cannot run
without (privileges over its host, Windows) is refused.
"""

from __future__ import annotations

from scvk.provider.translate.fields import Row, Treatment, one_of

_CODE = "UnsupportedSecurityContext"
_NO_SETTING = "SaladCloud runs the program as the image says and has no setting for this"


def _degraded(field: str, *harmless: object, reason: str = _NO_SETTING) -> Row:
    return Row(
        field,
        Treatment.DEGRADED,
        reason,
        _CODE,
        one_of(*harmless),
        " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in harmless),
    )


_USER = f"{_NO_SETTING}; set the user in the image (USER)"
_NOT_CHECKED = "SaladCloud runs the program as the user of the image, also as root; set the user in the image (USER)"
_GROUPS = "Files belong to the user of the image: SaladCloud has no setting for groups"
_ONLY_WITH_ANOTHER = "It changes how another field works, which is judged by itself"
_WINDOWS = Row(
    "windowsOptions",
    Treatment.REFUSED,
    "SaladCloud runs Linux containers only; send the pod to a Windows node",
    "UnsupportedOperatingSystem",
)

POD_SECURITY_ROWS = (
    _degraded("appArmorProfile"),
    _degraded("fsGroup", reason=_GROUPS),
    Row("fsGroupChangePolicy", Treatment.ELSEWHERE, _ONLY_WITH_ANOTHER),
    _degraded("runAsGroup", reason=_USER),
    _degraded("runAsNonRoot", False, reason=_NOT_CHECKED),
    _degraded("runAsUser", reason=_USER),
    Row("seLinuxChangePolicy", Treatment.ELSEWHERE, _ONLY_WITH_ANOTHER),
    _degraded("seLinuxOptions"),
    _degraded("seccompProfile"),
    _degraded("supplementalGroups", reason=_GROUPS),
    Row("supplementalGroupsPolicy", Treatment.ELSEWHERE, _ONLY_WITH_ANOTHER),
    _degraded("sysctls", reason="SaladCloud has no setting for the kernel's parameters: it leaves them as they are"),
    _WINDOWS,
)
"""The fields of PodSecurityContext."""

CONTAINER_SECURITY_ROWS = (
    _degraded("allowPrivilegeEscalation", True),
    _degraded("appArmorProfile"),
    _degraded("capabilities", reason="SaladCloud has no setting for capabilities: it gives every program the same"),
    Row(
        "privileged",
        Treatment.REFUSED,
        "SaladCloud runs no privileged containers; remove it",
        "PrivilegedContainer",
        one_of(False),
        "false",
    ),
    _degraded("procMount", "Default"),
    _degraded("readOnlyRootFilesystem", False, reason="SaladCloud has no setting for it: the program can write"),
    _degraded("runAsGroup", reason=_USER),
    _degraded("runAsNonRoot", False, reason=_NOT_CHECKED),
    _degraded("runAsUser", reason=_USER),
    _degraded("seLinuxOptions"),
    _degraded("seccompProfile"),
    _WINDOWS,
)
"""The fields of SecurityContext."""
