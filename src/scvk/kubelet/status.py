"""From the status a pod has and the status it should have to the patch that is needed: pure functions.

What the kubelet owns of a PodStatus is written whole; other people's conditions are left alone; nothing is written
where nothing changed; a phase never moves backwards and a finished pod never changes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from lightkube.models.core_v1 import (
    ContainerState,
    ContainerStateTerminated,
    PodCondition,
    PodStatus,
)
from lightkube.resources.core_v1 import Pod

KUBELET_CONDITIONS = (
    "PodScheduled",
    "PodReadyToStartContainers",
    "Initialized",
    "ContainersReady",
    "Ready",
    "DisruptionTarget",
    "PodResizePending",
    "PodResizeInProgress",
)
"""Condition types that a kubelet writes; all others (readiness gates among them) belong to somebody else."""

PASSING_CONDITIONS = frozenset({"PodResizePending", "PodResizeInProgress"})
"""Those that a kubelet takes away again: their absence means that there is nothing to say."""

OWNED_FIELDS = (
    "phase",
    "reason",
    "message",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "startTime",
    "observedGeneration",
    "containerStatuses",
    "initContainerStatuses",
    "ephemeralContainerStatuses",
)

STOPPED_EXIT_CODE = 137
"""What a kubelet reports for a container whose end it did not see (reason ContainerStatusUnknown)."""

FINISHED_PHASES = frozenset({"Succeeded", "Failed"})
_PHASE_ORDER = {"Pending": 0, "Unknown": 0, "Running": 1, "Succeeded": 2, "Failed": 2}


def is_finished(status: PodStatus | None) -> bool:
    """Say whether the pod has ended for good."""
    return status is not None and status.phase in FINISHED_PHASES


def condition(status: PodStatus | None, kind: str) -> PodCondition | None:
    """Return the condition of that type, or None."""
    return next((c for c in (status.conditions if status else None) or [] if c.type == kind), None)


def whole_seconds(moment: datetime) -> datetime:
    """Return the time as Kubernetes stores it: without fractions, so that comparisons are stable."""
    return moment.replace(microsecond=0)


def status_patch(current: PodStatus | None, desired: PodStatus, *, uid: str, now: datetime) -> dict[str, Any] | None:
    """Return a strategic merge patch for `pods/status` that turns `current` into `desired`; None if nothing differs.

    `metadata.uid` makes it fail for a successor of the same name. `lastTransitionTime` of a condition is kept where
    its status did not change and is `now` where it did.
    """
    before = _plain(current) if current else {}
    if is_finished(current):
        return None
    after = _plain(desired)
    if _PHASE_ORDER.get(after.get("phase", ""), 0) < _PHASE_ORDER.get(before.get("phase", ""), 0):
        after["phase"] = before["phase"]
    if "startTime" in before:
        after["startTime"] = before["startTime"]
    changes: dict[str, Any] = {}
    for name in OWNED_FIELDS:
        old, new = before.get(name), after.get(name)
        if old == new or (not old and not new):
            continue
        # podIPs and hostIPs merge by address; an address that went must go from the list too.
        replaces = name in ("hostIPs", "podIPs") and new and old
        # An empty list would be merged into the old one, that is, change nothing.
        changes[name] = [{"$patch": "replace"}, *new] if replaces and new else new or None
    conditions = _condition_changes(
        before.get("conditions") or [], after.get("conditions") or [], after.get("observedGeneration"), now
    )
    if conditions:
        changes["conditions"] = conditions
    if changes.keys() == {"observedGeneration"} and "observedGeneration" not in before:
        return None  # an API server that does not know the field drops it each time
    return {"metadata": {"uid": uid}, "status": changes} if changes else None


def stopped_status(pod: Pod, now: datetime) -> PodStatus | None:
    """Return the last status of a deleted pod of which surely nothing is left; None where it has ended already.

    A kubelet ends a pod before it removes it, also one that never ran: a Job that waits for `Failed` before it makes a
    replacement would otherwise keep its finalizer on the pod for ever. A container that ran is told as terminated; how
    it ended is not known: the platform says nothing of the exit of a program that it stops.
    """
    if is_finished(pod.status):
        return None
    # Worked on a copy: objects of the informer are shared and never changed.
    desired: PodStatus = msgspec.json.decode(msgspec.json.encode(pod.status or PodStatus()), type=PodStatus)
    desired.phase, desired.message = "Failed", None
    for entry in desired.containerStatuses or []:
        if entry.state and entry.state.running:
            entry.state = ContainerState(
                terminated=ContainerStateTerminated(
                    exitCode=STOPPED_EXIT_CODE,
                    reason="ContainerStatusUnknown",
                    message="The container group was deleted; SaladCloud does not report how its program ended.",
                    startedAt=entry.state.running.startedAt,
                    finishedAt=now,
                    containerID=entry.containerID,
                )
            )
        entry.ready = False
        entry.started = False
    desired.conditions = [
        PodCondition(type=kind, status="False", reason="PodDeleted", message="the pod was deleted")
        for kind in ("ContainersReady", "Ready")
    ]
    return desired


def _condition_changes(
    before: list[dict[str, Any]], after: list[dict[str, Any]], generation: int | None, now: datetime
) -> list[dict[str, Any]]:
    """Return the conditions that differ. Each tells of the pod's `generation` where it says no other."""
    known = {entry["type"]: entry for entry in before}
    changes = []
    for entry in after:
        if entry["type"] not in KUBELET_CONDITIONS:
            continue
        old = known.get(entry["type"], {})
        wanted = {
            "type": entry["type"],
            "status": entry["status"],
            "reason": entry.get("reason"),
            "message": entry.get("message"),
            "observedGeneration": entry.get("observedGeneration", generation),
        }
        # A generation alone is news only where the API server has kept an earlier one: it may not know the field.
        compared = wanted if "observedGeneration" in old else {**wanted, "observedGeneration": None}
        if all(old.get(name) == value for name, value in compared.items()):
            continue
        same = old.get("status") == entry["status"] and "lastTransitionTime" in old
        wanted["lastTransitionTime"] = old["lastTransitionTime"] if same else msgspec.to_builtins(whole_seconds(now))
        # An explicit null is what removes a reason or message that an earlier patch set.
        changes.append({k: v for k, v in wanted.items() if v is not None or old.get(k) is not None})
    over = known.keys() & PASSING_CONDITIONS - {entry["type"] for entry in after}
    return [*changes, *({"$patch": "delete", "type": kind} for kind in sorted(over))]


def _plain(status: PodStatus) -> dict[str, Any]:
    """Return the JSON form with all times in whole seconds."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status))
    shortened = _shorten_times(plain)
    assert isinstance(shortened, dict)
    return shortened


_TIME_FIELDS = frozenset({"startTime", "startedAt", "finishedAt", "lastTransitionTime", "lastProbeTime"})


def _shorten_times(value: Any, field: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _shorten_times(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorten_times(item) for item in value]
    if field in _TIME_FIELDS and isinstance(value, str):
        return msgspec.to_builtins(whole_seconds(datetime.fromisoformat(value)))
    return value
