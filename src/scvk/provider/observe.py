"""From a container group to the whole status of its pod: a pure function.

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

`story` takes the evidence apart, `ends`, `probe_results` and `waiting` say what it means for the container.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lightkube.models.core_v1 import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateWaiting,
    ContainerStatus,
    PodStatus,
)
from lightkube.resources.core_v1 import Pod

from scvk.provider.container_id import container_id
from scvk.provider.disruption import disrupted
from scvk.provider.ends import end_before, end_while_waiting, failed_init, final_end, told_end
from scvk.provider.evidence import Evidence
from scvk.provider.granted import granted
from scvk.provider.pod_status import pod_status
from scvk.provider.probe_results import is_ready, is_started
from scvk.provider.running import running
from scvk.provider.story import Story
from scvk.provider.timeline import Run
from scvk.provider.waiting import why_it_waits


def observe(pod: Pod, evidence: Evidence, *, now: datetime, host_ip: str) -> PodStatus:
    """Return the status that the pod should have. The pod's present status is the memory of what was told before."""
    story = Story(pod, evidence, now)
    status = pod_status(
        pod,
        phase=story.phase(),
        container=_container(story),
        ready=is_ready(story),
        now=now,
        host_ip=host_ip,
        sandbox=story.running or story.has_run,
        failed_init=failed_init(story),
    )
    return disrupted(status, "SaladCloud gave the container group up") if story.ended_by_platform() else status


@dataclass(frozen=True, slots=True)
class LastEnd:
    """The newest end of the program. `final`: the pod ends with it. `told`: the pod's status has it already."""

    run: Run
    final: bool
    told: bool


def awaits_word(pod: Pod, evidence: Evidence, *, now: datetime) -> bool:
    """Say whether the group has failed just now, and an event may yet tell how its program ended."""
    return Story(pod, evidence, now).awaits_word


def last_end(pod: Pod, evidence: Evidence, *, now: datetime) -> LastEnd | None:
    """Return the end whose log may be worth reading; None where the program runs, or did not exit."""
    story = Story(pod, evidence, now)
    last = story.ended
    if story.running or last is None or last.exit_code is None:
        return None
    return LastEnd(last, story.final is not None, told_end(story, last) is not None)


def _container(story: Story) -> ContainerStatus:
    main = running(story.pod).main
    state, last_state = _states(story)
    return ContainerStatus(
        name=main.name,
        image=main.image or "",
        imageID=story.group.container.hash or "",
        containerID=container_id(story),
        ready=is_ready(story),
        started=is_started(story),
        restartCount=story.restarts(),
        state=state,
        lastState=last_state,
        resources=granted(main, story.group.container.resources),
    )


def _states(story: Story) -> tuple[ContainerState, ContainerState | None]:
    phase = story.phase()
    if story.running:
        return ContainerState(running=ContainerStateRunning(startedAt=story.began())), end_before(story)
    if phase in ("Succeeded", "Failed"):
        kept = story.previous.lastState if story.previous else None
        return ContainerState(terminated=final_end(story, phase)), kept
    reason, message = why_it_waits(story)
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message)), end_while_waiting(story)
