"""Tells what a pod's group does: a thin shell around `observe` that knows what is worth asking for, and when again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.provider import Observation, PodEvent
from scvk.provider.cloud_view import CloudView
from scvk.provider.end_reader import End, EndReader
from scvk.provider.evidence import Evidence
from scvk.provider.gateway import gateway_annotations
from scvk.provider.image_pull import pulled_in_s
from scvk.provider.last_words import wish_of
from scvk.provider.observe import LastEnd, awaits_word, last_end, observe
from scvk.provider.platform_events import events_of
from scvk.provider.pod_status import has_probes
from scvk.provider.poller import Poller
from scvk.provider.progress import instance_pause
from scvk.provider.running import running
from scvk.provider.timeline import PlatformEvent
from scvk.provider.transitions import events_between
from scvk.saladcloud.models import ContainerGroup

LOG_AGAIN_S = 2.0
"""How soon the log of an end is read again that may still be on its way."""
WORD_AGAIN_S = 10.0
"""How soon a group is looked at again that failed, and no event says why."""


class Watcher:
    """Costs at most one request for a call: the log of an end, where that may tell something."""

    def __init__(
        self, view: CloudView, poller: Poller, ends: EndReader, *, host_ip: str, now: Callable[[], datetime]
    ) -> None:
        self._view = view
        self._poller = poller
        self._ends = ends
        self._host_ip = host_ip
        self._now = now
        self._heard: dict[str, Sequence[PlatformEvent]] = {}
        """Events of each group that the pod was told of: a memory that may be lost, Events are counted by time."""

    async def observe(self, pod: Pod, group: ContainerGroup) -> Observation:
        """Return the status of the pod whose group this is, and when to look again without a change."""
        evidence = self._evidence(group)
        end = last_end(pod, evidence, now=self._now())
        awaited = end is not None and not await self._read_end(pod, group, end)
        if awaited and end is not None and end.final:
            return Observation(None, again_in=LOG_AGAIN_S)  # a pod that has ended is never told of again
        evidence = replace(evidence, words=self._ends.known(group.name))
        status = observe(pod, evidence, now=self._now(), host_ip=self._host_ip)
        ready = any(entry.ready for entry in status.containerStatuses or [])
        pause: float | None = None
        if status.phase in ("Pending", "Running") and not ready:
            pause = self._want_instance(group, evidence.instance_at, probes=has_probes(pod))
        if pause is None:
            self._poller.want_no_instance(group.name)
        word = WORD_AGAIN_S if awaits_word(pod, evidence, now=self._now()) else None
        again = [each for each in (pause, LOG_AGAIN_S if awaited else None, word) if each is not None]
        return Observation(
            status,
            gateway_annotations(group),
            (*self._news(pod, evidence), *events_between(pod, status, pulled_in_s=pulled_in_s(group, self._now()))),
            again_in=min(again, default=None),
        )

    def forget(self, group: str) -> None:
        """Drop what is remembered of a group that is gone."""
        self._ends.forget(group)
        self._heard.pop(group, None)

    def forget_unheard_of(self) -> None:
        """Drop what is remembered of groups of which the view of the cloud has heard nothing for long.

        Not every pod can tell at its end which group it had: its record may have been taken away.
        """
        for group in [name for name in (*self._heard, *self._ends.groups) if not self._view.remembers(name)]:
            self.forget(group)

    def _news(self, pod: Pod, evidence: Evidence) -> tuple[PodEvent, ...]:
        """Return what the platform reported since the last look."""
        name = evidence.group.name
        heard = self._heard.get(name, ())
        if heard is evidence.events:
            return ()
        self._heard[name] = evidence.events
        known = frozenset(heard)
        news = [event for event in evidence.events if event not in known]
        return events_of(pod, evidence.group, news, self._now())

    def _evidence(self, group: ContainerGroup) -> Evidence:
        asked = self._view.instance(group.name)
        return Evidence(group, self._view.events(group.name), asked[1] if asked else None, asked[0] if asked else None)

    async def _read_end(self, pod: Pod, group: ContainerGroup, end: LastEnd) -> bool:
        """Read the log of an end where it may tell something; return whether all that may come is there."""
        if end.told and not self._ends.awaits(group.name, end.run.end):
            return True
        container = running(pod).main
        annotations = (pod.metadata.annotations if pod.metadata else None) or {}
        wish = wish_of(container, group, annotations, end.run.exit_code or 0)
        return wish is None or await self._ends.read(End(group.name, end.run, end.final), container, wish)

    def _want_instance(self, group: ContainerGroup, asked: datetime | None, *, probes: bool) -> float | None:
        """Let the poller ask for what the listing does not tell; return when to look again."""
        pause = instance_pause(group, probes=probes)
        if pause is not None and (asked is None or (self._now() - asked).total_seconds() >= pause):
            self._poller.want_instance(group.name)
        return pause
