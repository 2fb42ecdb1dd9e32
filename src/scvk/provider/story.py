"""One observation, taken apart: does the program run, which runs has it had, has it ended for good?

What the listing says decides; events add what it does not show. What was told before stands in the pod's own status.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lightkube.models.core_v1 import ContainerStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.status import whole_seconds
from scvk.provider.evidence import Evidence
from scvk.provider.pod_status import UNKNOWN_END, container_status, has_run, last_start
from scvk.provider.timeline import PlatformEvent, Run, runs_of
from scvk.saladcloud.models import GroupStatus, InstanceState

CLOCKS_APART = timedelta(seconds=60)
"""A start that only the listing told has our time; the event that tells it later has the platform's."""


class Story:
    """Small questions to the evidence, each answered once. Made for one look, and never changed.

    `previous` is the container's status as it stands, `told` when the newest run began that was told of. `runs` are
    all known runs, the oldest first, `new_runs` those of them that the status does not have yet.
    """

    def __init__(self, pod: Pod, evidence: Evidence, now: datetime) -> None:
        self.pod = pod
        self.group = evidence.group
        self.state = evidence.group.current_state
        self.evidence = evidence
        self.now = now
        self.previous = container_status(pod)
        self.told = last_start(self.previous)
        self.policy = (pod.spec.restartPolicy if pod.spec else None) or "Always"
        runs = known_runs(evidence.events, self.previous)
        self.instance = evidence.fresh_instance()
        self.running = self._is_running(runs)
        if not self.running and runs and runs[-1].end is None and self._is_new(runs[-1]):
            runs = runs[:-1]  # begun by the events, not yet by the listing: it is told of when both agree
        self.runs = runs
        self.new_runs = tuple(run for run in runs if self._is_new(run))
        self.last = runs[-1] if runs else None
        self.has_run = has_run(pod) or bool(self.new_runs)
        self.final = None if self.running else self._final_run()

    @property
    def present(self) -> Run | None:
        """The run that has begun and not ended, by the events."""
        return self.last if self.last is not None and self.last.end is None else None

    @property
    def ended(self) -> Run | None:
        """The newest run, where it has ended."""
        return self.last if self.last is not None and self.last.end is not None else None

    def phase(self) -> str:
        """Return the phase of the pod."""
        if self.running:
            return "Running"
        if self.final is not None:
            return "Succeeded" if self.final.exit_code == 0 else "Failed"
        if self.state.status == GroupStatus.SUCCEEDED and self.policy != "Always":
            return "Succeeded"
        if self.ended_by_platform():
            return "Failed"
        return "Running" if self.has_run else "Pending"

    def ended_by_platform(self) -> bool:
        """Say whether the platform gave the group up, and no exit of the program explains it."""
        failed = self.state.status == GroupStatus.FAILED and self.has_run and self.policy == "Never"
        return failed and not self.running and self.final is None

    def restarts(self) -> int:
        """Return how often the program was started again."""
        before = self.previous.restartCount if self.previous else 0
        first = 1 if self.told is None and self.new_runs else 0
        return before + max(0, len(self.new_runs) - first)

    def _is_new(self, run: Run) -> bool:
        return self.told is None or whole_seconds(run.start) > self.told

    def _is_running(self, runs: tuple[Run, ...]) -> bool:
        counts = self.state.instance_status_counts
        if self.state.status in (GroupStatus.PENDING, GroupStatus.STOPPED, GroupStatus.SUCCEEDED, GroupStatus.FAILED):
            return False
        if counts is not None and counts.running_count is not None:
            return counts.running_count > 0
        if self.instance is not None:
            return self.instance.state == InstanceState.RUNNING
        return bool(runs) and runs[-1].end is None

    def _final_run(self) -> Run | None:
        """Return the run whose end is the end of the pod, by the restart policy; None where it goes on."""
        last = self.last
        if last is None or last.end is None or last.exit_code is None:
            return None
        if self.policy == "Never" or (self.policy == "OnFailure" and last.exit_code == 0):
            return last
        return None


def known_runs(events: Sequence[PlatformEvent], previous: ContainerStatus | None) -> tuple[Run, ...]:
    """Return the runs by the events and by what was told: events that began before they were read are not there."""
    runs = runs_of(events)
    start = last_start(previous)
    if previous is None or start is None:
        return runs
    for run in runs:
        if whole_seconds(run.start) <= start and (run.end is None or run.end >= start - CLOCKS_APART):
            return runs  # the run that was told of is among them
    for state in (previous.state, previous.lastState):
        if state and state.running and state.running.startedAt:
            return runs_of(events, Run(start, ""), start + CLOCKS_APART)
        if state and state.terminated and state.terminated.startedAt:
            end = state.terminated
            if end.reason == UNKNOWN_END or end.finishedAt is None:  # the events may still tell
                return runs_of(events, Run(start, ""), end.finishedAt or start)
            return runs_of(events, Run(start, "", end=end.finishedAt, exit_code=end.exitCode, cause=end.message or ""))
    return runs
