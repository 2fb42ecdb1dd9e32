"""One step nearer to nothing: deletes what a pod has in the cloud, and says when nothing can be left.

Only groups that are surely the pod's own are deleted: their marks are shown, name the pod, and give the group's name.
It is certain that nothing is left when a complete listing, asked for after the delete was accepted (or after the last
create request), no longer has the group; where the listing may be cut, when the platform answers 404 for the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from scvk.kubelet.provider import PodEvent, PodIdentity, Removal, TemporaryProviderError
from scvk.provider.cloud_view import Absent, CloudView, Present, Unlisted
from scvk.provider.ownership import POD_UID, NotOurs, Owned, Ownership, PodMark, Unknown, group_name, mark_of
from scvk.provider.record import record_of
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound
from scvk.saladcloud.models import ContainerGroup

DELETE_AGAIN_AFTER_S = 30.0
"""A group that is still listed so long after an accepted delete is deleted once more."""
LOOK_AGAIN_S = 2.0
UNCONFIRMED_FOR_S = 600.0
"""How long an accepted delete is remembered that nobody asks about, and that no complete listing confirms."""

log = structlog.get_logger(__name__)


def groups_of(groups: Iterable[ContainerGroup], uid: str, *, cluster_id: str) -> dict[str, PodMark]:
    """Return name and mark of the groups that are surely the pod's: usually one, more after a lost or edited record."""
    found = {}
    for group in groups:
        if (group.container.environment_variables or {}).get(POD_UID) != uid:
            continue  # cheap, where mark_of computes a hash
        owner = mark_of(group, cluster_id=cluster_id)
        if isinstance(owner, Owned):
            found[group.name] = owner.mark
    return found


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
        self._forget_settled()
        return bool(self._deleted)

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        """Do one step; raises SaladCloudError or TemporaryProviderError when nothing certain can be said."""
        if not self._view.listed:
            raise TemporaryProviderError("the project's container groups have not been listed yet")
        self._forget_settled()
        record = record_of(annotations)
        # Annotations can be edited: what counts is the name that belongs to the pod, not the one that is written.
        names = {self._name_of(pod, attempt) for attempt in {0, record.attempt if record else 0}}
        names |= groups_of(self._view.groups, pod.uid, cluster_id=self._cluster_id).keys()
        events: list[PodEvent] = []
        certain = True
        hidden: TemporaryProviderError | None = None
        for name in sorted(names):
            try:
                certain = await self._remove_group(name, pod, events) and certain
            except TemporaryProviderError as error:
                hidden = error  # the pod's other groups go all the same
        if hidden is not None:
            raise hidden
        return Removal(certain, None if certain else LOOK_AGAIN_S, tuple(events))

    async def remove_others(self, pod: PodIdentity, keep: str) -> tuple[PodEvent, ...]:
        """Delete one group that is surely the pod's besides `keep`, if there is any: at most one lives for a pod.

        Raises SaladCloudError where that fails; the group is found again next time.
        """
        names = groups_of(self._view.groups, pod.uid, cluster_id=self._cluster_id).keys() - {keep}
        events: list[PodEvent] = []
        for name in sorted(names):
            lookup = self._view.lookup(name)
            if isinstance(lookup, Present) and not events:
                await self._delete(lookup.group, pod, events)
        return tuple(events)

    def _name_of(self, pod: PodIdentity, attempt: int) -> str:
        return group_name(PodMark(self._cluster_id, pod.key.namespace, pod.key.name, pod.uid, attempt, node=""))

    def _forget_settled(self) -> None:
        """Forget deletes that are over, also where nobody asks again because the group left the listing."""
        clock = self._monotonic()
        for name, at in tuple(self._deleted.items()):
            lookup = self._view.lookup(name)
            confirmed = isinstance(lookup, Absent) and self._view.listed_after(at)
            if confirmed or (not isinstance(lookup, Present) and clock - at > UNCONFIRMED_FOR_S):
                del self._deleted[name]

    def _owner(self, group: ContainerGroup) -> Ownership:
        return mark_of(group, cluster_id=self._cluster_id)

    async def _remove_group(self, name: str, pod: PodIdentity, events: list[PodEvent]) -> bool:
        match self._view.lookup(name):
            case Present(group):
                return await self._delete(group, pod, events)
            case Unlisted(_, may_be_cut):
                return await self._ask(name, pod, events) if may_be_cut else False
            case Absent():
                return self._confirm(name)

    async def _delete(self, group: ContainerGroup, pod: PodIdentity, events: list[PodEvent]) -> bool:
        owner = self._owner(group)
        if isinstance(owner, Unknown):
            try:
                group = await self._client.get_container_group(group.name)
            except NotFound:
                return False  # the listing is older than its end: the next one confirms it
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

    async def _ask(self, name: str, pod: PodIdentity, events: list[PodEvent]) -> bool:
        """Learn by name what a listing that may be cut does not say, and act on it before the next one hides it."""
        try:
            group = await self._client.get_container_group(name)
        except NotFound:
            self._deleted.pop(name, None)
            return True
        self._view.apply_group(group, at=self._monotonic())
        return await self._delete(group, pod, events)

    def _confirm(self, name: str) -> bool:
        deleted_at = self._deleted.get(name)
        if deleted_at is not None and not self._view.listed_after(deleted_at):
            return False
        self._deleted.pop(name, None)
        return True
