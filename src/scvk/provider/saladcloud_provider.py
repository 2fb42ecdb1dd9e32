"""The provider: pods as container groups. A thin shell around `decide`, `translate` and `observe`.

`sync` takes at most one action that changes something; what is true now comes from the cloud view that the poller
keeps. What must not be forgotten stands in the pod's annotations and on the groups; what is remembered here (names in
use, refused requests) only saves requests and may be lost at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

import structlog
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import identity_of, key_of, uid_of
from scvk.kubelet.inputs import InputSource
from scvk.kubelet.provider import (
    Holding,
    NodeFacts,
    Observation,
    PodEvent,
    PodIdentity,
    PodKey,
    Removal,
    TemporaryProviderError,
)
from scvk.kubelet.status import is_finished
from scvk.provider.adoption import GroupCounts, Owners, holding_of, was_run_by_the_go_program
from scvk.provider.cloud_view import Absent, CloudView, Lookup, Present, Unlisted
from scvk.provider.creation import LOOK_AGAIN_S, Creation
from scvk.provider.decide import (
    SETTLING_S,
    AskByName,
    Create,
    Disowned,
    Lost,
    Note,
    Observe,
    Situation,
    Update,
    Wait,
    WriteRecord,
    decide,
)
from scvk.provider.deletion_cost import DeletionCosts
from scvk.provider.end_reader import EndReader
from scvk.provider.event_memory import first_query, remembered
from scvk.provider.node_facts import node_facts, pods_in_no_need
from scvk.provider.organization import Organization
from scvk.provider.ownership import LEGACY_ATTEMPT, LEGACY_METADATA, Owned, PodMark, group_name
from scvk.provider.pod_status import has_run, lost_status
from scvk.provider.poller import EVENTS_LOOK_BACK, Poller
from scvk.provider.poller_snapshot import PollerSnapshot
from scvk.provider.preparation import Preparation
from scvk.provider.program_log.reader import ProgramLog
from scvk.provider.progress import is_on_its_way
from scvk.provider.record import Record, record_of
from scvk.provider.refusals import Refusals
from scvk.provider.remote_commands.access import RemoteAccess
from scvk.provider.removal import Remover, groups_of, hidden_groups_of
from scvk.provider.turns import Turns
from scvk.provider.update_status import with_changes
from scvk.provider.updates import Updater, joined
from scvk.provider.usage.book import UsageBook
from scvk.provider.usage.reader import UsageReader
from scvk.provider.usage.rounds import FigureRounds
from scvk.provider.watcher import Watcher
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import (
    Decision,
    NotFound,
    RateLimited,
    SaladCloudError,
    Unauthorized,
)
from scvk.saladcloud.models import ContainerGroup
from scvk.saladcloud.ssh.pool import SharedConnections

UNLISTED_AGAIN_S = 60.0
"""A group that the listing may have cut off is asked for by name in its turn; so often a pod asks again for a turn."""
ANSWER_BY_NAME_HOLDS_S = 30.0
"""So long a 404 by name is believed, where the listing may be cut."""
DISOWNED_AGAIN_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Where this provider stands: the cluster's id, the node it plays, the address shown as pods' host IP."""

    cluster_id: str
    node: str
    host_ip: str
    organization: str
    project: str


class SaladCloudProvider:
    """Implements `scvk.kubelet.provider.Provider` for one project of one organization."""

    def __init__(
        self,
        client: SaladCloudClient,
        budget: RequestBudget,
        identity: ProviderIdentity,
        *,
        preparation: Preparation,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        adopt_legacy: bool = False,
        ssh: SharedConnections | None = None,
    ) -> None:
        self._client = client
        self._identity = identity
        self._preparation = preparation
        self._now = now
        self._monotonic = monotonic
        self._view = CloudView()
        self._poller = Poller(client, budget, self._view, self, project=identity.project, now=now, monotonic=monotonic)
        self._changes: asyncio.Queue[PodKey] = asyncio.Queue()
        invite = self._changes.put_nowait
        self._deletions = Turns(budget, RequestClass.DELETE, invite, monotonic=monotonic)
        self._creations = Turns(budget, RequestClass.CREATE, invite, monotonic=monotonic, first=self._deletions)
        self._owners = Owners(cluster_id=identity.cluster_id, node=identity.node, adopts=adopt_legacy)
        self._remover = Remover(client, self._view, self._owners, self._deletions, monotonic=monotonic)
        self._organization = Organization(client, self._view.replicas)
        ends = EndReader(client, budget, project=identity.project, now=now, monotonic=monotonic)
        self._watcher = Watcher(self._view, self._poller, ends, host_ip=identity.host_ip, now=now)
        self._updater = Updater(
            client, self._view, preparation, self._organization, self._creations, monotonic=monotonic
        )
        self._deletion_costs = DeletionCosts(
            client, self._view, self._creations, self._poller.want_instance, monotonic=monotonic
        )
        self.program_log = ProgramLog(client, self._view, project=identity.project, now=now)
        """The capability `scvk.kubelet.log_source.LogSource`."""
        self.remote_access = RemoteAccess(client, self._view, self._group_of, ssh, now=now)
        """The capabilities `CommandRunner` and `PortForwarder` of `scvk.kubelet.capabilities`."""
        self._book = UsageBook(now().timestamp())
        self.usage = UsageReader(self._book, self._group_of, now=now, monotonic=monotonic)
        """The capability `scvk.kubelet.usage_source.UsageSource`."""
        self._figures = FigureRounds(
            budget,
            lambda: [name for name in self._poller.running() if self._plays(name)],
            self._poller.asked_at,
            self._poller.ask_instance,
            is_read=lambda: self.usage.is_read,
            monotonic=monotonic,
        )
        self._keys: dict[str, PodKey] = {}
        self._refusals = Refusals(invite, monotonic=monotonic)
        self._creation = Creation(
            client,
            self._view,
            preparation,
            self._organization,
            self._creations,
            self._refusals,
            self._watcher,
            host_ip=identity.host_ip,
            now=now,
            monotonic=monotonic,
        )

    async def start(self) -> None:
        """Make sure that the API key, the organization and the project are right, and read what the node needs.

        Raises SaladCloudError when the platform refuses one of them. When nothing certain can be learned (it is down,
        or throttles), the node starts all the same: pods that run must not be evicted for it.
        """
        try:
            await self._poller.list_once()
            await self._organization.read()
        except (Decision, Unauthorized):
            raise
        except SaladCloudError as error:
            log.warning("SaladCloud gives no certain answer; starting without", error=str(error))

    async def run(self) -> None:
        """Keep the view of the cloud fresh until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._poller.run())
                group.create_task(self._organization.run())
                group.create_task(self._creations.run())
                group.create_task(self._refusals.run())
                group.create_task(self._deletions.run())
                group.create_task(self._figures.run())
        finally:
            await self.remote_access.aclose()

    # -- Provider ------------------------------------------------------------------------------------------------

    async def sync(self, pod: Pod, inputs: InputSource) -> Observation:
        """Do one step for a pod that should run. See the protocol; costs at most two requests."""
        try:
            return await self._sync(pod, inputs)
        except SaladCloudError as error:
            raise _temporary(error) from error

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        """Do one step of deleting what a pod has in the cloud. See the protocol; costs at most two requests a group."""
        self._creations.forget(pod)
        if (record := record_of(annotations)) is not None:
            self._poller.unlisted.want_no_longer(record.group)
        try:
            removal = await self._remover.remove(pod, annotations)
        except SaladCloudError as error:
            raise _temporary(error) from error
        if removal.certain:
            self._forget(pod, annotations)
        return removal

    def holdings(self) -> tuple[Holding, ...] | None:
        """Return the groups that are surely this cluster's, and those adopted. Costs nothing."""
        if not self._view.listed:
            return None
        marks = [owner.mark for group in self._view.groups if isinstance(owner := self._owners.owner_of(group), Owned)]
        return tuple(holding_of(mark) for mark in marks)

    def group_counts(self) -> GroupCounts | None:
        """Count the project's groups by owner, as last listed; None before that. Costs nothing."""
        return self._owners.count(self._view.groups) if self._view.listed else None

    async def changes(self) -> AsyncIterator[PodKey]:
        """Yield the pods whose groups moved."""
        while True:
            yield await self._changes.get()

    def node_facts(self, bound: Sequence[Pod] | None = None) -> NodeFacts:
        """Return capacity, conditions and memory of the node. Costs nothing."""
        owners = [owner for group in self._view.groups if isinstance(owner := self._owners.owner_of(group), Owned)]
        if bound is None:
            in_no_need = sum(owner.mark.node == self._identity.node for owner in owners)
        else:
            with_group = {owner.mark.uid for owner in owners}
            if not self._view.listed or self._view.cut:  # what the listing lacks is unknown, not absent
                with_group |= {uid_of(pod) for pod in bound if has_run(pod)}
            refused = self._creation.refused_of(bound)
            in_no_need = pods_in_no_need(bound, with_group=with_group, refused=refused)
        return node_facts(
            f"saladcloud://{self._identity.organization}/{self._identity.project}",
            self._organization.replicas,
            in_no_need,
            self._poller.contact,
            self._organization.catalogue,
            annotations=remembered(self._poller.cursor),
            now=self._monotonic(),
        )

    def poller_snapshot(self) -> PollerSnapshot:
        """Return how well the cloud is seen. Costs nothing."""
        return self._poller.snapshot()

    def recall(self, annotations: Mapping[str, str]) -> None:
        """Go on with the project's events where an earlier agent stopped."""
        self._poller.cursor = first_query(annotations, self._now(), EVENTS_LOOK_BACK)

    # -- CloudObserver -------------------------------------------------------------------------------------------

    def groups_changed(self, names: set[str]) -> None:
        """Queue the pods of these groups."""
        for name in sorted(names):  # in the same order each time: what follows can be had again
            lookup = self._view.lookup(name)
            if isinstance(lookup, Present) and isinstance(owner := self._owners.owner_of(lookup.group), Owned):
                self._keys[name] = PodKey(owner.mark.namespace, owner.mark.name)
            key = self._keys.get(name)
            if key is not None:
                self._changes.put_nowait(key)
            if isinstance(lookup, Absent):
                self._keys.pop(name, None)
                self._book.gone(name)
        self._keys = {name: key for name, key in self._keys.items() if self._view.remembers(name)}
        self._book.keep(self._view.remembers)
        self._watcher.forget_unheard_of()
        self._deletion_costs.forget_unheard_of()

    def instance_seen(self, name: str, at: datetime) -> None:
        """Note what the instance of a group of this node uses."""
        lookup, seen = self._view.lookup(name), self._view.instance(name)
        if isinstance(lookup, Present) and seen is not None and seen[1] is not None and self._plays(name):
            made = lookup.group.create_time
            self._book.heard(name, seen[1], at.timestamp(), made=made.timestamp() if made else None)

    def is_ours(self, group: ContainerGroup) -> bool:
        """Say whether the group carries this cluster's marks."""
        return isinstance(self._owners.owner_of(group), Owned)

    def in_transition(self) -> bool:
        """Say whether any group of ours is on its way up or down."""
        return self._remover.waiting or any(
            is_on_its_way(group) and isinstance(self._owners.owner_of(group), Owned) for group in self._view.groups
        )

    # -- one pod -------------------------------------------------------------------------------------------------

    async def _sync(self, pod: Pod, inputs: InputSource) -> Observation:
        assert pod.metadata is not None
        record = self._record(pod)
        situation = self._situation(pod, record, missing_by_name=self._lately_missing(record))
        step = decide(situation)
        cut = isinstance(situation.lookup, Unlisted) and situation.lookup.may_be_cut
        if isinstance(step, AskByName) and self._creations.waits(identity_of(pod)):
            return self._creation.no_room(pod)  # it is asked for when its turn comes
        if isinstance(step, AskByName):
            name = record.group if record else group_name(self._mark(pod, LEGACY_ATTEMPT))
            if cut and not self._poller.unlisted.take_turn():
                return self._wait_for_its_turn(pod, name)
            missing = await self._ask(name)
            situation = self._situation(pod, record, missing_by_name=missing)
            step = decide(situation)
        if isinstance(step, WriteRecord | Create | Lost) and await self._reveal(pod):
            return Observation(None, again_in=0.0)
        match step:
            case WriteRecord(attempt):
                told = self._owners.told(pod, self._legacy(pod), adopted=attempt == LEGACY_ATTEMPT)
                mark = self._mark(pod, attempt)
                if attempt == situation.living_attempt:
                    return await self._creation.adopt(pod, inputs, mark, told)
                return await self._creation.write_record(pod, inputs, mark, told)
            case Create():
                assert record is not None
                made = await self._creation.create(pod, inputs, self._mark(pod, record.attempt), record)
                if made is not None:
                    if self._creation.has_used(pod, record.group):
                        self._keys[record.group] = key_of(pod)
                    return made
                # The group is there, from a create whose answer was lost, or it is gone.
                missing = await self._ask(record.group)
                log.info("container group: its name was taken", group=record.group, pod=str(key_of(pod)), gone=missing)
                situation = self._situation(pod, record)
                if isinstance(situation.lookup, Present) and isinstance(situation.ownership, Owned):
                    return await self._observe(pod, situation.lookup.group)
                return Observation(None, again_in=LOOK_AGAIN_S)
            case Observe(group):
                seen = await self._observe(pod, group)
                if seen.status is None or is_finished(seen.status):
                    return seen
                return joined(seen, Observation(None, again_in=await self._deletion_costs.tell(pod, group.name)))
            case Update(group):
                assert record is not None
                seen = await self._observe(pod, group)
                if seen.status is None or is_finished(seen.status):
                    return seen
                mark = self._mark(pod, record.attempt)
                return joined(seen, await self._updater.update(pod, inputs, mark, group))
            case Note(group, annotations):
                return joined(await self._observe(pod, group), Observation(None, annotations, again_in=0))
            case Lost():
                status = lost_status(pod, now=self._now(), host_ip=self._identity.host_ip)
                event = PodEvent("ContainerGroupDeleted", status.message or "", warning=True)
                return Observation(status, events=(event,))
            case Wait(reason):
                log.debug("pod: waiting", pod=str(key_of(pod)), reason=reason)
                return Observation(None, again_in=UNLISTED_AGAIN_S if cut else LOOK_AGAIN_S)
            case Disowned():
                assert record is not None
                variables = LEGACY_METADATA if record.attempt == LEGACY_ATTEMPT else "SCVK_…"
                message = (
                    f"The container group {record.group} no longer carries this pod's variables {variables}: it is "
                    "left alone. Set them again in SaladCloud, or delete it there and then this pod."
                )
                return self._creation.wait(pod, "ContainerGroupDisowned", message, again_in=DISOWNED_AGAIN_S)
            case AskByName():
                raise TemporaryProviderError(
                    "SaladCloud does not show the environment of the container group, so it cannot be confirmed as "
                    "this pod's"
                )
        assert_never(step)

    def _wait_for_its_turn(self, pod: Pod, group: str) -> Observation:
        """Leave it to the poller to ask for a group that the listing may have cut off: it tells us when it has."""
        self._keys[group] = key_of(pod)
        self._poller.unlisted.want(group, soon=True)
        return Observation(None, again_in=UNLISTED_AGAIN_S)

    async def _observe(self, pod: Pod, group: ContainerGroup) -> Observation:
        self._keys[group.name] = key_of(pod)  # a listing need not show whose it is
        others = await self._remove_others(pod, group)
        observation = await self._watcher.observe(pod, group)
        if self._view.cut and not self._view.listed_of((group.name,)):
            self._poller.unlisted.want(group.name)
        if observation.status is not None:
            status = with_changes(observation.status, pod, group, self._updater.applied(pod, group))
            observation = replace(observation, status=status)
        again = [observation.again_in, LOOK_AGAIN_S if others else None]
        soonest = min((each for each in again if each is not None), default=None)
        return replace(observation, events=(*others, *observation.events), again_in=soonest)

    def _record(self, pod: Pod) -> Record | None:
        """Return the pod's record if it is the one that we would write; users can edit annotations."""
        assert pod.metadata is not None
        record = record_of(pod.metadata.annotations or {})
        if record is None or record.group != group_name(self._mark(pod, record.attempt)):
            return None
        return record

    def _plays(self, name: str) -> bool:
        """Say whether the group is one of a pod of this node."""
        lookup = self._view.lookup(name)
        owner = self._owners.owner_of(lookup.group) if isinstance(lookup, Present) else None
        return isinstance(owner, Owned) and owner.mark.node == self._identity.node

    def _group_of(self, pod: Pod) -> str | None:
        record = self._record(pod)
        return record.group if record is not None else None

    def _lately_missing(self, record: Record | None) -> bool:
        since = self._monotonic() - ANSWER_BY_NAME_HOLDS_S
        return record is not None and self._view.missing_since(record.group, since)

    def _mark(self, pod: Pod, attempt: int) -> PodMark:
        key = key_of(pod)
        return PodMark(self._identity.cluster_id, key.namespace, key.name, uid_of(pod), attempt, self._identity.node)

    def _situation(self, pod: Pod, record: Record | None, *, missing_by_name: bool = False) -> Situation:
        name = record.group if record else group_name(self._mark(pod, 0))
        lookup = self._view.lookup(name)
        legacy = self._legacy(pod)
        self._owners.consider(pod, record, own=lookup, legacy=legacy)
        owner = self._owners.owner_of(lookup.group) if isinstance(lookup, Present) else None
        return Situation(
            record=record,
            lookup=lookup,
            ownership=owner,
            missing_by_name=missing_by_name,
            name_used=self._creation.has_used(pod, name),
            settling=self._is_settling(name),
            has_run=has_run(pod),
            living_attempt=self._living_attempt(pod, record),
            applied=self._updater.applied(pod, lookup.group)
            if isinstance(lookup, Present) and isinstance(owner, Owned)
            else None,
            legacy=legacy if self._owners.adopts and record is None else None,
            legacy_expected=was_run_by_the_go_program(pod),
        )

    def _is_settling(self, name: str) -> bool:
        sent = self._view.expected_at(name)
        return sent is not None and self._monotonic() - sent < SETTLING_S

    def _legacy(self, pod: Pod) -> Lookup:
        """Return what is known of the Go program's name for the pod."""
        return self._view.lookup(group_name(self._mark(pod, LEGACY_ATTEMPT)))

    async def _ask(self, name: str) -> bool:
        """Read one group by name; return whether the platform says that there is none."""
        try:
            group = await self._client.get_container_group(name, request_class=RequestClass.OBSERVE)
        except NotFound:
            self._view.apply_missing(name, at=self._monotonic())
            return True
        self._view.apply_group(group, at=self._monotonic())
        return False

    async def _reveal(self, pod: Pod) -> bool:
        """Read what is called as the pod's group and is listed without its environment; say whether one was read.

        Raises TemporaryProviderError where the environment stays hidden: a second group must not be made beside it.
        """
        hidden = hidden_groups_of(self._view, self._mark(pod, 0))
        for name in hidden:
            await self._ask(name)
            if name in hidden_groups_of(self._view, self._mark(pod, 0)):
                raise TemporaryProviderError(
                    f"SaladCloud does not show the environment of the container group {name}, which by its name is "
                    "this pod's"
                )
        return bool(hidden)

    def _living_attempt(self, pod: Pod, record: Record | None) -> int | None:
        """Return the newest attempt, other than the record's, whose group the listing shows."""
        marks = groups_of(self._view, uid_of(pod), self._owners).values()
        return max((m.attempt for m in marks if record is None or m.attempt != record.attempt), default=None)

    async def _remove_others(self, pod: Pod, group: ContainerGroup) -> tuple[PodEvent, ...]:
        try:
            return await self._remover.remove_others(identity_of(pod), group.name)
        except SaladCloudError as error:
            log.warning("a second group of a pod could not be deleted now", pod=str(key_of(pod)), error=str(error))
            return ()

    def _forget(self, pod: PodIdentity, annotations: Mapping[str, str]) -> None:
        self._deletions.forget(pod)
        self._creation.forget(pod.uid)
        self._owners.release(pod.uid)
        self._updater.forget(pod.uid)
        record = record_of(annotations)
        if record is not None:
            self._keys.pop(record.group, None)
            self._watcher.forget(record.group)
            self._deletion_costs.forget(record.group)


def _temporary(error: SaladCloudError) -> TemporaryProviderError:
    return TemporaryProviderError(str(error), retry_after=error.retry_after if isinstance(error, RateLimited) else None)
