"""Tells the kubelet what pods use: the usage book, read pod by pod. Implements the capability `UsageSource`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from lightkube.models.core_v1 import ContainerStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.usage_source import PodUsage, Usage, UsageSample
from scvk.provider.running import running
from scvk.provider.usage.book import UsageBook
from scvk.provider.usage.life import Life

READ_LATELY_S = 120.0
"""Whoever reads more seldom is content with what the sweep over instances finds."""


class UsageReader:
    """`group_of` returns the name of a pod's group, None where it has none."""

    def __init__(
        self,
        book: UsageBook,
        group_of: Callable[[Pod], str | None],
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._book = book
        self._group_of = group_of
        self._now = now
        self._monotonic = monotonic
        self._read_at = float("-inf")

    @property
    def is_read(self) -> bool:
        """Say whether somebody has read lately."""
        return self._monotonic() - self._read_at <= READ_LATELY_S

    def usage(self, pods: Sequence[Pod], /) -> Usage:
        """Return what is known. See the protocol."""
        self._read_at = self._monotonic()
        now = self._now().timestamp()
        known = [
            usage
            for pod in pods
            if (group := self._group_of(pod)) is not None
            and (life := self._book.life(group, now)) is not None
            and (usage := pod_usage(pod, life)) is not None
        ]
        total = self._book.total(now)
        cores = [pod.sample.cores for pod in known if pod.sample.cores is not None]
        together = UsageSample(total.at, total.cpu_s, total.memory_bytes, sum(cores) if cores else None)
        return Usage(together, tuple(sorted(known, key=lambda each: (each.namespace, each.name))))


def pod_usage(pod: Pod, life: Life) -> PodUsage | None:
    """Return what a pod uses by the life of its group's program; None where the figures are not those of what runs."""
    container = running(pod).main
    status = _status_of(pod, container.name)
    state = status.state.running if status is not None and status.state is not None else None
    if status is None or state is None:
        return None
    newest = life.newest
    # After a restart the pod's status and the figures may tell of it at different times: whoever takes a rate must see
    # a start between the last sample of one run and the first of the next.
    starts = [each for each in (_unix(state.startedAt), life.after) if each is not None]
    started = max(starts, default=None)
    if started is not None and started >= newest.at:
        return None
    key = key_of(pod)
    return PodUsage(
        key.namespace,
        key.name,
        uid_of(pod),
        container.name,
        UsageSample(newest.at, newest.cpu_s, newest.memory_bytes, life.cores),
        _unix(pod.status.startTime if pod.status else None),
        started,
        status.image,
        status.containerID or "",
    )


def _status_of(pod: Pod, container: str) -> ContainerStatus | None:
    statuses = (pod.status.containerStatuses if pod.status else None) or []
    return next((each for each in statuses if each.name == container), None)


def _unix(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment is not None else None
