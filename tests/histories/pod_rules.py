"""What may become of a pod: which writes of its status a server refuses, and which ones no kubelet should make."""

from __future__ import annotations

from typing import Any

_FINISHED = ("Succeeded", "Failed")
_ORDER = {"Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 2}


def finished(pod: dict[str, Any]) -> bool:
    """Say whether the pod has ended for good."""
    return (pod.get("status") or {}).get("phase") in _FINISHED


def removed_at_once(pod: dict[str, Any]) -> bool:
    """Say whether deleting the pod leaves nothing to wait for: it has ended, or no node ever had it."""
    return finished(pod) or not (pod.get("spec") or {}).get("nodeName")


def forbidden_transition(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """Say why the API server refuses this status (`ValidatePodStatusUpdate`); None where it does not."""
    policy = (before.get("spec") or {}).get("restartPolicy", "Always")
    for earlier, entry in _containers(before, after):
        end = (earlier.get("state") or {}).get("terminated")
        final = end is not None and (policy == "Never" or (policy == "OnFailure" and end.get("exitCode") == 0))
        if final and "terminated" not in (entry.get("state") or {}):
            return "a container left its final termination: may not be transitioned to non-terminated state"
    return None


def suspicious_transition(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """Say what a kubelet should not have written, though the API server takes it; None where all is well."""
    now = after.get("status") or {}
    old, new = (before.get("status") or {}).get("phase", "Pending"), now.get("phase", "Pending")
    if _ORDER[new] < _ORDER[old] or (old in _FINISHED and new != old):
        return f"phase went from {old} to {new}"
    for earlier, entry in _containers(before, after):
        if entry.get("restartCount", 0) < earlier.get("restartCount", 0):
            return f"restartCount fell from {earlier['restartCount']} to {entry['restartCount']}"
        started, earlier_start = _started(entry), _started(earlier)
        if started and earlier_start and started < earlier_start:
            return f"startedAt went back from {earlier_start} to {started}"
    for kind in ("Ready", "ContainersReady"):
        if _holds(now, kind) and new != "Running":
            return f"{kind} is True in phase {new}"
    return _odd_condition_times(before.get("status") or {}, now)


def _odd_condition_times(was: dict[str, Any], now: dict[str, Any]) -> str | None:
    olds = {one["type"]: one for one in was.get("conditions") or []}
    for one in now.get("conditions") or []:
        old = olds.get(one["type"])
        if old is None or not old.get("lastTransitionTime") or not one.get("lastTransitionTime"):
            continue
        moved = one["lastTransitionTime"] != old["lastTransitionTime"]
        if moved and one["status"] == old["status"]:
            return f"condition {one['type']} stayed {one['status']}, and its transition time moved"
        if one["lastTransitionTime"] < old["lastTransitionTime"]:
            return f"the transition time of condition {one['type']} went back"
    return None


def _containers(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    olds = {entry["name"]: entry for entry in (before.get("status") or {}).get("containerStatuses") or []}
    entries = (after.get("status") or {}).get("containerStatuses") or []
    return [(olds[entry["name"]], entry) for entry in entries if entry["name"] in olds]


def _started(entry: dict[str, Any]) -> str | None:
    moment: str | None = ((entry.get("state") or {}).get("running") or {}).get("startedAt")
    return moment


def _holds(status: dict[str, Any], kind: str) -> bool:
    return any(one["type"] == kind and one["status"] == "True" for one in status.get("conditions") or [])
