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

_OVER = (GroupStatus.STOPPED, GroupStatus.SUCCEEDED, GroupStatus.FAILED)

CLOCKS_APART = timedelta(seconds=60)
"""A start that only the listing told has our time; the event that tells it later has the platform's."""

WORD_OF_AN_END = timedelta(seconds=30)
"""So long after a group has failed the event that says how is waited for: the listing often shows the failure first."""

LISTINGS_LAG = timedelta(seconds=60)
"""So long after an end a listing may still show the program as running."""


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
        self.final = self._final_run(runs)
        if self.final is not None:
            # Whatever the platform made of it since, the pod has ended: its group goes, and no later run counts.
            self.running, runs = False, runs[: runs.index(self.final) + 1]
        if not self.running and runs and self._is_to_come(runs[-1]):
            runs = runs[:-1]  # begun by the events, not yet by the listing: it is told of when both agree
        self.runs = runs
        self.new_runs = tuple(run for run in runs if self._is_new(run))
        self.last = runs[-1] if runs else None
        self.has_run = has_run(pod) or bool(self.new_runs)
        self.unheard_start = self.running and not self.new_runs and self.told is not None and _waits(self.previous)
        """Whether the program runs again, and no event has told of that start, or of any since."""

    @property
    def present(self) -> Run | None:
        """The run that has begun and not ended, by the events."""
        return self.last if self.last is not None and self.last.end is None else None

    @property
    def ended(self) -> Run | None:
        """The newest run, where it has ended."""
        return self.last if self.last is not None and self.last.end is not None else None

    @property
    def updating(self) -> bool:
        """Whether the program does not run since its group was changed, and comes back as the group is now."""
        if self.running or not self.has_run or self.state.status in _OVER:
            return False
        return self.last.updated if self.last is not None else bool(self.group.pending_change)

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
        """Say whether the platform gave the group up, and no exit of the program explains it.

        A failure without a description after a start is none of the image's: the program ran, and nothing was heard.
        One with a description, of a group that was changed, is that of an image that could not be pulled for it.
        """
        if self.state.description and (self.group.version or 1) > 1:
            return False
        began, finished = self.state.start_time, self.state.finish_time
        deployed = began is not None and finished is not None and began <= finished and not self.state.description
        ran = self.has_run or deployed
        failed = self.state.status == GroupStatus.FAILED and ran and self.policy == "Never"
        return failed and not self.running and self.final is None and not self.awaits_word

    @property
    def awaits_word(self) -> bool:
        """Say whether the group has failed just now, and an event may yet tell how its program ended."""
        finished = self.state.finish_time
        unexplained = self.last is None or self.last.end is None
        return (
            self.state.status == GroupStatus.FAILED
            and unexplained
            and finished is not None
            and abs(self.now - finished) < WORD_OF_AN_END  # a clock that is far off must not make it wait for hours
        )

    def restarts(self) -> int:
        """Return how often the program was started again."""
        before = self.previous.restartCount if self.previous else 0
        first = 1 if self.told is None and self.new_runs else 0
        return before + max(0, len(self.new_runs) - first) + self.unheard_start

    def began(self) -> datetime:
        """Return when the run began that goes on."""
        if self.new_runs:
            return self.new_runs[-1].start
        return self.now if self.unheard_start or self.told is None else self.told

    def _is_to_come(self, run: Run) -> bool:
        """Say whether the listing is older than a run without an end; a group that is over says when it finished."""
        finished = self.state.finish_time if self.state.status in _OVER else None
        ran = finished is not None and finished >= run.start
        return run.end is None and self._is_new(run) and not ran

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

    def _final_run(self, runs: tuple[Run, ...]) -> Run | None:
        """Return the run whose end is the end of the pod, by the restart policy; None where it goes on.

        A program that the listing still shows as running may have been listed before its end was heard of; it has been
        run again, against its policy, where another start is known, or the listing goes on to show it.
        """
        for run in runs:
            if run.end is None or run.exit_code is None:
                continue
            if run.updated and (run is not runs[-1] or self.state.status not in _OVER):
                continue  # a kubelet, too, starts a changed container again whatever the policy
            if self.policy == "Never" or (self.policy == "OnFailure" and run.exit_code == 0):
                again = run is not runs[-1] or self.now - run.end >= LISTINGS_LAG
                return run if again or not self.running else None
        return None


def _waits(status: ContainerStatus | None) -> bool:
    return bool(status and status.state and status.state.waiting)


def known_runs(events: Sequence[PlatformEvent], previous: ContainerStatus | None) -> tuple[Run, ...]:
    """Return the runs by the events and by what was told: events that began before they were read are not there."""
    runs = runs_of(events)
    start = last_start(previous)
    if previous is None or start is None:
        return runs
    last = previous.lastState.terminated if previous.lastState else None
    for run in runs:
        if whole_seconds(run.start) > start or (run.end is not None and run.end < start - CLOCKS_APART):
            continue
        if run.end is not None and run.end < start and last and last.finishedAt == whole_seconds(run.end):
            continue  # its end was told, and another start after it
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
