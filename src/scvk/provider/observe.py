"""From a container group to the whole status of its pod: a pure function, and the words for people with it.

What the listing says (status and counts) decides; events add times, exit codes and causes; the instance, where it was
asked for, adds readiness and progress. What was told before stands in the pod's own status, so that nothing has to
be remembered. A pod is never told better than it is: not known to be ready is not ready.

    group status        instances running   has run before   phase     container
    pending             -                   no               Pending   Waiting ContainerCreating (image is pulled)
    deploying, running  none                no               Pending   Waiting ContainerCreating (machine, start)
    deploying, running  none                yes              Running   Waiting CrashLoopBackOff or Reallocating
    running             one                 -                Running   Running
    stopped             none                -                as it is  Waiting ContainerGroupStopped
    failed              none                no               Pending   Waiting ErrImagePull, in the platform's words;
                                                                       ContainerGroupFailed where it gives none
    succeeded           none                -                Succeeded Terminated Completed
    any                 none, final exit    -                Succeeded or Failed, by exit code and restart policy
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lightkube.models.core_v1 import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    PodStatus,
)
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.status import whole_seconds
from scvk.provider.last_words import CREATE_ERROR, FailedInit, LastWords, failed_init_of
from scvk.provider.pod_status import (
    UNKNOWN_END,
    container_name,
    container_status,
    has_run,
    image,
    last_start,
    pod_status,
    probes,
    unknown_end,
)
from scvk.provider.timeline import EventKind, PlatformEvent, Run, runs_of
from scvk.saladcloud.models import ContainerGroup, ContainerGroupInstance, GroupStatus, InstanceState


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a group, from four sources. `instance` is None where it was not asked for.

    `words` is what logs told of ends of the program, by their time; see `last_words`.
    """

    group: ContainerGroup
    events: Sequence[PlatformEvent] = ()
    instance: ContainerGroupInstance | None = None
    instance_at: datetime | None = None
    words: Mapping[datetime, LastWords] = field(default_factory=dict)


def observe(pod: Pod, evidence: Evidence, *, now: datetime, host_ip: str) -> PodStatus:
    """Return the status that the pod should have. The pod's present status is the memory of what was told before."""
    story = _Story(pod, evidence, now)
    return pod_status(
        pod,
        phase=story.phase(),
        container=story.container(),
        ready=story.ready(),
        now=now,
        host_ip=host_ip,
        sandbox=story.running or story.has_run,
        failed_init=story.failed_init(),
    )


@dataclass(frozen=True, slots=True)
class LastEnd:
    """The newest end of the program. `final`: the pod ends with it. `told`: the pod's status has it already."""

    run: Run
    final: bool
    told: bool


def last_end(pod: Pod, evidence: Evidence, *, now: datetime) -> LastEnd | None:
    """Return the end whose log may be worth reading; None where the program runs, or did not exit."""
    story = _Story(pod, evidence, now)
    last = story.last
    if story.running or last is None or last.end is None or last.exit_code is None:
        return None
    return LastEnd(last, story.final is not None, story.told_end(last) is not None)


class _Story:
    """One observation, taken apart: small questions to the evidence, each answered once."""

    def __init__(self, pod: Pod, evidence: Evidence, now: datetime) -> None:
        self.pod = pod
        self.group = evidence.group
        self.state = evidence.group.current_state
        self.evidence = evidence
        self.now = now
        self.previous = container_status(pod)
        self.told = last_start(self.previous)
        self.policy = (pod.spec.restartPolicy if pod.spec else None) or "Always"
        runs = _runs(evidence.events, self.previous)
        self.instance = self._fresh_instance()
        self.running = self._is_running(runs)
        if not self.running and runs and runs[-1].end is None and self._is_new(runs[-1]):
            runs = runs[:-1]  # begun by the events, not yet by the listing: it is told of when both agree
        self.runs = runs
        self.new_runs = tuple(run for run in runs if self._is_new(run))
        self.last = runs[-1] if runs else None
        self.has_run = has_run(pod) or bool(self.new_runs)
        self.final = None if self.running else self._final_run()

    def _is_new(self, run: Run) -> bool:
        return self.told is None or whole_seconds(run.start) > self.told

    def _fresh_instance(self) -> ContainerGroupInstance | None:
        """Return the instance if it was asked for after the program last came or went: an older answer is over."""
        asked = self.evidence.instance_at
        turns = [event.time for event in self.evidence.events if event.kind in _TURNING_EVENTS]
        return self.evidence.instance if asked is not None and all(asked >= turn for turn in turns[-1:]) else None

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

    def phase(self) -> str:
        if self.running:
            return "Running"
        if self.final is not None:
            return "Succeeded" if self.final.exit_code == 0 else "Failed"
        if self.state.status == GroupStatus.SUCCEEDED and self.policy != "Always":
            return "Succeeded"
        if self.state.status == GroupStatus.FAILED and self.has_run and self.policy == "Never":
            return "Failed"
        return "Running" if self.has_run else "Pending"

    def container(self) -> ContainerStatus:
        state, last_state = self._states()
        started = self._started()
        return ContainerStatus(
            name=container_name(self.pod),
            image=image(self.pod),
            imageID=self.group.container.hash or "",
            containerID=self._container_id() if self.running else None,
            ready=self.ready(),
            started=started,
            restartCount=self._restarts(),
            state=state,
            lastState=last_state,
        )

    def _states(self) -> tuple[ContainerState, ContainerState | None]:
        phase = self.phase()
        kept = self.previous.lastState if self.previous else None
        if self.running:
            began = self.new_runs[-1].start if self.new_runs else self.told or self.now
            return ContainerState(running=ContainerStateRunning(startedAt=began)), self._end_before(kept)
        if phase in ("Succeeded", "Failed"):
            return ContainerState(terminated=self._end(phase)), kept
        reason, message = self._waiting()
        if self.last is not None and self.last.end is not None:
            kept = ContainerState(terminated=self._terminated(self.last))
        elif self.previous and self.previous.state and self.previous.state.running:
            kept = ContainerState(terminated=self._unseen_end(self.previous.state.running.startedAt))
        return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message)), kept

    def _end_before(self, kept: ContainerState | None) -> ContainerState | None:
        """Return the end of the run before the present one."""
        before = self.runs[-2] if len(self.runs) > 1 else None
        if before is not None and before.end is not None:
            known = kept.terminated if kept else None
            return ContainerState(terminated=self._terminated(before)) if _tells_more(before, known) else kept
        was = self.previous.state if self.previous else None
        if self.new_runs and was and was.running:
            return ContainerState(terminated=self._unseen_end(was.running.startedAt))
        return was if was and was.terminated else kept

    def _end(self, phase: str) -> ContainerStateTerminated:
        if self.final is not None:
            return self._terminated(self.final)
        if phase == "Succeeded":
            return ContainerStateTerminated(exitCode=0, reason="Completed", startedAt=self.told, finishedAt=self.now)
        words = self.state.description or "SaladCloud ended the container group and did not say how."
        return unknown_end(self.told, self.now, words)

    def _terminated(self, run: Run) -> ContainerStateTerminated:
        if run.exit_code is None:
            words = f"{run.cause}; SaladCloud does not report how the program ended."
            return unknown_end(run.start, run.end, words)
        reason, message = self._how_it_ended(run, run.exit_code)
        return ContainerStateTerminated(
            exitCode=run.exit_code,
            reason=reason,
            message=message,
            startedAt=run.start,
            finishedAt=run.end,
        )

    def _how_it_ended(self, run: Run, exit_code: int) -> tuple[str, str]:
        said = self.evidence.words.get(run.end) if run.end else None
        if said is None:
            told = self.told_end(run)
            if told is not None and told.reason and told.exitCode == exit_code:
                return told.reason, told.message or run.cause  # what a log once told is not forgotten
            return _exit_reason(run), run.cause
        if said.never_ran:
            return CREATE_ERROR, said.failure
        return _exit_reason(run), said.failure or said.message or run.cause

    def told_end(self, run: Run) -> ContainerStateTerminated | None:
        """Return the end as the pod's status has it, None where it does not."""
        for state in (self.previous.state, self.previous.lastState) if self.previous else ():
            ended = state.terminated if state else None
            if ended is not None and run.end is not None and ended.finishedAt == whole_seconds(run.end):
                return ended
        return None

    def failed_init(self) -> FailedInit | None:
        """Return the init container that keeps the program from starting, by the newest end."""
        ended = self.last if self.last is not None and self.last.end is not None else None
        if self.running or ended is None or ended.exit_code is None:
            return None
        return failed_init_of(self._how_it_ended(ended, ended.exit_code)[1])

    def _unseen_end(self, began: datetime | None) -> ContainerStateTerminated:
        return unknown_end(began, self.now, "The program stopped running; SaladCloud has not reported why.")

    def _waiting(self) -> tuple[str, str]:
        status, description = self.state.status, self.state.description
        if status == GroupStatus.FAILED:
            if description:
                return "ErrImagePull", description
            # Not the image, for all we know: a program that ended at once is listed before its events are heard.
            return (
                "ContainerGroupFailed",
                "SaladCloud says that the container group failed, and so far not why: its portal may tell more.",
            )
        if status == GroupStatus.STOPPED:
            return (
                "ContainerGroupStopped",
                "The container group is stopped in SaladCloud: start it there to go on, or delete the pod.",
            )
        if self.has_run:
            ended = self.last if self.last is not None and self.last.end is not None else None
            if ended is not None and ended.exit_code is not None:
                reason, message = self._how_it_ended(ended, ended.exit_code)
                if reason == CREATE_ERROR:
                    return CREATE_ERROR, f"{message}; SaladCloud starts it again."
                cause = message if failed_init_of(message) else ended.cause
                return "CrashLoopBackOff", f"{cause}; SaladCloud starts it again."
            cause = ended.cause if ended is not None else "the instance is gone"
            return "Reallocating", f"{cause}; waiting for another machine."
        return "ContainerCreating", self._progress()

    def _progress(self) -> str:
        if self.state.status == GroupStatus.PENDING:
            return "pulling image into SaladCloud"
        instance = self.instance
        if instance is not None and instance.state == InstanceState.DOWNLOADING:
            percent = instance.pulling_progress
            return "downloading" if percent is None else f"downloading {percent:.0f} %"
        if instance is not None and instance.state == InstanceState.CREATING:
            return "starting"
        last = next((e for e in reversed(self.evidence.events) if e.kind is EventKind.PROGRESS), None)
        counts = self.state.instance_status_counts
        if last is not None and last.text != "Instance Allocated":
            return {"Instance Downloading": "downloading"}.get(last.text, "starting")
        if counts is not None and counts.creating_count:
            return "starting"
        return "waiting for a machine"

    def _started(self) -> bool:
        if not self.running:
            return False
        if not probes(self.pod).startup:
            return True
        return self._said(lambda run: run.started or None, lambda instance: instance.started, self._was_started())

    def ready(self) -> bool:
        if not self.running or not self._started():
            return False
        if not probes(self.pod).readiness:
            return True
        return self._said(
            lambda run: run.ready,
            lambda instance: instance.ready,
            bool(self.previous and self.previous.ready and not self.new_runs),
        )

    def _was_started(self) -> bool:
        return bool(self.previous and self.previous.started and not self.new_runs)

    def _said(
        self,
        by_run: Callable[[Run], bool | None],
        by_instance: Callable[[ContainerGroupInstance], bool | None],
        before: bool,
    ) -> bool:
        """Return what the newest source says; `before`, what was told, where none says anything."""
        present = self.last if self.last is not None and self.last.end is None else None
        probes_of_it = [
            e for e in self.evidence.events if e.kind in _PROBE_EVENTS and present and e.time >= present.start
        ]
        asked = self.evidence.instance_at
        said: bool | None = None
        if self.instance is not None and asked is not None and all(asked >= e.time for e in probes_of_it):
            said = by_instance(self.instance)
        if said is None and present is not None and probes_of_it:
            said = by_run(present)
        if said is None:
            # Where events tell that the run has ended, what was told of it does not hold for the next.
            said = before and (present is not None or self.last is None)
        return said

    def _restarts(self) -> int:
        before = self.previous.restartCount if self.previous else 0
        first = 1 if self.told is None and self.new_runs else 0
        return before + max(0, len(self.new_runs) - first)

    def _container_id(self) -> str:
        instance = self.instance.id if self.instance else None
        instance = instance or (self.last.instance_id if self.last and self.last.end is None else "")
        if instance:
            return f"saladcloud://{self.group.id}/{instance}"
        told = self.previous.containerID if self.previous and not self.new_runs else None
        return told or f"saladcloud://{self.group.id}"


OUT_OF_MEMORY_EXIT_CODE = 137
CLOCKS_APART = timedelta(seconds=60)
"""A start that only the listing told has our time; the event that tells it later has the platform's."""
_TURNING_EVENTS = frozenset({EventKind.RUNNING, EventKind.EXITED, EventKind.START_FAILED, EventKind.MOVED})
_PROBE_EVENTS = frozenset({EventKind.STARTED, EventKind.READY, EventKind.NOT_READY})


def _tells_more(run: Run, known: ContainerStateTerminated | None) -> bool:
    """Say whether an ended run is newer than the end that was told, or tells better how the same run ended."""
    if known is None or run.end is None or known.finishedAt is None:
        return True
    if known.startedAt != whole_seconds(run.start):
        return whole_seconds(run.end) > known.finishedAt
    return known.reason == UNKNOWN_END and (run.exit_code is not None or whole_seconds(run.end) < known.finishedAt)


def _runs(events: Sequence[PlatformEvent], previous: ContainerStatus | None) -> tuple[Run, ...]:
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


def _exit_reason(run: Run) -> str:
    if run.exit_code == 0:
        return "Completed"
    if run.exit_code == OUT_OF_MEMORY_EXIT_CODE and "memory" in run.cause.lower():
        return "OOMKilled"
    if run.cause.startswith("StartFailure"):
        return "StartError"
    return "Error"
