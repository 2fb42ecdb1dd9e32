"""The platform's events of one group, read from log entries or system logs, folded into runs of its program.

Events are hints: they come late, twice, out of order or not at all. What they add up to is compared with the listing,
never trusted against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from itertools import groupby

from scvk.saladcloud.models import LogEntry, ResourceType

KEPT_EVENTS = 200
"""Events kept per group; a crash loop makes about five for each restart."""


class EventKind(Enum):
    """What an event means for the program of the group."""

    PROGRESS = auto()
    """On its way: allocated, downloading, creating, starting."""
    RUNNING = auto()
    EXITED = auto()
    START_FAILED = auto()
    MOVED = auto()
    """The instance was taken away or is made anew: interrupted, reallocated, recreated, restarted."""
    STARTED = auto()
    """The startup probe passed."""
    READY = auto()
    NOT_READY = auto()
    GROUP = auto()
    """About the group: started, stopped, updated."""
    OTHER = auto()


@dataclass(frozen=True, slots=True, order=True)
class PlatformEvent:
    """One event; `text` is the platform's own wording, `exit_code` is given for EXITED only."""

    time: datetime
    text: str
    instance_id: str = ""
    machine_id: str = ""

    @property
    def kind(self) -> EventKind:
        """Return what the wording means; words never seen before are OTHER."""
        return _kind_of(self.text)

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of an EXITED event."""
        found = _EXIT.match(self.text)
        return int(found.group(1)) if found else None


UPDATED = "the container group was updated"
_UPDATE = re.compile(r"Container Group Updated\b", re.IGNORECASE)
_EXIT = re.compile(r"Instance Exited:\s*(-?\d+)")
_WORDING: tuple[tuple[re.Pattern[str], EventKind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"Instance Exited:\s*-?\d+", EventKind.EXITED),
        (r"StartFailure", EventKind.START_FAILED),
        (r"Instance Startup Probe Passed", EventKind.STARTED),
        (r"Instance Ready\b", EventKind.READY),
        (r"Instance Not Ready\b", EventKind.NOT_READY),
        (r"Instance Running\b", EventKind.RUNNING),
        (r"Instance (Interrupted|Reallocated|Recreated|Restarted)\b", EventKind.MOVED),
        (r"Instance (Allocated|Downloading|Creating|Starting)\b", EventKind.PROGRESS),
        (r"Container Group\b|Desired Replica Count", EventKind.GROUP),
    )
)


@lru_cache(maxsize=4096)
def _kind_of(text: str) -> EventKind:
    return next((kind for pattern, kind in _WORDING if pattern.match(text)), EventKind.OTHER)


def event_of(entry: LogEntry) -> tuple[str, PlatformEvent] | None:
    """Return the group's name and the event of a log entry; None for output of programs and nameless entries."""
    if entry.resource.type not in (ResourceType.INSTANCE_CONTROLLER, ResourceType.DEPLOYMENT_CONTROLLER):
        return None
    labels = entry.resource.labels
    group = labels.get("container_group_name")
    if not group or entry.text_log is None:
        return None
    event = PlatformEvent(
        entry.time, entry.text_log.strip(), labels.get("instance_id") or "", labels.get("machine_id") or ""
    )
    return group, event


def merged(known: Sequence[PlatformEvent], new: Iterable[PlatformEvent]) -> tuple[PlatformEvent, ...]:
    """Return all events in order of time, each once, the newest KEPT_EVENTS of them."""
    return tuple(sorted({*known, *new}))[-KEPT_EVENTS:]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program: from `Instance Running` to whatever ended it. `end` None: nothing ended it so far.

    `exit_code` None with an `end`: it did not exit, its instance was taken away; `cause` has the platform's words.
    `updated`: the group was changed while it ran, so that it has to end for a new one, whatever its exit code says.
    """

    start: datetime
    instance_id: str
    machine_id: str = ""
    end: datetime | None = None
    exit_code: int | None = None
    cause: str = ""
    started: bool = False
    ready: bool | None = None
    updated: bool = False


def runs_of(
    events: Sequence[PlatformEvent], told: Run | None = None, told_until: datetime | None = None
) -> tuple[Run, ...]:
    """Fold a group's events, in order of time, into its runs.

    A program that exits before the platform says `Running`, or fails to start, is a run too: it starts where its
    start was last announced.

    `told` is a run known from elsewhere that the events do not show the start of, in whole seconds: it takes its place
    among them, and a `Running` before `told_until` is its own, not another's.
    """
    runs: list[Run] = []
    announced: datetime | None = None
    over = told.end if told is not None else None
    for event in _in_order(events):
        if told is not None and event.time >= told.start:
            runs.append(told)
            told, announced = None, None
        if runs and told is None and over is not None and event.time.replace(microsecond=0) <= over:
            continue  # of the run that was told of, to its end
        current = runs[-1] if runs and runs[-1].end is None else None
        match event.kind:
            case EventKind.PROGRESS:
                announced = event.time
            case EventKind.RUNNING if current and told_until and event.time < told_until and not current.instance_id:
                runs[-1] = replace(current, instance_id=event.instance_id, machine_id=event.machine_id)
            case EventKind.RUNNING:
                if current is not None:
                    cause = UPDATED if current.updated else "the platform started the program again"
                    runs[-1] = _ended(current, event.time, None, cause)
                runs.append(Run(event.time, event.instance_id, event.machine_id))
            case EventKind.EXITED | EventKind.START_FAILED:
                code = event.exit_code if event.kind is EventKind.EXITED else START_FAILURE_EXIT_CODE
                if current is None and announced is None and runs and _is_known_end(runs[-1], event):
                    continue
                if current is None:
                    current = Run(announced or event.time, event.instance_id, event.machine_id)
                    runs.append(current)
                runs[-1] = _ended(current, event.time, code, event.text)
                announced = None
            case EventKind.MOVED:
                if current is not None:
                    runs[-1] = _ended(current, event.time, None, event.text)
                announced = None
            case EventKind.STARTED | EventKind.READY | EventKind.NOT_READY:
                if current is not None:
                    runs[-1] = _probed(current, event.kind)
            case EventKind.GROUP if current is not None and _UPDATE.match(event.text):
                runs[-1] = replace(current, updated=True)
            case EventKind.GROUP | EventKind.OTHER:
                pass
    return (*runs, told) if told is not None else tuple(runs)


def _is_known_end(run: Run, event: PlatformEvent) -> bool:
    """Say whether an exit after which nothing was started says again how `run` ended.

    That is so when it was told of already, and when the instance was taken away: what kills the program then is no
    exit of its own.
    """
    assert run.end is not None
    return run.exit_code is None or event.time.replace(microsecond=0) <= run.end.replace(microsecond=0)


_ENDS = (EventKind.EXITED, EventKind.START_FAILED, EventKind.MOVED)
_ONE_LIFE = (
    EventKind.GROUP,  # what is done to the group comes before what follows from it
    EventKind.PROGRESS,
    EventKind.RUNNING,
    EventKind.STARTED,
    EventKind.NOT_READY,
    EventKind.READY,
    EventKind.EXITED,
    EventKind.START_FAILED,
    EventKind.MOVED,
)


def _in_order(events: Sequence[PlatformEvent]) -> Iterator[PlatformEvent]:
    """Yield the events as they must have happened: those of one time stamp as a run's life goes."""
    runs = False
    for _, together in groupby(events, key=lambda event: event.time):
        alike = [(event, event.kind) for event in together]
        alike.sort(key=lambda each: _ONE_LIFE.index(each[1]) if each[1] in _ONE_LIFE else len(_ONE_LIFE))
        if runs:  # what runs ends before the next begins
            alike.sort(key=lambda each: each[1] not in _ENDS and each[1] is not EventKind.GROUP)
        for event, kind in alike:
            runs = kind is EventKind.RUNNING or (runs and kind not in _ENDS)
            yield event


START_FAILURE_EXIT_CODE = 128
"""What Kubernetes' runtimes report for a program that could not be started (containerd's StartError)."""


def _ended(run: Run, end: datetime, code: int | None, cause: str) -> Run:
    return replace(run, end=end, exit_code=code, cause=cause, ready=False)


def _probed(run: Run, kind: EventKind) -> Run:
    started = run.started or kind in (EventKind.STARTED, EventKind.READY)
    return replace(run, started=started, ready=run.ready if kind is EventKind.STARTED else kind is EventKind.READY)
