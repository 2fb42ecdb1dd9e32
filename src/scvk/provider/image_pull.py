"""How long SaladCloud took to pull a group's image into its own registry, seen at the moment when it is there."""

from __future__ import annotations

from datetime import datetime

from scvk.saladcloud.models import ContainerGroup


def pulled_in_s(group: ContainerGroup, now: datetime) -> float | None:
    """Return the seconds from the group's making to now, None where the platform does not say when it was made.

    Not to `current_state.start_time`, which may be any time. An updated group pulls another image, since when nobody
    tells.
    """
    if group.create_time is None or group.version not in (None, 1):
        return None
    return max(0.0, (now - group.create_time).total_seconds())
