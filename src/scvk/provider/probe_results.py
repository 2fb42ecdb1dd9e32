"""What is known of a running program's probes: has it started, is it ready? Never better than the platform says."""

from __future__ import annotations

from collections.abc import Callable

from scvk.provider.pod_status import probes
from scvk.provider.story import Story
from scvk.provider.timeline import EventKind, Run
from scvk.saladcloud.models import ContainerGroupInstance

_PROBE_EVENTS = frozenset({EventKind.STARTED, EventKind.READY, EventKind.NOT_READY})


def is_started(story: Story) -> bool:
    """Say whether the program runs and has passed its startup probe, where it has one."""
    if not story.running:
        return False
    if not probes(story.pod).startup:
        return True
    before = bool(story.previous and story.previous.started and not story.new_runs)
    return _said(story, lambda run: run.started or None, lambda instance: instance.started, before)


def is_ready(story: Story) -> bool:
    """Say whether the program has started and passes its readiness probe, where it has one."""
    if not is_started(story):
        return False
    if not probes(story.pod).readiness:
        return True
    before = bool(story.previous and story.previous.ready and not story.new_runs)
    return _said(story, lambda run: run.ready, lambda instance: instance.ready, before)


def _said(
    story: Story,
    by_run: Callable[[Run], bool | None],
    by_instance: Callable[[ContainerGroupInstance], bool | None],
    before: bool,
) -> bool:
    """Return what the newest source says; `before`, what was told, where none says anything."""
    present = story.present
    heard = [e for e in story.evidence.events if e.kind in _PROBE_EVENTS and present and e.time >= present.start]
    asked = story.evidence.instance_at
    said: bool | None = None
    if story.instance is not None and asked is not None and all(asked >= e.time for e in heard):
        said = by_instance(story.instance)
    if said is None and present is not None and heard:
        said = by_run(present)
    if said is None:
        # Where events tell that the run has ended, what was told of it does not hold for the next.
        said = before and (present is not None or story.last is None)
    return said
