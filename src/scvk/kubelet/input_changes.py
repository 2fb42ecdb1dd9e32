"""Tells pods that run with a ConfigMap or Secret as it was before it changed: what a container has is as of its start.

Nothing is watched, since a watch of Secrets would read all of them, and the agent has no right to it. Each object is
looked at again by its name, at most once in AGAIN_AFTER_S whatever the number of pods that have it, and one after the
other at EVERY_S. Only its metadata is asked for: no value leaves the API server. What was noted on a pod is moved on
once it was told, so that a change is told once, also by the next agent.

An object that is gone, or cannot be read, says nothing: what runs is not disturbed, and no pod is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

import structlog
from lightkube.resources.core_v1 import ConfigMap, Pod, Secret

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ObjectNotFound
from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.input_objects import ObjectKey
from scvk.kubelet.input_versions import name_of, noted, version_of, versions_in
from scvk.kubelet.leaving import Permission
from scvk.kubelet.provider import PodEvent
from scvk.kubelet.status import is_finished

EVERY_S = 1.0
AGAIN_AFTER_S = 180.0
INDEX_AGAIN_AFTER_S = 10.0
"""How long pods are not gone through again for what they have: a new pod's objects were read just now."""

log = structlog.get_logger(__name__)

_Where = tuple[str, ObjectKey]
"""Namespace and object."""


class InputChanges:
    """Looks at what the node's pods were given. `tell` is given an event for a pod, `learn` a pod that was patched."""

    def __init__(
        self,
        cluster: Cluster,
        pods: Callable[[], Iterable[Pod]],
        tell: Callable[[Pod, PodEvent], None],
        learn: Callable[[Pod], None],
        *,
        may_act: Permission,
    ) -> None:
        self._cluster = cluster
        self._pods = pods
        self._tell = tell
        self._learn = learn
        self._may_act = may_act
        self._looked: dict[_Where, float] = {}
        self._indexed = float("-inf")

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self._may_act.wait()
            try:
                await self.look_once()
            except ClusterError as error:
                log.debug("a pod's input could not be looked at now", error=str(error))

    async def look_once(self) -> _Where | None:
        """Look at the object that is due, if one is; return which. Raises ClusterError."""
        now = asyncio.get_running_loop().time()
        if now - self._indexed >= INDEX_AGAIN_AFTER_S:
            self._indexed = now
            self._looked = {where: self._looked.get(where, float("-inf")) for where in self._given()}
        due = min(self._looked, key=lambda where: self._looked[where], default=None)
        if due is None or now - self._looked[due] < AGAIN_AFTER_S:
            return None
        self._looked[due] = now
        namespace, key = due
        kind = Secret if key.kind == "Secret" else ConfigMap
        try:
            version = version_of(await self._cluster.get_metadata(kind, key.name, namespace=namespace))
        except ObjectNotFound:
            return due
        for pod in tuple(self._pods()):
            given = _given(pod).get(key)
            if version and given and given != version and key_of(pod).namespace == namespace:
                await self._tell_of(pod, key, given, version)
        return due

    def _given(self) -> dict[_Where, None]:
        return {(key_of(pod).namespace, key): None for pod in self._pods() for key in _given(pod)}

    async def _tell_of(self, pod: Pod, key: ObjectKey, given: str, version: str) -> None:
        made_again = given.partition("/")[0] != version.partition("/")[0]
        what = "was deleted and made again" if made_again else "was changed"
        message = (
            f'{key.kind} "{key.name}" {what} after the container got it, and the container keeps what it got; delete'
            " the pod to have the present one taken over"
        )
        self._tell(pod, PodEvent("InputsChanged", message, warning=True))
        annotations = noted({name_of(each): has for each, has in {**_given(pod), key: version}.items()}, {})
        body = {"metadata": {"uid": uid_of(pod), "annotations": annotations}}
        where = key_of(pod)
        self._learn(await self._cluster.patch(Pod, where.name, body, namespace=where.namespace))


def _given(pod: Pod) -> dict[ObjectKey, str]:
    """Return what the pod notes; nothing of one that is on its way out."""
    metadata = pod.metadata
    if metadata is None or metadata.deletionTimestamp is not None or is_finished(pod.status):
        return {}
    return dict(versions_in(metadata.annotations or {}))
