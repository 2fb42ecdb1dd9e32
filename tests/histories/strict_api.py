"""An API server in memory that is as strict with pods as the real one: grace periods, and no way back in a status.

On top of `InMemoryApi` (versions, preconditions, patches, watches, refusals) it knows what deleting a pod means, keeps
what a status may not do, and remembers each attempt at it as a broken rule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx2

from tests.unit.kubelet.in_memory_api import InMemoryApi, Seen, status_answer
from tests.unit.kubelet.strategic_merge import json_merge

_FINISHED = ("Succeeded", "Failed")
_ORDER = {"Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 2}


class StrictApi(InMemoryApi):
    """One cluster. `broken_rules` has what a client tried and a real API server would not have let it do."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.broken_rules: list[str] = []
        self.pod_removed: Callable[[str], None] = lambda _uid: None
        """Called with the UID of each pod that the kubelet removes, when it does."""

    # -- what users do -------------------------------------------------------------------------------------------

    def create_pod(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create a pod as a user, bound already."""
        body = copy.deepcopy(body)
        body["metadata"] = {**body.get("metadata", {}), "generation": 1, "creationTimestamp": _stamp(self._now())}
        return self.put(path, body)

    def delete_pod(self, path: str, *, grace_s: int = 30) -> None:
        """Delete a pod as a user; with a grace period of 0 by force."""
        pod = self.objects.get(path)
        if pod is None:
            return
        if grace_s == 0 or (pod.get("status") or {}).get("phase") in _FINISHED:
            self.remove(path)
        elif "deletionTimestamp" not in pod["metadata"]:
            generation = pod["metadata"].get("generation", 1) + 1
            mark = {"deletionTimestamp": _stamp(self._now()), "deletionGracePeriodSeconds": grace_s}
            self.change(path, {"metadata": {**mark, "generation": generation}})

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the pods by path."""
        return {path: body for path, body in self.objects.items() if path.startswith("pods/")}

    # -- the server ----------------------------------------------------------------------------------------------

    def _answer(self, seen: Seen, path: str, subresource: str) -> httpx2.Response:
        present = self.objects.get(path)
        if path.startswith("pods/") and present is not None:
            if seen.method == "DELETE":
                return self._delete(seen, path, present)
            if seen.method == "PATCH" and subresource == "status":
                before = copy.deepcopy(present)
                answer = super()._answer(seen, path, subresource)
                broken = _illegal(before, self.objects[path])
                if broken:
                    self.broken_rules.append(f"{path}: {broken}")
                return answer
        return super()._answer(seen, path, subresource)

    def _delete(self, seen: Seen, path: str, present: dict[str, Any]) -> httpx2.Response:
        body = seen.body or {}
        uid = (body.get("preconditions") or {}).get("uid")
        if uid is None:
            self.broken_rules.append(f"{path}: deleted without its UID as a precondition")
        if uid not in (None, present["metadata"]["uid"]):
            return status_answer(409, "precondition failed: uid", "Conflict")
        if body.get("gracePeriodSeconds") != 0:
            self.delete_pod(path)
            return httpx2.Response(200, json=json_merge(present, {}))
        if "deletionTimestamp" not in present["metadata"]:
            self.broken_rules.append(f"{path}: removed by the kubelet though nobody deleted it")
        self.pod_removed(present["metadata"]["uid"])
        self.remove(path)
        return status_answer(200)


def _illegal(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """Say what a status write did that it may not do (`ValidatePodStatusUpdate`, and the phases' one way)."""
    was, now = before.get("status") or {}, after.get("status") or {}
    old, new = was.get("phase", "Pending"), now.get("phase", "Pending")
    if _ORDER[new] < _ORDER[old] or (old in _FINISHED and new != old):
        return f"phase went from {old} to {new}"
    policy = (before.get("spec") or {}).get("restartPolicy", "Always")
    olds = {entry["name"]: entry for entry in was.get("containerStatuses") or []}
    for entry in now.get("containerStatuses") or []:
        earlier = olds.get(entry["name"])
        if earlier is None:
            continue
        if entry.get("restartCount", 0) < earlier.get("restartCount", 0):
            return f"restartCount fell from {earlier['restartCount']} to {entry['restartCount']}"
        end = (earlier.get("state") or {}).get("terminated")
        final = end is not None and (policy == "Never" or (policy == "OnFailure" and end.get("exitCode") == 0))
        if final and "terminated" not in (entry.get("state") or {}):
            return "a container left its final termination"
        started = ((entry.get("state") or {}).get("running") or {}).get("startedAt")
        earlier_start = ((earlier.get("state") or {}).get("running") or {}).get("startedAt")
        if started and earlier_start and started < earlier_start:
            return f"startedAt went back from {earlier_start} to {started}"
    for kind in ("Ready", "ContainersReady"):
        if _holds(now, kind) and new != "Running":
            return f"{kind} is True in phase {new}"
    return None


def _holds(status: dict[str, Any], kind: str) -> bool:
    return any(one["type"] == kind and one["status"] == "True" for one in status.get("conditions") or [])


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
