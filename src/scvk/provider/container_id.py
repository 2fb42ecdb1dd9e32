"""The id of a container: the group's, and the instance's where it is known.

As a kubelet has it, a container that waits to be started again keeps the id of its last run.
"""

from __future__ import annotations

from scvk.provider.story import Story
from scvk.provider.timeline import Run

SCHEME = "saladcloud://"


def container_id(story: Story, run: Run | None = None) -> str | None:
    """Return the id of one run, or, without one, of what the container's status is about now; None before any run."""
    told = story.previous.containerID if story.previous else None
    if run is not None and run.instance_id:
        return f"{SCHEME}{story.group.id}/{run.instance_id}"
    if run is not None or not story.running:
        ended = story.ended
        if run is None and ended is not None and ended.instance_id:
            return f"{SCHEME}{story.group.id}/{ended.instance_id}"
        return told or (f"{SCHEME}{story.group.id}" if story.has_run else None)
    instance = (story.instance.id if story.instance else None) or (story.present.instance_id if story.present else "")
    if instance:
        return f"{SCHEME}{story.group.id}/{instance}"
    ran = bool(story.previous and story.previous.state and story.previous.state.running)
    return (told if ran and not story.new_runs else None) or f"{SCHEME}{story.group.id}"
