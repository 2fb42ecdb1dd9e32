"""Container groups made by the Go program (SaladTechnologies/virtual-kubelet-saladcloud): what they say of their pod.

It called a group `<namespace>-<pod>` and put the pod's metadata, as JSON, into the variable POD_METADATA_YAML. The name
alone says little (`a-b` and `c` make the same as `a` and `b-c`), and the pod's own variables were set after that one
and could replace it. So a group is taken over for a pod only where all of this holds: the name is exactly the pod's,
the metadata names its namespace, name and UID, the pod does not set the variable itself, and image, command and plain
variables are what the Go program would have taken from this very pod.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from lightkube.models.core_v1 import Container
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.provider import PodIdentity, PodKey
from scvk.provider.ownership import LEGACY_METADATA, RESERVED_NAMES, legacy_name
from scvk.registry import InvalidReference, parse_reference
from scvk.saladcloud.models import ContainerGroup

# internal/provider/constants.go of the Go program (d097e61): it left these out.
_LEFT_OUT = frozenset(
    {
        "KUBERNETES_PORT",
        "KUBERNETES_PORT_443_TCP",
        "KUBERNETES_PORT_443_TCP_ADDR",
        "KUBERNETES_PORT_443_TCP_PORT",
        "KUBERNETES_PORT_443_TCP_PROTO",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "KUBERNETES_SERVICE_PORT_HTTPS",
    }
)


@dataclass(frozen=True)
class _Metadata:
    name: str
    namespace: str
    uid: str


def legacy_pod(group: ContainerGroup) -> PodIdentity | None:
    """Return the pod that a group of the Go program was made for; None for any other group, and where it is hidden."""
    text = (group.container.environment_variables or {}).get(LEGACY_METADATA)
    if text is None:
        return None
    try:
        metadata = msgspec.json.decode(text, type=_Metadata)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    if not metadata.uid or group.name != legacy_name(metadata.namespace, metadata.name):
        return None
    return PodIdentity(PodKey(metadata.namespace, metadata.name), metadata.uid)


def objection(pod: Pod, group: ContainerGroup) -> str | None:
    """Say why a group that names the pod is not what the Go program would have made of it; None where it is.

    Variables from Secrets, ConfigMaps and Services, and those with references, are not compared: they may have changed.
    """
    assert pod.spec is not None
    container = pod.spec.containers[0]  # the Go program ran the first one alone
    if any(variable.name in RESERVED_NAMES for variable in container.env or ()):
        return "the pod sets the variable that would name it"
    if not _same_image(container.image or "", group.container.image or ""):
        return "it runs another image than the pod"
    if tuple(container.command or ()) != tuple(group.container.command or ()):
        return "it runs another command than the pod"
    found = group.container.environment_variables or {}
    for name, value in _plain_variables(container).items():
        if found.get(name) != value:
            return f"its variable {name} differs from the pod's"
    return None


def _plain_variables(container: Container) -> dict[str, str]:
    return {
        variable.name: variable.value or ""
        for variable in container.env or ()
        if variable.valueFrom is None and "$" not in (variable.value or "") and variable.name not in _LEFT_OUT
    }


def _same_image(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return parse_reference(one) == parse_reference(other)
    except InvalidReference:
        return False
