"""The sync loop of pods: one step for one pod, started by any change and by time, decided from the newest state.

    pod is gone from the API      → the provider removes what is left of it
    pod is being deleted          → the provider removes; when nothing can be left, the pod goes with grace period 0
    pod has finished              → the provider removes; the pod stays as it ended
    pod is past its deadline      → the provider removes; when nothing can be left, the pod has failed
    else                          → the provider syncs; annotations, events and status are written

INVARIANT: a pod object is deleted only after the provider is certain that nothing is left of it in the cloud. A pod
that goes earlier takes with it the only thing that would remind us of a machine that costs money.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from datetime import datetime

import structlog
from lightkube.models.core_v1 import PodStatus
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.cluster import MERGE, STRATEGIC_MERGE, Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectConflict, ObjectNotFound, ObjectRejected
from scvk.kubelet.cluster_inputs import InputsUnavailable
from scvk.kubelet.deadline import DEADLINE_EXCEEDED, MESSAGE, exceeded_status, seconds_left
from scvk.kubelet.events import EventRecorder, pod_subject
from scvk.kubelet.informer import PodInformer, identity_of, key_of, uid_of
from scvk.kubelet.inputs import InputSource, MissingInput
from scvk.kubelet.leaving import Permission
from scvk.kubelet.pending_status import waits_for_inputs
from scvk.kubelet.pod_address import with_pod_ip
from scvk.kubelet.provider import (
    PodEvent,
    PodKey,
    Provider,
    Removal,
    TemporaryProviderError,
)
from scvk.kubelet.readiness import with_readiness_gates
from scvk.kubelet.status import is_finished, status_patch, stopped_status
from scvk.kubelet.workqueue import WorkQueue

WORKERS = 16
"""Pods worked on side by side; the cloud's own request budget is what really bounds the work."""

log = structlog.get_logger(__name__)


class PodController:
    """Works on the pods of one node. Told of changes as the informer's handler; `run` does the work."""

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        inputs: InputSource,
        events: EventRecorder,
        *,
        host_ip: str,
        pod_ip: str | None = None,
        may_act: Permission,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._provider = provider
        self._inputs = inputs
        self._events = events
        self._host_ip = host_ip
        self._pod_ip = pod_ip
        self._may_act = may_act
        self._now = now
        self._queue: WorkQueue[PodKey] = WorkQueue()
        self._vanished: dict[PodKey, dict[str, Pod]] = {}
        self._cleared: set[str] = set()
        """UIDs of finished pods of which nothing is left."""
        self.informer: PodInformer | None = None

    def changed(self, key: PodKey) -> None:
        """Queue the pod."""
        self._queue.add(key)

    def vanished(self, pod: Pod) -> None:
        """Queue the removal of what may be left of a pod that is no longer in the API."""
        self._vanished.setdefault(key_of(pod), {})[uid_of(pod)] = pod
        self._cleared.discard(uid_of(pod))
        self._queue.add(key_of(pod))

    async def run(self, informer: PodInformer) -> None:
        """Work until cancelled."""
        self.informer = informer
        await informer.synced.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_changes())
            for _ in range(WORKERS):
                group.create_task(self._queue.run(self.sync, failed=self._failed))

    async def sync(self, key: PodKey) -> None:
        """Do one step for whatever stands, or stood, at `key`."""
        await self._may_act.wait()
        failure: TemporaryProviderError | None = None
        for pod in tuple(self._vanished.get(key, {}).values()):
            try:
                await self._remove_vanished(key, pod)
            except TemporaryProviderError as error:
                failure = error  # what is left of a predecessor must not keep its successor from running
        assert self.informer is not None
        current = self.informer.get(key)
        if current is not None:
            await self._sync_present(key, current)
        if failure is not None:
            raise failure

    async def _sync_present(self, key: PodKey, current: Pod) -> None:
        assert current.metadata is not None
        if current.metadata.deletionTimestamp is not None:
            await self._remove_deleted(key, current)
        elif is_finished(current.status):
            await self._remove_finished(key, current)
        elif (left := seconds_left(current, self._now())) is not None and left <= 0:
            await self._end_at_deadline(key, current)
        else:
            await self._run(key, current)
            self._await_deadline(key)

    async def _follow_changes(self) -> None:
        async for key in self._provider.changes():
            pod = self.informer.get(key) if self.informer is not None else None
            if pod is not None:
                # Something of it is there after all: a create that was lost can come through late.
                self._cleared.discard(uid_of(pod))
            self._queue.add(key)

    def _failed(self, key: PodKey, error: Exception) -> float | None:
        if isinstance(error, MissingInput):
            log.info("pod: waits for what it refers to; looking again", pod=str(key), missing=str(error))
            return None
        if isinstance(error, TemporaryProviderError):
            log.warning("pod: trying again", pod=str(key), error=str(error))
            return error.retry_after
        if isinstance(error, ObjectNotFound | ObjectConflict):
            log.info("pod: it changed meanwhile; looking again", pod=str(key), error=str(error))
            return None
        # Nothing that we foresaw: where it was raised is what a bug report needs.
        places = [] if isinstance(error, ClusterError) else traceback.extract_tb(error.__traceback__)[-3:]
        where = {"at": " > ".join(f"{place.name}:{place.lineno}" for place in places)} if places else {}
        text = f"{type(error).__name__}: {error}"
        log.error("pod: a step failed; trying again", pod=str(key), error=text, **where)
        return None

    async def _run(self, key: PodKey, pod: Pod) -> None:
        try:
            observation = await self._provider.sync(pod, self._inputs)
        except MissingInput as error:
            for missing in error.missing:
                self._say(pod, PodEvent(missing.event_reason, missing.message, warning=True))
            await self._write_status(pod, waits_for_inputs(pod, error, now=self._now(), host_ip=self._host_ip))
            raise
        except TemporaryProviderError as error:
            # Said on the pod too while nothing runs: who waits must see what for. The recorder keeps it from repeating.
            if pod.status is None or pod.status.phase in (None, "Pending"):
                reason = error.event_reason if isinstance(error, InputsUnavailable) else "SaladCloudUnavailable"
                self._say(pod, PodEvent(reason, str(error), warning=True))
            raise
        if observation.annotations:
            pod = await self._annotate(pod, dict(observation.annotations))
        for event in observation.events:
            self._say(pod, event)
        if observation.status is not None:
            await self._write_status(pod, with_readiness_gates(pod, observation.status))
            if is_finished(observation.status):
                self._queue.add(key)  # nobody else tells us of our own write
        if observation.again_in is not None:
            self._queue.add_after(key, observation.again_in)

    def _await_deadline(self, key: PodKey) -> None:
        # Read anew: the step may have been what gave the pod its start time.
        pod = self.informer.get(key) if self.informer is not None else None
        left = seconds_left(pod, self._now()) if pod is not None else None
        if left is not None:
            self._queue.add_after(key, left)

    async def _end_at_deadline(self, key: PodKey, pod: Pod) -> None:
        removal = await self._remove(pod)
        if not removal.certain:
            self._queue.add_after(key, removal.again_in or 5.0)
            return
        status = exceeded_status(pod, self._now())
        if status is not None:
            self._say(pod, PodEvent(DEADLINE_EXCEEDED, MESSAGE))
            await self._write_status(pod, status)

    async def _remove_deleted(self, key: PodKey, pod: Pod) -> None:
        removal = await self._remove(pod)
        if not removal.certain:
            self._queue.add_after(key, removal.again_in or 5.0)
            return
        stopped = stopped_status(pod, self._now())
        try:
            if stopped is not None:
                await self._write_status(pod, stopped)
        except ObjectRejected as error:
            # A status that the API server does not take must not keep the pod Terminating for ever.
            log.warning("pod: its end could not be written", pod=str(key), error=str(error))
        except (ObjectNotFound, ObjectConflict):
            log.debug("pod: gone before its end was written", pod=str(key))
        try:
            await self._cluster.delete_now(Pod, key.name, namespace=key.namespace, uid=uid_of(pod))
            log.info("pod: deleted", pod=str(key), uid=uid_of(pod))
        except (ObjectNotFound, ObjectConflict):
            log.debug("pod: gone already, or replaced by another of its name", pod=str(key))

    async def _remove_finished(self, key: PodKey, pod: Pod) -> None:
        uid = uid_of(pod)
        if uid in self._cleared:
            return
        self._cleared.add(uid)  # before: what is heard of the pod meanwhile, or its end, takes it out again
        certain = False
        try:
            removal = await self._remove(pod)
            certain = removal.certain
        finally:
            if not certain:
                self._cleared.discard(uid)
        if not certain:
            self._queue.add_after(key, removal.again_in or 5.0)

    async def _remove_vanished(self, key: PodKey, pod: Pod) -> None:
        removal = await self._remove(pod, tell=False)
        if removal.certain:
            self._vanished[key].pop(uid_of(pod), None)
            if not self._vanished[key]:
                del self._vanished[key]
        else:
            self._queue.add_after(key, removal.again_in or 5.0)

    async def _remove(self, pod: Pod, *, tell: bool = True) -> Removal:
        assert pod.metadata is not None
        removal = await self._provider.remove(identity_of(pod), pod.metadata.annotations or {})
        if tell:
            for event in removal.events:
                self._say(pod, event)
        return removal

    async def _annotate(self, pod: Pod, annotations: dict[str, str]) -> Pod:
        assert pod.metadata is not None
        present = pod.metadata.annotations or {}
        missing = {name: value for name, value in annotations.items() if present.get(name) != value}
        if not missing:
            return pod
        key = key_of(pod)
        body = {"metadata": {"uid": uid_of(pod), "annotations": missing}}
        patched = await self._cluster.patch(Pod, key.name, body, namespace=key.namespace, content_type=MERGE)
        self._learn(patched)
        return patched

    async def _write_status(self, pod: Pod, desired: PodStatus) -> None:
        desired = with_pod_ip(pod.status, desired, self._pod_ip)
        patch = status_patch(pod.status, desired, uid=uid_of(pod), now=self._now())
        if patch is None:
            return
        key = key_of(pod)
        patched = await self._cluster.patch(
            Pod,
            key.name,
            patch,
            namespace=key.namespace,
            subresource="status",
            content_type=STRATEGIC_MERGE,
        )
        self._learn(patched)
        log.debug("pod: status written", pod=str(key), phase=desired.phase)

    def _learn(self, pod: Pod) -> None:
        if self.informer is not None:
            self.informer.learn(pod)

    def _say(self, pod: Pod, event: PodEvent) -> None:
        self._events.record(pod_subject(pod), event)
