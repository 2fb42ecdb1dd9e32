"""One step nearer to nothing: deletes what a pod has in the cloud, and says when nothing can be left.

Only groups that are surely the pod's own are deleted: their marks are shown, name the pod, and give the group's name.
A group that by its name must be the pod's, and whose marks are not shown, keeps the pod. Else it is certain that
nothing is left

- when a complete listing, asked for after a delete was accepted, no longer has the group;
- where no delete of ours is known (nothing was made, somebody else deleted it, or it was before a restart): when two
  complete listings lack it and, where the pod's record names it, the platform answers 404 for the name;
- where the listing may be cut, when the platform answers 404 for the name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from scvk.kubelet.provider import PodEvent, PodIdentity, Removal, TemporaryProviderError
from scvk.provider.adoption import Owners
from scvk.provider.cloud_view import Absent, CloudView, Present, Unlisted
from scvk.provider.decide import LISTINGS_THAT_PROVE_ABSENCE
from scvk.provider.ownership import (
    LEGACY_ATTEMPT,
    POD_UID,
    NotOurs,
    Owned,
    PodMark,
    Unknown,
    group_name,
    is_an_attempt_for,
)
from scvk.provider.record import record_of
from scvk.provider.turns import WAITING_AGAIN_S, Turns
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound
from scvk.saladcloud.models import ContainerGroup

DELETE_AGAIN_AFTER_S = 30.0
"""A group that is still listed so long after an accepted delete is deleted once more."""
LOOK_AGAIN_S = 2.0
FORGET_EVERY_S = 5.0
REMEMBERED_FOR_S = 600.0
"""How long an accepted delete is remembered; a removal that takes longer proves anew that the group is gone."""

log = structlog.get_logger(__name__)


def groups_of(view: CloudView, uid: str, owners: Owners) -> dict[str, PodMark]:
    """Return name and mark of the groups that are surely the pod's: usually one, more after a lost or edited record."""
    candidates = list(view.groups_with(POD_UID, uid))
    claim = owners.claim_of(uid)
    if claim is not None and isinstance(legacy := view.lookup(group_name(claim)), Present):
        candidates.append(legacy.group)
    found = {}
    for group in candidates:
        owner = owners.owner_of(group)
        if isinstance(owner, Owned) and owner.mark.uid == uid:
            found[group.name] = owner.mark
    return found


def hidden_groups_of(view: CloudView, mark: PodMark) -> tuple[str, ...]:
    """Return the names of listed groups that are called as the pod's, and whose environment is not shown.

    Where the pod's record was lost, one of them may be what the pod runs as.
    """
    return tuple(
        group.name
        for group in view.groups
        if group.container.environment_variables is None and is_an_attempt_for(group.name, mark)
    )


class Remover:
    """Deletes groups; remembers only when it did, to tell an old listing from a new one."""

    def __init__(
        self,
        client: SaladCloudClient,
        view: CloudView,
        owners: Owners,
        turns: Turns,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._view = view
        self._owners = owners
        self._turns = turns
        self._monotonic = monotonic
        self._deleted: dict[str, float] = {}
        self._forgot = float("-inf")

    @property
    def waiting(self) -> bool:
        """Say whether an accepted delete is not confirmed yet."""
        self._forget()
        return not all(self._confirmed(name) for name in self._deleted)

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        """Do one step; raises SaladCloudError or TemporaryProviderError when nothing certain can be said."""
        if not self._view.listed:
            raise TemporaryProviderError("the project's container groups have not been listed yet")
        self._forget()
        record = record_of(annotations)
        # Annotations can be edited: what counts is the name that belongs to the pod, not the one that is written.
        recorded = self._name_of(pod, record.attempt) if record else None
        names = {self._name_of(pod, 0), *([recorded] if recorded else [])}
        if self._owners.adopts or (record is not None and record.attempt == LEGACY_ATTEMPT):
            self._owners.claim(pod)
            names.add(self._name_of(pod, LEGACY_ATTEMPT))
        names |= groups_of(self._view, pod.uid, self._owners).keys()
        names |= set(hidden_groups_of(self._view, self._mark(pod, 0)))
        events: list[PodEvent] = []
        certain = True
        hidden: TemporaryProviderError | None = None
        for name in sorted(names):
            try:
                certain = await self._remove_group(name, pod, events, recorded=name == recorded) and certain
            except TemporaryProviderError as error:
                hidden = error  # the pod's other groups go all the same
        if hidden is not None:
            raise hidden
        again = WAITING_AGAIN_S if self._turns.waits(pod) else LOOK_AGAIN_S
        return Removal(certain, None if certain else again, tuple(events))

    async def remove_others(self, pod: PodIdentity, keep: str) -> tuple[PodEvent, ...]:
        """Delete one group that is surely the pod's besides `keep`, if there is any: at most one lives for a pod.

        Raises SaladCloudError where that fails; the group is found again next time.
        """
        names = groups_of(self._view, pod.uid, self._owners).keys() - {keep}
        events: list[PodEvent] = []
        for name in sorted(names):
            lookup = self._view.lookup(name)
            if isinstance(lookup, Present) and not events:
                await self._delete(lookup.group, pod, events)
        return tuple(events)

    def _mark(self, pod: PodIdentity, attempt: int) -> PodMark:
        return PodMark(self._owners.cluster_id, pod.key.namespace, pod.key.name, pod.uid, attempt, node="")

    def _name_of(self, pod: PodIdentity, attempt: int) -> str:
        return group_name(self._mark(pod, attempt))

    def _confirmed(self, name: str) -> bool:
        """Say whether a complete listing that was asked for after the accepted delete lacks the group."""
        return isinstance(self._view.lookup(name), Absent) and self._view.listed_after(self._deleted[name])

    def _forget(self) -> None:
        """Forget deletes that are long over, or that nothing confirms because nobody asks about them any more."""
        clock = self._monotonic()
        if clock - self._forgot < FORGET_EVERY_S:
            return
        self._forgot = clock
        for name, at in tuple(self._deleted.items()):
            if clock - at > REMEMBERED_FOR_S and not isinstance(self._view.lookup(name), Present):
                del self._deleted[name]

    async def _remove_group(self, name: str, pod: PodIdentity, events: list[PodEvent], *, recorded: bool) -> bool:
        match self._view.lookup(name):
            case Present(group):
                return await self._delete(group, pod, events)
            case Unlisted(_, may_be_cut):
                return await self._ask(name, pod, events) if may_be_cut else False
            case Absent() if name in self._deleted:
                return self._confirmed(name)
            case Absent(listings):
                if listings < LISTINGS_THAT_PROVE_ABSENCE:
                    return False
                return await self._ask(name, pod, events) if recorded else True

    async def _delete(self, group: ContainerGroup, pod: PodIdentity, events: list[PodEvent]) -> bool:
        owner = self._owners.owner_of(group)
        if isinstance(owner, Unknown):
            try:
                group = await self._client.get_container_group(group.name)
            except NotFound:
                return False  # the listing is older than its end: the next one confirms it
            self._view.apply_group(group, at=self._monotonic())
            owner = self._owners.owner_of(group)
        match owner:
            case Unknown():
                raise TemporaryProviderError(
                    f"container group {group.name}: SaladCloud does not show its environment, so it cannot be "
                    "confirmed as this pod's and is not deleted"
                )
            case Owned(mark) if mark.uid == pod.uid:
                pass
            case NotOurs() | Owned():
                log.warning("a group under a name of the pod's is not the pod's; left alone", group=group.name)
                return True
        clock = self._monotonic()
        if clock - self._deleted.get(group.name, float("-inf")) < DELETE_AGAIN_AFTER_S:
            return False
        with self._turns.turn(pod) as now:
            if not now:
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
