"""One step nearer to nothing: deletes what a pod has in the cloud, and says when nothing can be left.

Only groups that are surely the pod's own are deleted: their marks are shown, name the pod, and give the group's name.
It is certain that nothing is left when a complete listing, asked for after the delete was accepted (or after the last
create request), no longer has the group; where the listing may be cut, when the platform answers 404 for the name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from scvk.kubelet.provider import PodEvent, PodIdentity, Removal, TemporaryProviderError
from scvk.provider.cloud_view import Absent, CloudView, Present, Unlisted
from scvk.provider.ownership import NotOurs, Owned, Ownership, Unknown, mark_of
from scvk.provider.record import record_of
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound
from scvk.saladcloud.models import ContainerGroup

DELETE_AGAIN_AFTER_S = 30.0
"""A group that is still listed so long after an accepted delete is deleted once more."""
LOOK_AGAIN_S = 2.0

log = structlog.get_logger(__name__)


class Remover:
    """Deletes groups; remembers only when it did, to tell an old listing from a new one."""

    def __init__(
        self, client: SaladCloudClient, view: CloudView, *, cluster_id: str, monotonic: Callable[[], float]
    ) -> None:
        self._client = client
        self._view = view
        self._cluster_id = cluster_id
        self._monotonic = monotonic
        self._deleted: dict[str, float] = {}

    @property
    def waiting(self) -> bool:
        """Say whether an accepted delete is not confirmed yet."""
        return bool(self._deleted)

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        """Do one step; raises SaladCloudError or TemporaryProviderError when nothing certain can be said."""
        if not self._view.listed:
            raise TemporaryProviderError("the project's container groups have not been listed yet")
        names = self._groups_of(pod)
        record = record_of(annotations)
        if record is not None:
            names.add(record.group)
        events: list[PodEvent] = []
        certain = True
        for name in sorted(names):
            certain = await self._remove_group(name, pod, events) and certain
        return Removal(certain, None if certain else LOOK_AGAIN_S, tuple(events))

    def _groups_of(self, pod: PodIdentity) -> set[str]:
        return {
            group.name
            for group in self._view.groups
            if isinstance(owned := self._owner(group), Owned) and owned.mark.uid == pod.uid
        }

    def _owner(self, group: ContainerGroup) -> Ownership:
        return mark_of(group, cluster_id=self._cluster_id)

    async def _remove_group(self, name: str, pod: PodIdentity, events: list[PodEvent]) -> bool:
        match self._view.lookup(name):
            case Present(group):
                return await self._delete(group, pod, events)
            case Unlisted(_, may_be_cut):
                return await self._ask(name) if may_be_cut else False
            case Absent():
                return self._confirm(name)

    async def _delete(self, group: ContainerGroup, pod: PodIdentity, events: list[PodEvent]) -> bool:
        owner = self._owner(group)
        if isinstance(owner, Unknown):
            group = await self._client.get_container_group(group.name)
            self._view.apply_group(group, at=self._monotonic())
            owner = self._owner(group)
        match owner:
            case Unknown():
                raise TemporaryProviderError(
                    f"container group {group.name}: SaladCloud does not show its environment, so it cannot be "
                    "confirmed as this pod's and is not deleted"
                )
            case Owned(mark) if mark.uid == pod.uid:
                pass
            case NotOurs() | Owned():
                log.warning("a group under a pod's recorded name is not the pod's; left alone", group=group.name)
                return True
        clock = self._monotonic()
        if clock - self._deleted.get(group.name, float("-inf")) < DELETE_AGAIN_AFTER_S:
            return False
        try:
            await self._client.delete_container_group(group.name)
        except NotFound:
            log.debug("gone already", group=group.name)
        self._deleted[group.name] = self._monotonic()
        self._view.apply_deleted(group.name)
        log.info("container group: delete accepted", group=group.name, pod=str(pod.key))
        events.append(PodEvent("Killing", f"Deleting container group {group.name}"))
        return False

    async def _ask(self, name: str) -> bool:
        """Learn by name what a listing that may be cut does not say."""
        try:
            group = await self._client.get_container_group(name)
        except NotFound:
            self._deleted.pop(name, None)
            return True
        self._view.apply_group(group, at=self._monotonic())
        return False

    def _confirm(self, name: str) -> bool:
        deleted_at = self._deleted.get(name)
        if deleted_at is not None and not self._view.listed_after(deleted_at):
            return False
        self._deleted.pop(name, None)
        return True
