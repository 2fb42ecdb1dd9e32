"""Why a container waits: the reason, and words for people that follow the progress.

The words change with every step that people care for, and no oftener: each change costs a write of the pod's status.
Minutes are shown one by one up to ten, then in fives, after an hour in halves of it; percentages come from the
instances that are asked for, which the request budget keeps few.
"""

from __future__ import annotations

from datetime import datetime

from scvk.provider.ends import how_it_ended, seen_gone
from scvk.provider.last_words import CREATE_ERROR, failed_init_of
from scvk.provider.story import Story
from scvk.provider.timeline import UPDATED, EventKind
from scvk.saladcloud.models import GroupStatus, InstanceState

CREATING = "ContainerCreating"
IMAGE_ERROR = "ErrImagePull"
BACK_OFF = "CrashLoopBackOff"
REALLOCATING = "Reallocating"
STOPPED = "ContainerGroupStopped"
GROUP_FAILED = "ContainerGroupFailed"

PULLING = "pulling image into SaladCloud"
WAITING_FOR_MACHINE = "waiting for a machine"
DOWNLOADING = "downloading"
STARTING = "starting"


def why_it_waits(story: Story) -> tuple[str, str]:
    """Return the reason and the message of a container that neither runs nor has ended for good."""
    status, description = story.state.status, story.state.description
    if status == GroupStatus.FAILED:
        if description:
            return IMAGE_ERROR, description
        # Not the image, for all we know: a program that ended at once is listed before its events are heard.
        return (
            GROUP_FAILED,
            "SaladCloud says that the container group failed, and so far not why: its portal may tell more.",
        )
    if status == GroupStatus.STOPPED:
        return STOPPED, "The container group is stopped in SaladCloud: start it there to go on, or delete the pod."
    if not story.has_run or status == GroupStatus.PENDING:
        return CREATING, _progress(story)
    if story.updating:
        return CREATING, f"{UPDATED}; {_progress_elsewhere(story)}"
    ended = story.ended
    if ended is not None and ended.exit_code is not None:
        reason, message = how_it_ended(story, ended, ended.exit_code)
        if reason == CREATE_ERROR:
            return CREATE_ERROR, f"{message}; SaladCloud starts it again."
        cause = message if failed_init_of(message) else ended.cause
        return BACK_OFF, f"{cause}; SaladCloud starts it again."
    cause = ended.cause if ended is not None else "the instance is gone"
    return REALLOCATING, f"{cause}; {_progress_elsewhere(story)}."


def waited_for(since: datetime | None, now: datetime) -> str:
    """Return how long something takes already, in steps that grow with the time; "" below a minute, or unknown."""
    minutes = int((now - since).total_seconds() // 60) if since is not None else 0
    if minutes < 1:
        return ""
    if minutes < 60:
        return f": {minutes if minutes < 10 else minutes // 5 * 5} min"
    hours, half = divmod(minutes // 30, 2)
    return f": {hours} h{' 30 min' if half else ''}"


def _progress_elsewhere(story: Story) -> str:
    progress = _progress(story)
    if progress.startswith(WAITING_FOR_MACHINE):
        return progress.replace(" a ", " another ", 1)
    return f"another machine: {progress}"


def _progress(story: Story) -> str:
    if story.state.status == GroupStatus.PENDING:
        return PULLING
    instance = story.instance
    if instance is not None and instance.state == InstanceState.DOWNLOADING:
        percent = instance.pulling_progress
        return DOWNLOADING if percent is None else f"{DOWNLOADING} {percent:.0f} %"
    if instance is not None and instance.state == InstanceState.CREATING:
        return STARTING
    step = story.evidence.last_progress()
    if step is not None:
        # A machine that was found goes on to download: the platform has no state in between.
        return DOWNLOADING if step.text in ("Instance Allocated", "Instance Downloading") else STARTING
    counts = story.state.instance_status_counts
    if counts is not None and counts.creating_count:
        return STARTING
    return WAITING_FOR_MACHINE + waited_for(_waits_since(story), story.now)


def _waits_since(story: Story) -> datetime | None:
    """Return since when there is no machine: the program's last end, else the start of the group; None if unknown."""
    if story.present is not None:
        return seen_gone(story, story.present)  # no event tells of its end: its start is no time of waiting
    turn = story.evidence.last_turn()
    if turn is not None:
        return turn.time
    if story.ended is not None:
        return story.ended.end
    for event in reversed(story.evidence.events):
        if event.kind is EventKind.GROUP and "Started" in event.text:
            return event.time
    # The document wants a time in every answer: one before the group was made says nothing.
    began, made = story.state.start_time, story.group.create_time
    return began if began is not None and made is not None and began >= made else None
