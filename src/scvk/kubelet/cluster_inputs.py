"""Where a kubelet's inputs come from: the objects that a pod refers to, read by name when they are needed.

Nothing is watched: a watch of Secrets would read all of them, and what a container has is as of its start anyway. A
missing object is looked for again each time. One that was found is kept for KEEP_S *for that pod only*: its steps
follow each other closely, while another pod, made after an object was changed, must see the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, Secret, Service

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ClusterForbidden, ObjectNotFound
from scvk.kubelet.downward import NodeView
from scvk.kubelet.informer import key_of, uid_of
from scvk.kubelet.input_objects import (
    ConfigMapContents,
    InputObjects,
    ObjectKey,
    UnreadableObjectError,
    config_map_contents,
    secret_contents,
)
from scvk.kubelet.input_versions import name_of, version_of
from scvk.kubelet.inputs import InputNeeds, PodInputs, SecretContents
from scvk.kubelet.provider import PodEvent, TemporaryProviderError
from scvk.kubelet.references import MANDATORY
from scvk.kubelet.resolution import content_objects, needed_objects, resolve_inputs
from scvk.kubelet.service_links import MASTER_NAME, MASTER_NAMESPACE

KEEP_S = 10.0


class InputsUnavailable(TemporaryProviderError):
    """The API server gave no certain answer about something that the pod needs. `event_reason` says about what."""

    def __init__(self, message: str, *, event_reason: str) -> None:
        super().__init__(message)
        self.event_reason = event_reason


@dataclass(slots=True)
class _Kept:
    """What was read for one pod."""

    until: float
    namespace_annotations: Mapping[str, str] | None = None
    config_maps: dict[str, ConfigMapContents] = field(default_factory=dict)
    secrets: dict[str, SecretContents] = field(default_factory=dict)
    services: tuple[Service, ...] | None = None
    versions: dict[ObjectKey, str] = field(default_factory=dict)


class ClusterInputs:
    """Implements `scvk.kubelet.inputs.InputSource` on a cluster. Costs one request for each object that is needed.

    `node` tells what the downward API says of the node now; `tell` is given an event for whatever was left out by the
    pod's own permission. Without `service_links` no variable names a Service: pods outside of the cluster's network
    could not reach it.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: Callable[[], NodeView],
        tell: Callable[[Pod, PodEvent], None],
        *,
        service_links: bool = False,
    ) -> None:
        self._cluster = cluster
        self._node = node
        self._tell = tell
        self._service_links = service_links
        self._kept: dict[str, _Kept] = {}

    async def namespace_annotations(self, pod: Pod) -> Mapping[str, str]:
        """Return the annotations of the pod's namespace. Raises InputsUnavailable."""
        kept = self._kept_for(pod)
        if kept.namespace_annotations is None:
            name = key_of(pod).namespace
            try:
                found = await self._cluster.get(Namespace, name)
            except ClusterError as error:
                # Its absence would be no answer either: a pod has a namespace.
                raise _unavailable(f'namespace "{name}"', error, "FailedToReadNamespace") from error
            kept.namespace_annotations = (found.metadata.annotations if found.metadata else None) or {}
        return kept.namespace_annotations

    async def inputs(self, pod: Pod, needs: InputNeeds) -> PodInputs:
        """Return what is needed. Raises MissingInput and InputsUnavailable."""
        kept = self._kept_for(pod)
        namespace = key_of(pod).namespace
        refused: dict[ObjectKey, str] = {}
        reads: list[Awaitable[None]] = [
            self._read(key, namespace, kept, refused) for key in needed_objects(pod, needs) if key.can_exist
        ]
        if self._service_links and kept.services is None:
            reads.append(self._read_services(namespace, kept))
        await asyncio.gather(*reads)
        objects = InputObjects(kept.config_maps, kept.secrets, refused, kept.services or ())
        resolution = resolve_inputs(pod, needs, objects, self._node())
        for notice in resolution.inputs.notices:
            self._tell(pod, PodEvent(notice.reason, notice.message, warning=True))
        given = {name_of(key): kept.versions[key] for key in content_objects(pod, needs) if kept.versions.get(key)}
        return replace(resolution.complete(), versions=given)

    def _kept_for(self, pod: Pod) -> _Kept:
        now = asyncio.get_running_loop().time()
        for uid in [uid for uid, kept in self._kept.items() if kept.until <= now]:
            del self._kept[uid]
        return self._kept.setdefault(uid_of(pod), _Kept(now + KEEP_S))

    async def _read(self, key: ObjectKey, namespace: str, kept: _Kept, refused: dict[ObjectKey, str]) -> None:
        known: Mapping[str, object] = kept.secrets if key.kind == "Secret" else kept.config_maps
        if key.name in known:
            return
        try:
            if key.kind == "Secret":
                secret = await self._cluster.get(Secret, key.name, namespace=namespace)
                kept.secrets[key.name] = secret_contents(secret)
                kept.versions[key] = version_of(secret.metadata)
            else:
                config_map = await self._cluster.get(ConfigMap, key.name, namespace=namespace)
                kept.config_maps[key.name] = config_map_contents(config_map)
                kept.versions[key] = version_of(config_map.metadata)
        except ObjectNotFound:
            return
        except ClusterForbidden as error:
            if error.status != 403:  # the credential itself was refused: that says nothing about this object
                raise _unreadable(key, error) from error
            refused[key] = error.message
        except (ClusterError, UnreadableObjectError) as error:
            raise _unreadable(key, error) from error

    async def _read_services(self, namespace: str, kept: _Kept) -> None:
        try:
            found = (await self._cluster.list(Service, namespace=namespace)).items
            if namespace != MASTER_NAMESPACE:
                found += (await self._cluster.get(Service, MASTER_NAME, namespace=MASTER_NAMESPACE),)
        except ClusterError as error:
            raise _unavailable("services", error, "FailedToReadServices") from error
        kept.services = found


def _unreadable(key: ObjectKey, error: Exception) -> InputsUnavailable:
    return _unavailable(f'{key.kind.lower()} "{key.name}"', error, MANDATORY[key.kind].unreadable)


def _unavailable(what: str, error: Exception, event_reason: str) -> InputsUnavailable:
    return InputsUnavailable(f"{what} could not be read; trying again: {error}", event_reason=event_reason)
