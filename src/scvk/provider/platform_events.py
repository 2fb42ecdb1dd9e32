"""What SaladCloud reports of a pod's instance, as events on the pod: machines that come and go, probes that fail.

Starts and ends of the program are told from the pod's status (`transitions`), which also knows those that the platform
never reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.provider import PodEvent
from scvk.provider.pod_status import container_name
from scvk.provider.timeline import PlatformEvent
from scvk.saladcloud.models import ContainerGroup

TOLD_WITHIN = timedelta(minutes=30)
"""Older ones are not told. An API server keeps Events for an hour: so long, what an earlier agent told is known."""

_PROBE_FAILED = re.compile(r"Instance Interrupted \((Liveness|Startup) Probe Failure\)", re.IGNORECASE)
_WORDING: tuple[tuple[re.Pattern[str], str, bool, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason, warning, words)
    for pattern, reason, warning, words in (
        (r"Instance Allocated\b", "Allocated", False, "Allocated machine {machine}"),
        (
            r"Instance Interrupted\b",
            "Interrupted",
            True,
            "{text}, on machine {machine}: SaladCloud looks for another one, and runs the program again there",
        ),
        (
            r"Instance Reallocated\b",
            "Reallocated",
            False,
            "{text}, from machine {machine}: the program is run again on another one",
        ),
        (r"Instance Recreated\b", "Recreated", False, "{text}: the container is made anew on machine {machine}"),
        (r"Instance Restarted\b", "Restarted", False, "{text}: the program is started again on machine {machine}"),
    )
)
"""Wording, reason, whether it is a warning, and the words for people."""


def events_of(pod: Pod, group: ContainerGroup, news: Iterable[PlatformEvent], now: datetime) -> tuple[PodEvent, ...]:
    """Return what to tell of events that were just heard of: none from before the group, none that are long over."""
    return tuple(
        told
        for event in news
        if now - event.time <= TOLD_WITHIN and (group.create_time is None or event.time >= group.create_time)
        for told in _words_for(event, container_name(pod))
    )


def _words_for(event: PlatformEvent, container: str) -> Iterable[PodEvent]:
    probe = _PROBE_FAILED.match(event.text)
    if probe is not None:
        kind = probe[1].capitalize()
        yield PodEvent("Unhealthy", f"{kind} probe failed", warning=True, at=event.time)
        yield PodEvent(
            "Killing", f"Container {container} failed {kind.lower()} probe, will be restarted", at=event.time
        )
        return
    for pattern, reason, warning, words in _WORDING:
        if pattern.match(event.text):
            text = words.format(text=event.text, machine=event.machine_id or "(not named)")
            yield PodEvent(reason, text, warning, event.time)
            return
