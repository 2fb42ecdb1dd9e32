"""The pods of one node, kept up to date: list, then watch, and list again whenever the watch is in doubt.

The informer owns its loop: any failure means list again and compare, so that a change that was missed is found. It
tells only *which* pods changed; what to do is decided from the newest state (level-triggered).
"""

from __future__ import annotations

import asyncio
import random as random_module
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import structlog
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.backoff import Backoff
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ResourceVersionGone
from scvk.kubelet.provider import PodIdentity, PodKey

WATCH_SECONDS = 120
"""The server ends each watch after this long; with the grace on top, the longest time a dead connection can hide."""

SHORTEST_WATCH_S = 1.0
"""A proxy that ends every watch at once must not turn the loop into a flood of requests."""

log = structlog.get_logger(__name__)


class PodHandler(Protocol):
    """Who is told of changes; neither method may block."""

    def changed(self, key: PodKey) -> None:
        """Say that the pod at `key` appeared or changed."""
        ...

    def vanished(self, pod: Pod) -> None:
        """Say that this very pod (by UID) is no longer in the API; `pod` is its last known state."""
        ...


def key_of(pod: Pod) -> PodKey:
    """Return the pod's key; pods from the API always have both parts."""
    metadata = pod.metadata
    assert metadata is not None
    return PodKey(metadata.namespace or "default", metadata.name or "")


def uid_of(pod: Pod) -> str:
    """Return the pod's UID."""
    assert pod.metadata is not None
    return pod.metadata.uid or ""


def identity_of(pod: Pod) -> PodIdentity:
    """Return which pod this is, for ever."""
    return PodIdentity(key_of(pod), uid_of(pod))


class PodInformer:
    """The newest known state of every pod bound to `node`."""

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        handler: PodHandler,
        *,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._cluster = cluster
        self._selector = f"spec.nodeName={node}"
        self._handler = handler
        self._random = random
        self._pods: dict[PodKey, Pod] = {}
        self._ahead_of_watch: set[PodKey] = set()
        """Pods whose known state was learned, and not seen in the watch yet."""
        self.synced = asyncio.Event()
        """Set once the first full list has been taken: before it, a missing pod means nothing."""
        self.failing_since: float | None = None
        """When watching began to fail, by the loop's clock; None while it works."""

    def get(self, key: PodKey) -> Pod | None:
        """Return the newest known pod at `key`."""
        return self._pods.get(key)

    def pods(self) -> tuple[Pod, ...]:
        """Return all pods now."""
        return tuple(self._pods.values())

    def learn(self, pod: Pod) -> None:
        """Take over a newer state that a write of ours returned, so that the next sync does not see an older one.

        That write is no change to anybody; what others changed before it, and it brought along, still is one (see
        `_store`).
        """
        key = key_of(pod)
        known = self._pods.get(key)
        if known is not None and uid_of(known) == uid_of(pod) and _is_older(known, pod):
            self._pods[key] = pod
            self._ahead_of_watch.add(key)

    async def run(self) -> None:
        """Keep up to date until cancelled; failures of the API are logged and tried again with backoff."""
        backoff = Backoff(first=0.5, cap=15.0)
        failures = 0
        version: str | None = None
        while True:
            try:
                if version is None:
                    version = await self._list()
                    self.synced.set()
                    self.failing_since = None
                started = asyncio.get_running_loop().time()
                async for newer in self._changes(version):
                    version, failures = newer, 0
                if asyncio.get_running_loop().time() - started < SHORTEST_WATCH_S:
                    await asyncio.sleep(SHORTEST_WATCH_S)
            except Exception as error:  # noqa: BLE001 - whatever it is, a node must not go blind for it
                failures += 1
                version = None
                if self.failing_since is None:
                    self.failing_since = asyncio.get_running_loop().time()
                delay = backoff.delay(failures, self._random)
                # A version that is too old is everyday life; a server that says so for ever must not be flooded either.
                level = "info" if isinstance(error, ResourceVersionGone) else "warning"
                text = str(error) if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"
                getattr(log, level)("watching pods ended; listing again", error=text, retry_in_s=round(delay, 1))
                await asyncio.sleep(delay)

    async def _list(self) -> str:
        before = dict(self._pods)
        listing = await self._cluster.list(Pod, field_selector=self._selector)
        unreadable = {PodKey(namespace, name) for namespace, name in listing.unreadable}
        for key in sorted(unreadable):
            log.error("a pod cannot be read and is left as it is", pod=str(key))
        current = {key_of(pod): pod for pod in listing.items}
        for key in [key for key in self._pods if key not in current and key not in unreadable]:
            self._remove(self._pods[key])
        for key, pod in current.items():
            # A list is newer than all that was known when it was asked for, even where its versions are lower: those of
            # a cluster restored from a backup start again. What `learn` brought meanwhile is compared.
            self._store(pod, newer=self._pods.get(key) is before.get(key))
        return listing.resource_version

    async def _changes(self, version: str) -> AsyncIterator[str]:
        """Apply one watch's events; yield the version up to which everything is known after each."""
        watch = self._cluster.watch(
            Pod,
            field_selector=self._selector,
            resource_version=version,
            server_timeout_s=WATCH_SECONDS,
        )
        async for event in watch:
            match event.type, event.object:
                case "DELETED", Pod() as pod:
                    known = self._pods.get(key_of(pod))
                    if known is None or uid_of(known) == uid_of(pod):
                        self._remove(pod)
                case "ADDED" | "MODIFIED", Pod() as pod:
                    self._store(pod)
                case _:
                    pass  # a bookmark only moves the version
            yield event.resource_version or version

    def _store(self, pod: Pod, *, newer: bool = False) -> None:
        key = key_of(pod)
        known = self._pods.get(key)
        ahead = key in self._ahead_of_watch
        if known is not None and uid_of(known) != uid_of(pod):
            self._handler.vanished(known)
        elif known is not None and not newer and _is_older(pod, known):
            # Somebody's change that a write of ours already brought along: nobody was told of it then.
            self._handler.changed(key)
            return
        elif known is not None and _same_version(known, pod):
            self._ahead_of_watch.discard(key)
            if ahead and newer:  # a list: changes before ours may have gone by unseen
                self._handler.changed(key)
            return
        self._ahead_of_watch.discard(key)
        self._pods[key] = pod
        self._handler.changed(key)

    def _remove(self, pod: Pod) -> None:
        self._pods.pop(key_of(pod), None)
        self._ahead_of_watch.discard(key_of(pod))
        self._handler.vanished(pod)


def _same_version(one: Pod, other: Pod) -> bool:
    assert one.metadata is not None
    assert other.metadata is not None
    return bool(one.metadata.resourceVersion) and one.metadata.resourceVersion == other.metadata.resourceVersion


def _is_older(one: Pod, other: Pod) -> bool:
    """Say whether `one` is surely older: versions of one object compare as numbers (KEP-5504) where they are such."""
    assert one.metadata is not None
    assert other.metadata is not None
    mine, yours = one.metadata.resourceVersion or "", other.metadata.resourceVersion or ""
    return mine.isdecimal() and yours.isdecimal() and int(mine) < int(yours)
