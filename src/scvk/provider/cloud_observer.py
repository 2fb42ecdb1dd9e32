"""Who is told of what moved in the cloud."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from scvk.saladcloud.models import ContainerGroup


class CloudObserver(Protocol):
    """Who is told of what changed; all methods are cheap and never block."""

    def groups_changed(self, names: set[str]) -> None:
        """Say that something of these groups moved (or that they came or went)."""
        ...

    def instance_seen(self, name: str, at: datetime) -> None:
        """Say that the view has a new answer of the group's instance, asked for at wall time `at`."""
        ...

    def is_ours(self, group: ContainerGroup) -> bool:
        """Say whether the group is surely ours: others' are listed, and not asked for."""
        ...

    def in_transition(self) -> bool:
        """Say whether anything of ours is on its way, so that looking more often is worth it."""
        ...
