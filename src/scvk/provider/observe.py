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
    failed              none                no               Pending   Waiting ErrImagePull
    succeeded           none                -                Succeeded Terminated Completed
    any                 none, final exit    -                Succeeded or Failed, by exit code and restart policy
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
from scvk.provider.pod_status import (
    container_name,
    container_status,
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
    """All that is known of a group, from three sources. `instance` is None where it was not asked for."""

    group: ContainerGroup
    events: Sequence[PlatformEvent] = ()
    instance: ContainerGroupInstance | None = None
    instance_at: datetime | None = None


def observe(pod: Pod, evidence: Evidence, *, now: datetime, host_ip: str) -> PodStatus:
    """Return the status that the pod should have. The pod's present status is the memory of what was told before."""
    runs = runs_of(evidence.events)
    story = _Story(pod, evidence, runs, now)
    return pod_status(
        pod,
        phase=story.phase(),
        container=story.container(),
        ready=story.ready(),
        now=now,
        host_ip=host_ip,
        sandbox=story.running or story.has_run,
    )


class _Story:
    """One observation, taken apart: small questions to the evidence, each answered once."""

    def __init__(self, pod: Pod, evidence: Evidence, runs: tuple[Run, ...], now: datetime) -> None:
        self.pod = pod
        self.group = evidence.group
        self.state = evidence.group.current_state
        self.evidence = evidence
        self.now = now
        self.previous = container_status(pod)
        self.told = last_start(self.previous)
        self.new_runs = tuple(r for r in runs if self.told is None or whole_seconds(r.start) > self.told)
        self.last = runs[-1] if runs else None
        self.has_run = self.told is not None or bool(self.new_runs)
        self.policy = (pod.spec.restartPolicy if pod.spec else None) or "Always"
        self.running = self._is_running()
        self.final = None if self.running else self._final_run()

    def _is_running(self) -> bool:
        counts = self.state.instance_status_counts
        if self.state.status in (GroupStatus.PENDING, GroupStatus.STOPPED, GroupStatus.SUCCEEDED, GroupStatus.FAILED):
            return False
        if counts is not None and counts.running_count is not None:
            return counts.running_count > 0
        if self.evidence.instance is not None:
            return self.evidence.instance.state == InstanceState.RUNNING
        return self.last is not None and self.last.end is None

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
            ended = [run for run in self.new_runs[:-1] if run.end is not None]
            if ended:
                kept = ContainerState(terminated=self._terminated(ended[-1]))
            elif self.new_runs and self.previous and self.previous.state and self.previous.state.running:
                kept = ContainerState(terminated=self._unseen_end(self.previous.state.running.startedAt))
            elif self.previous and self.previous.state and self.previous.state.terminated:
                kept = self.previous.state
            return ContainerState(running=ContainerStateRunning(startedAt=began)), kept
        if phase in ("Succeeded", "Failed"):
            return ContainerState(terminated=self._end(phase)), kept
        reason, message = self._waiting()
        if self.last is not None and self.last.end is not None:
            kept = ContainerState(terminated=self._terminated(self.last))
        elif self.previous and self.previous.state and self.previous.state.running:
            kept = ContainerState(terminated=self._unseen_end(self.previous.state.running.startedAt))
        return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message)), kept

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
        return ContainerStateTerminated(
            exitCode=run.exit_code,
            reason=_exit_reason(run),
            message=run.cause,
            startedAt=run.start,
            finishedAt=run.end,
        )

    def _unseen_end(self, began: datetime | None) -> ContainerStateTerminated:
        return unknown_end(began, self.now, "The program stopped running; SaladCloud has not reported why.")

    def _waiting(self) -> tuple[str, str]:
        status, description = self.state.status, self.state.description
        if status == GroupStatus.FAILED:
            return "ErrImagePull", description or "SaladCloud could not pull the image and does not say why."
        if status == GroupStatus.STOPPED:
            return (
                "ContainerGroupStopped",
                "The container group is stopped in SaladCloud: start it there to go on, or delete the pod.",
            )
        if self.has_run:
            ended = self.last if self.last is not None and self.last.end is not None else None
            if ended is not None and ended.exit_code is not None:
                return "CrashLoopBackOff", f"{ended.cause}; SaladCloud starts it again."
            cause = ended.cause if ended is not None else "the instance is gone"
            return "Reallocating", f"{cause}; waiting for another machine."
        return "ContainerCreating", self._progress()

    def _progress(self) -> str:
        if self.state.status == GroupStatus.PENDING:
            return "pulling image into SaladCloud"
        instance = self.evidence.instance
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
        return self._said(lambda run: run.started, lambda instance: instance.started, self._was_started())

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
        probed = [e for e in self.evidence.events if e.kind in _PROBE_EVENTS]
        instance, asked = self.evidence.instance, self.evidence.instance_at
        newest_event = probed[-1].time if probed and self.last is not None and self.last.end is None else None
        if instance is not None and asked is not None and (newest_event is None or asked >= newest_event):
            said = by_instance(instance)
            if said is not None:
                return said
        if newest_event is not None and self.last is not None:
            said = by_run(self.last)
            if said is not None:
                return said
        return before

    def _restarts(self) -> int:
        before = self.previous.restartCount if self.previous else 0
        first = 1 if self.told is None and self.new_runs else 0
        return before + max(0, len(self.new_runs) - first)

    def _container_id(self) -> str:
        instance = self.evidence.instance.id if self.evidence.instance else None
        instance = instance or (self.last.instance_id if self.last and self.last.end is None else "")
        return f"saladcloud://{self.group.id}/{instance}" if instance else f"saladcloud://{self.group.id}"


OUT_OF_MEMORY_EXIT_CODE = 137
_PROBE_EVENTS = frozenset({EventKind.STARTED, EventKind.READY, EventKind.NOT_READY})


def _exit_reason(run: Run) -> str:
    if run.exit_code == 0:
        return "Completed"
    if run.exit_code == OUT_OF_MEMORY_EXIT_CODE and "memory" in run.cause.lower():
        return "OOMKilled"
    if run.cause.startswith("StartFailure"):
        return "StartError"
    return "Error"
