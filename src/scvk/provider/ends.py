"""How a run of the program ended, as a container's status tells it: exit code, reason, message and times."""

from __future__ import annotations

from datetime import datetime

from lightkube.models.core_v1 import ContainerState, ContainerStateTerminated

from scvk.kubelet.status import whole_seconds
from scvk.provider.container_id import container_id
from scvk.provider.last_words import CREATE_ERROR, FailedInit, failed_init_of
from scvk.provider.pod_status import UNKNOWN_END, unknown_end
from scvk.provider.story import Story
from scvk.provider.timeline import UPDATED, Run

OUT_OF_MEMORY_EXIT_CODE = 137
UNSEEN_END = "The program stopped running; SaladCloud has not reported why."
END_BY_UPDATE = f"The program ended, since {UPDATED}."


def how_it_ended(story: Story, run: Run, exit_code: int) -> tuple[str, str]:
    """Return the reason and the message of an exit, with what its log told where that is known."""
    said = story.evidence.words.get(run.end) if run.end else None
    if said is None:
        told = told_end(story, run)
        if told is not None and told.reason and told.exitCode == exit_code:
            return told.reason, told.message or run.cause  # what a log once told is not forgotten
        return _exit_reason(run), run.cause
    if said.never_ran:
        return CREATE_ERROR, said.failure
    return _exit_reason(run), said.failure or said.message or run.cause


def told_end(story: Story, run: Run) -> ContainerStateTerminated | None:
    """Return the end as the pod's status has it, None where it does not."""
    for state in (story.previous.state, story.previous.lastState) if story.previous else ():
        ended = state.terminated if state else None
        if ended is not None and run.end is not None and ended.finishedAt == whole_seconds(run.end):
            return ended
    return None


def seen_gone(story: Story, run: Run) -> datetime | None:
    """Return when the run was first told to be over where only the listing had shown it; None where it was not told."""
    for state in (story.previous.state, story.previous.lastState) if story.previous else ():
        ended = state.terminated if state else None
        if ended is not None and ended.reason == UNKNOWN_END and ended.startedAt == whole_seconds(run.start):
            return ended.finishedAt
    return None


def failed_init(story: Story) -> FailedInit | None:
    """Return the init container that keeps the program from starting, by the newest end."""
    ended = story.ended
    if story.running or ended is None or ended.exit_code is None:
        return None
    return failed_init_of(how_it_ended(story, ended, ended.exit_code)[1])


def final_end(story: Story, phase: str) -> ContainerStateTerminated:
    """Return the end that is the end of the pod, which is in `phase` by now."""
    if story.final is not None:
        return _terminated(story, story.final)
    if phase == "Succeeded":
        return ContainerStateTerminated(
            exitCode=0,
            reason="Completed",
            startedAt=story.told,
            finishedAt=story.now,
            containerID=container_id(story),
        )
    words = story.state.description or "SaladCloud ended the container group and did not say how."
    began = story.new_runs[-1].start if story.new_runs else story.told
    return unknown_end(began, story.now, words, container_id(story))


def end_while_waiting(story: Story) -> ContainerState | None:
    """Return the last state of a container that waits to be started again, or for the first time."""
    if story.ended is not None:
        return ContainerState(terminated=_terminated(story, story.ended))
    was = story.previous.state.running if story.previous and story.previous.state else None
    if was is not None:
        return ContainerState(terminated=_unseen_end(story, was.startedAt))
    return story.previous.lastState if story.previous else None


def end_before(story: Story) -> ContainerState | None:
    """Return the last state of a container that runs: how the run before the present one ended."""
    kept = story.previous.lastState if story.previous else None
    before = story.runs[-2] if len(story.runs) > 1 else None
    if before is not None and before.end is not None:
        known = kept.terminated if kept else None
        return ContainerState(terminated=_terminated(story, before)) if _tells_more(before, known) else kept
    was = story.previous.state if story.previous else None
    if story.new_runs and was and was.running:
        return ContainerState(terminated=_unseen_end(story, was.running.startedAt))
    return was if was and was.terminated else kept


def _terminated(story: Story, run: Run) -> ContainerStateTerminated:
    identity = container_id(story, run)
    if run.exit_code is None:
        words = f"{run.cause}; SaladCloud does not report how the program ended."
        # The start of the next run bounds an end that nothing else tells: what was seen before it was nearer.
        end = min((time for time in (seen_gone(story, run), run.end) if time is not None), default=None)
        return unknown_end(run.start, end, END_BY_UPDATE if run.cause == UPDATED else words, identity)
    reason, message = how_it_ended(story, run, run.exit_code)
    return ContainerStateTerminated(
        exitCode=run.exit_code,
        reason=reason,
        message=message,
        startedAt=run.start,
        finishedAt=run.end,
        containerID=identity,
    )


def _unseen_end(story: Story, began: datetime | None) -> ContainerStateTerminated:
    words = END_BY_UPDATE if story.updating else UNSEEN_END
    return unknown_end(began, story.now, words, story.previous.containerID if story.previous else None)


def _tells_more(run: Run, known: ContainerStateTerminated | None) -> bool:
    """Say whether an ended run is newer than the end that was told, or tells better how the same run ended."""
    if known is None or run.end is None or known.finishedAt is None:
        return True
    if known.startedAt != whole_seconds(run.start):
        return whole_seconds(run.end) > known.finishedAt
    return known.reason == UNKNOWN_END and (run.exit_code is not None or whole_seconds(run.end) < known.finishedAt)


def _exit_reason(run: Run) -> str:
    if run.exit_code == 0:
        return "Completed"
    if run.exit_code == OUT_OF_MEMORY_EXIT_CODE and "memory" in run.cause.lower():
        return "OOMKilled"
    if run.cause.startswith("StartFailure"):
        return "StartError"
    return "Error"
