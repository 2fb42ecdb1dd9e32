"""The platform's vocabulary of events, as log entries and system logs show them."""

from __future__ import annotations

from enum import StrEnum


class GroupEvent(StrEnum):
    """Events of a group (`deployment_controller`) without numbers in them."""

    STARTED = "Container Group Started"
    STOPPED = "Container Group Stopped"


def group_updated(version: int) -> str:
    """A new version of the group's definition."""
    return f"Container Group Updated (Version {version})"


def replicas_updated(before: int, after: int) -> str:
    """Another replica count, the same definition."""
    return f"Container Group Desired Replica Count Updated from {before} to {after}"


class InstanceEvent(StrEnum):
    """Events of an instance (`instance_controller`) without numbers in them."""

    ALLOCATED = "Instance Allocated"
    DOWNLOADING = "Instance Downloading"
    CREATING = "Instance Creating"
    STARTING = "Instance Starting"
    RUNNING = "Instance Running"
    RESTARTED = "Instance Restarted"
    RECREATED = "Instance Recreated"
    REALLOCATED_BY_USER = "Instance Reallocated by User"
    REALLOCATED_BY_PLATFORM = "Instance Reallocated by Platform"
    START_FAILURE = "StartFailure:-1"
    STARTUP_PASSED = "Instance Startup Probe Passed"
    READY = "Instance Ready (Readiness Probe Passed)"
    NOT_READY = "Instance Not Ready (Readiness Probe Failure)"
    INTERRUPTED_PRIORITY = "Instance Interrupted (Priority)"
    INTERRUPTED_NODE_OFFLINE = "Instance Interrupted (Node Offline)"
    INTERRUPTED_DISK = "Instance Interrupted (Requested Disk Space Exceeded)"
    INTERRUPTED_LIVENESS = "Instance Interrupted (Liveness Probe Failure)"
    INTERRUPTED_STARTUP = "Instance Interrupted (Startup Probe Failure)"


# Reasons that the control API takes, and the event each one leaves.
INTERRUPTIONS = {
    "node-offline": InstanceEvent.INTERRUPTED_NODE_OFFLINE,
    "priority": InstanceEvent.INTERRUPTED_PRIORITY,
    "disk": InstanceEvent.INTERRUPTED_DISK,
    "liveness": InstanceEvent.INTERRUPTED_LIVENESS,
    "startup": InstanceEvent.INTERRUPTED_STARTUP,
    "reallocated": InstanceEvent.REALLOCATED_BY_PLATFORM,
}

# SIGKILL that nobody on the platform sent: it can only guess, and says so.
_KILLED = 137


def exited(status: int) -> str:
    """The event for an exit, by its status (0-255)."""
    if status == 0:
        return "Instance Exited:0 (Exited Successfully)"
    if status == _KILLED:
        return "Instance Exited:137 (Likely Out of System Memory)"
    return f"Instance Exited:{status} (Error)"


def severity(event: str) -> str:
    """How grave an event is; a guess, the platform's documentation does not say."""
    if event.endswith("(Error)") or event.startswith(("StartFailure", "Instance Exited:137")):
        return "error"
    if "Interrupted" in event or event == InstanceEvent.NOT_READY:
        return "warning"
    return "info"
