"""What must hold after every step of a history, and what must hold once everything has come to rest."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scvk.provider.ownership import POD_UID
from scvk.simulator.cloud.states import GroupStatus
from tests.histories.agent_process import NODE
from tests.histories.changes import not_taken_over
from tests.histories.virtual_time import monotonic
from tests.histories.world import FOREIGN, World

COLLECTED_WITHIN_S = 300.0
"""How long a group may outlive its pod while the agent runs and nothing is broken: its deletion, a listing that
confirms it, and two passes of collection at the most."""


class BrokenInvariant(AssertionError):
    """A history that should not have happened."""


class Watchman:
    """Looks at a world after every step. `quiet_since` is when the last disturbance ended."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._foreign = {name: (world.project.groups[name], world.project.groups[name].version) for name in FOREIGN}
        self._orphaned_since: dict[str, float] = {}
        self._requests_seen = 0
        self.quiet_since: float | None = 0.0
        world.api.pod_removed = self._pod_is_removed

    def look(self) -> None:
        """Raise BrokenInvariant for the first thing that is wrong."""
        self._one_group_a_pod()
        self._foreign_group_is_untouched()
        self._one_version_a_change()
        self._api_was_respected()
        self._limit_was_kept()
        self._no_group_outlives_its_pod()
        self._agent_is_sound()

    def _one_group_a_pod(self) -> None:
        counts = Counter(uid for uid, _ in self._world.own_groups())
        twice = [uid for uid, count in counts.items() if count > 1]
        if twice:
            names = [group.name for uid, group in self._world.own_groups() if uid == twice[0]]
            raise BrokenInvariant(f"two live groups for one pod: {names}")

    def _foreign_group_is_untouched(self) -> None:
        for name, (was, version) in self._foreign.items():
            group = self._world.project.groups.get(name)
            if group is not was or group.deleting or group.version != version:
                raise BrokenInvariant(f"somebody else's group {name} was written to")

    def _one_version_a_change(self) -> None:
        """Each version restarts the program: there is one of the create, and at most one of each change of the pod."""
        for uid, group in self._world.own_groups():
            if group.version > 1 + self._world.edits[uid]:
                raise BrokenInvariant(
                    f"group {group.name} has version {group.version} after {self._world.edits[uid]} changes of its pod"
                )

    def _api_was_respected(self) -> None:
        if self._world.api.broken_rules:
            raise BrokenInvariant(self._world.api.broken_rules[0])

    def _pod_is_removed(self, uid: str) -> None:
        if self._world.listings_lie:
            return  # nobody can know better
        groups = [group for group in self._world.project.groups.values() if group.name not in FOREIGN]
        left = [group.name for group in groups if group.definition.environment.get(POD_UID) == uid]
        if left:
            self._world.api.broken_rules.append(f"pod {uid} was removed while its group {left[0]} is there")

    def _limit_was_kept(self) -> None:
        for request in self._world.simulator.requests.since(self._requests_seen):
            self._requests_seen = request.number
            if request.status == 429 and request.fault is None:
                raise BrokenInvariant(f"request {request.number} went over the platform's limit")

    def _no_group_outlives_its_pod(self) -> None:
        now, pods = monotonic(), self._world.pods()
        orphans = {
            group.name
            for uid, group in self._world.own_groups()
            if uid not in pods or pods[uid]["status"].get("phase") in ("Succeeded", "Failed")
        }
        self._orphaned_since = {name: self._orphaned_since.get(name, now) for name in orphans}
        if self.quiet_since is None:
            return
        for name, since in self._orphaned_since.items():
            if now - max(since, self.quiet_since) > COLLECTED_WITHIN_S:
                raise BrokenInvariant(f"group {name} has outlived its pod for {now - since:.0f} s")

    def _agent_is_sound(self) -> None:
        agent = self._world.agent
        error = agent.unforeseen() if agent is not None else None
        if error is not None:
            raise BrokenInvariant(f"the agent ended with {type(error).__name__}: {error}") from error

    # -- at rest -------------------------------------------------------------------------------------------------

    def unfinished(self) -> str | None:
        """Say what has not come to rest yet; None when all is as it should be at last."""
        pods = self._world.pods()
        for uid, pod in pods.items():
            name = pod["metadata"]["name"]
            if "deletionTimestamp" in pod["metadata"]:
                return f"pod {name} is still being deleted"
            workload = self._world.workloads[uid]
            problem = workload.problem(pod, disturbed=uid in self._world.disturbed)
            if problem is not None and not self._waits_for_somebody(uid):
                return f"pod {name} ({workload}): {problem}"
        for uid, group in self._world.own_groups():
            phase = pods.get(uid, {}).get("status", {}).get("phase")
            if phase in (None, "Succeeded", "Failed"):
                return f"group {group.name} is left of a pod in phase {phase}"
            missing = not_taken_over(pods[uid], group.definition)
            if missing is not None:
                return f"pod {pods[uid]['metadata']['name']}: {missing}"
        return self._node_problem()

    def _waits_for_somebody(self, uid: str) -> bool:
        """Say whether the pod's group was stopped by hand, or its image could not be pulled: nothing mends that."""
        group = next((group for own, group in self._world.own_groups() if own == uid), None)
        unpulled = group is not None and group.status is GroupStatus.FAILED and bool(group.status_description)
        return unpulled or (group is not None and uid in self._world.stopped)

    def _node_problem(self) -> str | None:
        node = self._world.api.objects.get(f"nodes/{NODE}")
        if node is None:
            return "there is no Node"
        conditions = (node.get("status") or {}).get("conditions") or []
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
        return None if ready else "the Node is not ready"

    def remembered(self) -> str | None:
        """Say what the agent still remembers of pods though there are none; None when its memory is empty."""
        agent = self._world.agent
        assert agent is not None
        provider, pods = agent.node.provider, agent.node.kubelet.pods
        memories: dict[str, Any] = {
            "keys of groups": provider._keys,
            "used names": provider._creation._used_names,
            "refused requests": provider._refusals,
            "claims on groups of the Go program": provider._owners._claims,
            "accepted deletes": provider._remover._deleted,
            "vanished pods": pods._vanished,
            "cleared pods": pods._cleared,
            "keys in the queue": pods._queue._ready or pods._queue._timers or pods._queue._failures,
            "events of groups": {name for name in provider._view._events if name not in FOREIGN},
            "instances": {name for name in provider._view._instances if name not in FOREIGN},
            "wanted instances": provider._poller._wanted,
            "groups asked for by name": provider._poller.unlisted._turns,
            "events that pods were told of": provider._watcher._heard,
            "changes that wait": provider._updater._pauses,
            "changes that were sent": provider._updater._sent,
            "deletion costs": provider._deletion_costs._told or provider._deletion_costs._due,
        }
        return next((f"{what}: {memory}" for what, memory in memories.items() if memory), None)
