"""What the kubelet's API knows the pods of the node by."""

from __future__ import annotations

from typing import Protocol

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.provider import PodKey


class KnownPods(Protocol):
    """The pods of the node."""

    def get(self, key: PodKey) -> Pod | None:
        """Return one."""
        ...

    def pods(self) -> tuple[Pod, ...]:
        """Return all."""
        ...
