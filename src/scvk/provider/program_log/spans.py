"""Which part of a group's log belongs to which run of the program: pure functions of the pod's status and the events.

One group has one stream of lines, for all its runs on all its machines. A run's part begins where the run before it
ended, so that no line is lost to clocks that differ; of times that only the status tells, in whole seconds, the start
of the run itself may lie nearer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lightkube.models.core_v1 import ContainerState, ContainerStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.log_source import LogRequest, NoLog
from scvk.provider.pod_status import UNKNOWN_END, container_status
from scvk.provider.running import running
from scvk.provider.story import known_runs
from scvk.provider.timeline import PlatformEvent, Run

WHOLE_SECOND = timedelta(seconds=1)
CLOCKS_APART = timedelta(seconds=10)
"""Lines of a run may have times so much after its end: the machine's clock is not the platform's."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start`; to `end`, or to now where it is None."""

    start: datetime
    end: datetime | None = None


def span_of(pod: Pod, events: Sequence[PlatformEvent], request: LogRequest) -> Span:
    """Return what to show. Raises NoLog, in a kubelet's words where it has some."""
    assert pod.metadata is not None
    _check_container(pod, request.container)
    status = container_status(pod)
    runs = [*known_runs(events, status)]
    before = _told_before(status)
    if before is not None and not any(run.end is not None and run.start < before.start + WHOLE_SECOND for run in runs):
        runs = [before, *runs]
    shown = len(runs) - 1
    if request.previous:
        waits = status is not None and status.state is not None and status.state.waiting is not None
        shown = shown if waits else shown - 1
        if shown < 0 or runs[shown].end is None:
            raise NoLog(f'previous terminated container "{request.container}" in pod "{pod.metadata.name}" not found')
    if shown < 0:
        raise NoLog(_why_not(pod, status, request.container))
    earlier = runs[shown - 1] if shown > 0 else None
    # Nothing is older than the pod: its group has its UID in its name.
    made = pod.metadata.creationTimestamp or runs[shown].start
    begins = _after(earlier, runs[shown]) if earlier is not None else made
    later = shown < len(runs) - 1
    end = runs[shown].end
    if end is None:
        return Span(begins)
    whole = end.microsecond == 0
    if later:
        return Span(begins, min(end + WHOLE_SECOND, runs[shown + 1].start) if whole else end)
    return Span(begins, end + CLOCKS_APART)


def ended_since(status: ContainerStatus | None, began: datetime | None) -> datetime | None:
    """Return when the run that `began` (as the status tells it) exited; None while it goes on.

    An instance that was taken away is no exit: the program goes on elsewhere.
    """
    for state in (status.state, status.lastState) if status else ():
        ended = state.terminated if state else None
        if ended is None or ended.reason == UNKNOWN_END or ended.finishedAt is None:
            continue
        # An event may tell an earlier start of the same run than the listing did: then its end is what tells it apart.
        if began is None or (ended.startedAt or ended.finishedAt) >= began or ended.finishedAt > began:
            return ended.finishedAt
    return None


def _check_container(pod: Pod, name: str) -> None:
    runs = running(pod)
    if name == runs.main.name:
        return
    if any(each.name == name for each in runs.init):
        raise NoLog(
            f'init container "{name}" runs in the container "{runs.main.name}", before its program: '
            f"its lines are in that one's log"
        )
    raise NoLog(f'container "{name}" is not run on SaladCloud: of this pod, only "{runs.main.name}" is')


def _why_not(pod: Pod, status: ContainerStatus | None, container: str) -> str:
    assert pod.metadata is not None
    waiting = status.state.waiting if status and status.state else None
    reason = (waiting.reason if waiting else None) or "ContainerCreating"
    message = f" ({waiting.message})" if waiting and waiting.message else ""
    return f'container "{container}" in pod "{pod.metadata.name}" is waiting to start: {reason}{message}'


def _told_before(status: ContainerStatus | None) -> Run | None:
    """Return the run before the newest, by the status."""
    state: ContainerState | None = status.lastState if status and status.state and not status.state.waiting else None
    ended = state.terminated if state else None
    if ended is None or ended.startedAt is None or ended.finishedAt is None:
        return None
    return Run(ended.startedAt, "", end=ended.finishedAt, exit_code=ended.exitCode)


def _after(earlier: Run, run: Run) -> datetime:
    """Return where the part of `run` begins: where the earlier one ended, exactly if the events tell it."""
    assert earlier.end is not None
    if earlier.end.microsecond:
        return earlier.end
    return max(earlier.end, min(earlier.end + WHOLE_SECOND, run.start))
