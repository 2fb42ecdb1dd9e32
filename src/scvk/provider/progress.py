"""How a group comes up, and how often it is worth a look: pure functions of what a listing shows."""

from __future__ import annotations

from scvk.saladcloud.models import ContainerGroup, GroupStatus

READINESS_AGAIN_S = 10.0
PROGRESS_AGAIN_S = 15.0


def is_on_its_way(group: ContainerGroup) -> bool:
    """Say whether the group is expected to change soon: it is made, or waits for a machine."""
    status = group.current_state.status
    if status in (GroupStatus.PENDING, GroupStatus.DEPLOYING):
        return True
    return status == GroupStatus.RUNNING and group.current_state.instance_status_counts is not None and not runs(group)


def runs(group: ContainerGroup) -> bool:
    """Say whether an instance of the group is shown as running."""
    counts = group.current_state.instance_status_counts
    return bool(counts and counts.running_count)


def instance_pause(group: ContainerGroup, *, probes: bool) -> float | None:
    """Return how often to ask for the instance of a group that is not ready, in seconds.

    It tells what the listing does not: progress, and readiness behind a probe. None where it would tell nothing.
    """
    if runs(group):
        return READINESS_AGAIN_S if probes else None
    return PROGRESS_AGAIN_S if group.current_state.status in (GroupStatus.DEPLOYING, GroupStatus.RUNNING) else None
