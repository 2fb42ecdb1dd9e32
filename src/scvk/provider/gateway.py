"""Where the container gateway makes a pod reachable: an annotation of the pod, once SaladCloud shows the name."""

from __future__ import annotations

from collections.abc import Mapping

from scvk.provider.annotations import GATEWAY_URL
from scvk.saladcloud.models import ContainerGroup


def gateway_annotations(group: ContainerGroup) -> Mapping[str, str]:
    """Return the annotation with the group's URL; none where it shows no name, or has no gateway."""
    dns = (group.networking.dns if group.networking else None) or ""
    return {GATEWAY_URL.key: f"https://{dns.removeprefix('https://')}"} if dns else {}
