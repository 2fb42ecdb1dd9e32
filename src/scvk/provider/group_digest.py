"""What a listing shows of a group's state, to see whether anything moved since the last one."""

from __future__ import annotations

from scvk.saladcloud.models import ContainerGroup


def digest(group: ContainerGroup) -> object:
    """Return what a listing shows of a group's state: equal digests mean that nothing moved."""
    state = group.current_state
    dns = group.networking.dns if group.networking else None
    return (group.id, group.version, state.status, state.description, state.instance_status_counts, group.replicas, dns)
