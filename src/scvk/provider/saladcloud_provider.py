"""The provider: pods as container groups. A thin shell around `decide`, `translate` and `observe`.

`sync` takes at most one action that changes something; what is true now comes from the cloud view that the poller
keeps. What must not be forgotten stands in the pod's annotations and on the groups; what is remembered here (names in
conflict, refused requests) only saves requests and may be lost at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

import msgspec
import structlog
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import key_of, uid_of
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
from scvk.provider.capacity import node_facts
from scvk.provider.cloud_view import Absent, CloudView, Present, Unlisted
from scvk.provider.container_logs.source import ContainerLogs
from scvk.provider.decide import (
    AskByName,
    Create,
    Disowned,
    Lost,
    Observe,
    Situation,
    Wait,
    WriteRecord,
    decide,
)
from scvk.provider.end_reader import EndReader
from scvk.provider.organization import Organization
from scvk.provider.ownership import Owned, Ownership, PodMark, group_name, mark_of
from scvk.provider.pod_status import has_run, lost_status, waiting_status
from scvk.provider.poller import Poller
from scvk.provider.preparation import ImageUnderWay, Preparation, Prepared
from scvk.provider.progress import is_on_its_way
from scvk.provider.record import Record, record_of
from scvk.provider.removal import Remover, groups_of
from scvk.provider.transitions import degradations, events_between, left_out
from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.listing import listed
from scvk.provider.watcher import Watcher
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import (
    Decision,
    InvalidRequest,
    NameConflict,
    NotFound,
    QuotaExceeded,
    RateLimited,
    SaladCloudError,
    Unauthorized,
)
from scvk.saladcloud.models import ContainerGroup, ContainerGroupPrototype

LOOK_AGAIN_S = 2.0
UNLISTED_AGAIN_S = 60.0
"""A group that the listing may have cut off is asked for by name: one request a group each time."""
QUOTA_AGAIN_S = 30.0
REFUSED_AGAIN_S = 300.0
"""What SaladCloud itself refused is looked at again so often."""
RETRANSLATE_S = 30.0
"""A pod that cannot be translated is tried again so often without a change of its own: GPU classes, annotations of the
namespace and images come and go, and to try costs SaladCloud nothing."""

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
    ) -> None:
        self._client = client
        self._identity = identity
        self._preparation = preparation
        self._now = now
        self._monotonic = monotonic
        self._view = CloudView()
        self._poller = Poller(client, budget, self._view, self, project=identity.project, now=now, monotonic=monotonic)
        self._remover = Remover(client, self._view, cluster_id=identity.cluster_id, monotonic=monotonic)
        self._organization = Organization(client)
        ends = EndReader(client, budget, project=identity.project, now=now, monotonic=monotonic)
        self._watcher = Watcher(self._view, self._poller, ends, host_ip=identity.host_ip, now=now)
        self.logs = ContainerLogs(client, self._view, project=identity.project, now=now)
        self._keys: dict[str, PodKey] = {}
        self._changes: asyncio.Queue[PodKey] = asyncio.Queue()
        self._conflicts: dict[str, str] = {}
        """UID of a pod → the name that the platform refused as used, while there is no group of that name."""
        self._refused_requests: dict[str, tuple[str, str]] = {}
        """UID of a pod → digest of the request that the platform refused for good, and its words."""

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
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poller.run())
            group.create_task(self._organization.run())

    # -- Provider ------------------------------------------------------------------------------------------------

    async def sync(self, pod: Pod, inputs: InputSource) -> Observation:
        """Do one step for a pod that should run. See the protocol; costs at most two requests."""
        try:
            return await self._sync(pod, inputs)
        except SaladCloudError as error:
            raise _temporary(error) from error

    async def remove(self, pod: PodIdentity, annotations: Mapping[str, str]) -> Removal:
        """Do one step of deleting what a pod has in the cloud. See the protocol; costs at most two requests a group."""
        try:
            removal = await self._remover.remove(pod, annotations)
        except SaladCloudError as error:
            raise _temporary(error) from error
        if removal.certain:
            self._forget(pod, annotations)
        return removal

    def holdings(self) -> tuple[Holding, ...] | None:
        """Return the groups that are surely this cluster's, by their marks. Costs nothing."""
        if not self._view.listed:
            return None
        marks = [owner.mark for group in self._view.groups if isinstance(owner := self._owner(group), Owned)]
        return tuple(Holding(PodIdentity(PodKey(mark.namespace, mark.name), mark.uid), mark.node) for mark in marks)

    async def changes(self) -> AsyncIterator[PodKey]:
        """Yield the pods whose groups moved."""
        while True:
            yield await self._changes.get()

    def node_facts(self) -> NodeFacts:
        """Return capacity and identity of the node. Costs nothing."""
        return node_facts(
            self._identity.organization,
            self._identity.project,
            self._organization.quotas,
            self._poller.failure,
            self._organization.catalogue,
        )

    # -- CloudObserver -------------------------------------------------------------------------------------------

    def groups_changed(self, names: set[str]) -> None:
        """Queue the pods of these groups."""
        for name in names:
            lookup = self._view.lookup(name)
            if isinstance(lookup, Present) and isinstance(owner := self._owner(lookup.group), Owned):
                self._keys[name] = PodKey(owner.mark.namespace, owner.mark.name)
            key = self._keys.get(name)
            if key is not None:
                self._changes.put_nowait(key)
            if isinstance(lookup, Absent):
                self._keys.pop(name, None)

    def is_ours(self, group: ContainerGroup) -> bool:
        """Say whether the group carries this cluster's marks."""
        return isinstance(self._owner(group), Owned)

    def in_transition(self) -> bool:
        """Say whether any group of ours is on its way up or down."""
        return self._remover.waiting or any(
            is_on_its_way(group) and isinstance(self._owner(group), Owned) for group in self._view.groups
        )

    # -- one pod -------------------------------------------------------------------------------------------------

    async def _sync(self, pod: Pod, inputs: InputSource) -> Observation:
        assert pod.metadata is not None
        record = self._record(pod)
        situation = self._situation(pod, record)
        step = decide(situation)
        cut = isinstance(situation.lookup, Unlisted) and situation.lookup.may_be_cut
        if isinstance(step, AskByName):
            assert record is not None
            missing = await self._ask(record.group)
            situation = self._situation(pod, record, missing_by_name=missing)
            step = decide(situation)
        match step:
            case WriteRecord(attempt):
                return await self._write_record(pod, inputs, attempt, adopted=attempt == situation.living_attempt)
            case Create():
                assert record is not None
                return await self._create(pod, inputs, record)
            case Observe(group):
                others = await self._remove_others(pod, group)
                observation = await self._watcher.observe(pod, group)
                again = [observation.again_in, UNLISTED_AGAIN_S if cut else None, LOOK_AGAIN_S if others else None]
                soonest = min((each for each in again if each is not None), default=None)
                return replace(observation, events=(*others, *observation.events), again_in=soonest)
            case Lost():
                status = lost_status(pod, now=self._now(), host_ip=self._identity.host_ip)
                event = PodEvent("ContainerGroupDeleted", status.message or "", warning=True)
                return Observation(status, events=(event,))
            case Wait(reason):
                log.debug("pod: waiting", pod=str(key_of(pod)), reason=reason)
                return Observation(None, again_in=UNLISTED_AGAIN_S if cut else LOOK_AGAIN_S)
            case Disowned():
                assert record is not None
                message = (
                    f"The container group {record.group} no longer carries this pod's variables SCVK_…: it is left "
                    "alone. Set them again in SaladCloud, or delete it there and then this pod."
                )
                return self._wait(pod, "ContainerGroupDisowned", message, again_in=QUOTA_AGAIN_S)
            case AskByName():
                raise TemporaryProviderError(
                    "SaladCloud does not show the environment of the container group, so it cannot be confirmed as "
                    "this pod's"
                )
        assert_never(step)

    def _record(self, pod: Pod) -> Record | None:
        """Return the pod's record if it is the one that we would write; users can edit annotations."""
        assert pod.metadata is not None
        record = record_of(pod.metadata.annotations or {})
        if record is None or record.group != group_name(self._mark(pod, record.attempt)):
            return None
        return record

    def _mark(self, pod: Pod, attempt: int) -> PodMark:
        key = key_of(pod)
        return PodMark(self._identity.cluster_id, key.namespace, key.name, uid_of(pod), attempt, self._identity.node)

    def _owner(self, group: ContainerGroup) -> Ownership:
        return mark_of(group, cluster_id=self._identity.cluster_id)

    def _situation(self, pod: Pod, record: Record | None, *, missing_by_name: bool = False) -> Situation:
        name = record.group if record else group_name(self._mark(pod, 0))
        lookup = self._view.lookup(name)
        owner = self._owner(lookup.group) if isinstance(lookup, Present) else None
        return Situation(
            record=record,
            lookup=lookup,
            ownership=owner,
            missing_by_name=missing_by_name,
            name_conflict=self._conflicts.get(uid_of(pod)) == name,
            has_run=has_run(pod),
            living_attempt=self._living_attempt(pod, record),
        )

    async def _ask(self, name: str) -> bool:
        """Read one group by name; return whether the platform says that there is none."""
        try:
            group = await self._client.get_container_group(name, request_class=RequestClass.OBSERVE)
        except NotFound:
            return True
        self._view.apply_group(group, at=self._monotonic())
        return False

    async def _write_record(self, pod: Pod, inputs: InputSource, attempt: int, *, adopted: bool) -> Observation:
        mark = self._mark(pod, attempt)
        if adopted:  # what runs is not judged again
            runs = await self._preparation.runs(pod, inputs)
            return Observation(None, Record(group_name(mark), attempt, runs).annotations(), again_in=0)
        prepared = await self._prepare(pod, inputs, mark)
        if isinstance(prepared, ImageUnderWay):
            return self._wait_for_image(pod)
        translation = prepared.translation
        if translation.request is None:
            return self._refuse(pod, translation)
        record = Record(group_name(mark), attempt, prepared.runs)
        events = (*degradations(translation.findings), *left_out(translation.not_run))
        return Observation(None, record.annotations(), events, again_in=0)

    def _living_attempt(self, pod: Pod, record: Record | None) -> int | None:
        """Return the newest attempt, other than the record's, whose group the listing shows."""
        marks = groups_of(self._view.groups, uid_of(pod), cluster_id=self._identity.cluster_id).values()
        return max((m.attempt for m in marks if record is None or m.attempt != record.attempt), default=None)

    async def _remove_others(self, pod: Pod, group: ContainerGroup) -> tuple[PodEvent, ...]:
        try:
            return await self._remover.remove_others(PodIdentity(key_of(pod), uid_of(pod)), group.name)
        except SaladCloudError as error:
            log.warning("a second group of a pod could not be deleted now", pod=str(key_of(pod)), error=str(error))
            return ()

    async def _prepare(self, pod: Pod, inputs: InputSource, mark: PodMark) -> Prepared | ImageUnderWay:
        catalogue = self._organization.catalogue
        if catalogue is None:
            raise TemporaryProviderError("the GPU classes of SaladCloud have not been read yet")
        return await self._preparation.prepare(pod, inputs, mark, catalogue)

    def _wait_for_image(self, pod: Pod) -> Observation:
        message = "asking the image's registry what the image runs"
        return self._wait(pod, "ContainerCreating", message, again_in=LOOK_AGAIN_S)

    def _refuse(self, pod: Pod, translation: Translation) -> Observation:
        refusals = [f for f in translation.findings if f.outcome is Outcome.REFUSED]
        reason = refusals[0].reason_code
        return self._wait(pod, reason, listed(refusals), again_in=RETRANSLATE_S)

    def _wait(self, pod: Pod, reason: str, message: str, *, again_in: float | None) -> Observation:
        status = waiting_status(pod, reason, message, now=self._now(), host_ip=self._identity.host_ip)
        return Observation(status, events=events_between(pod, status), again_in=again_in)

    async def _create(self, pod: Pod, inputs: InputSource, record: Record) -> Observation:
        prepared = await self._prepare(pod, inputs, self._mark(pod, record.attempt))
        if isinstance(prepared, ImageUnderWay):
            return self._wait_for_image(pod)
        translation = prepared.translation
        if translation.request is None:
            return self._refuse(pod, translation)
        if prepared.runs != record.runs:
            # The choice has changed since, by an annotation of the namespace or an option: it is written first, too.
            return Observation(None, replace(record, runs=prepared.runs).annotations(), again_in=0)
        digest = _request_digest(translation.request)
        refused = self._refused_requests.get(uid_of(pod))
        if refused is not None and refused[0] == digest:
            return self._wait(pod, "CreateContainerError", refused[1], again_in=REFUSED_AGAIN_S)
        self._view.expect(record.group, at=self._monotonic())
        try:
            group = await self._client.create_container_group(translation.request)
        except NameConflict:
            return await self._resolve_conflict(pod, record)
        except QuotaExceeded as error:
            return self._wait(pod, "SaladCloudQuotaExceeded", str(error), again_in=QUOTA_AGAIN_S)
        except InvalidRequest as error:
            # It cannot heal by itself: the same request is not sent again.
            self._refused_requests[uid_of(pod)] = (digest, str(error))
            return self._wait(pod, "CreateContainerError", str(error), again_in=REFUSED_AGAIN_S)
        except Decision as error:
            return self._wait(pod, "CreateContainerError", str(error), again_in=REFUSED_AGAIN_S)
        finally:
            # Only listings asked for after the answer, or after it was lost, say anything about the name.
            self._view.expect(record.group, at=self._monotonic())
        self._view.apply_group(group, at=self._monotonic())
        self._keys[group.name] = key_of(pod)
        log.info("container group: created", group=group.name, pod=str(key_of(pod)))
        observation = await self._watcher.observe(pod, group)
        created = PodEvent("Created", f"Created container group {group.name} in SaladCloud")
        return replace(observation, events=(created, *observation.events))

    async def _resolve_conflict(self, pod: Pod, record: Record) -> Observation:
        """The platform knows the name: the group is there, from a create whose answer was lost, or it is gone."""
        if await self._ask(record.group):
            self._conflicts[uid_of(pod)] = record.group
            return Observation(None, again_in=LOOK_AGAIN_S)
        lookup = self._view.lookup(record.group)
        log.info("container group: was there already; adopted", group=record.group, pod=str(key_of(pod)))
        if isinstance(lookup, Present) and isinstance(self._owner(lookup.group), Owned):
            return await self._watcher.observe(pod, lookup.group)
        return Observation(None, again_in=LOOK_AGAIN_S)

    def _forget(self, pod: PodIdentity, annotations: Mapping[str, str]) -> None:
        self._refused_requests.pop(pod.uid, None)
        self._conflicts.pop(pod.uid, None)
        record = record_of(annotations)
        if record is not None:
            self._keys.pop(record.group, None)
            self._watcher.forget(record.group)


def _temporary(error: SaladCloudError) -> TemporaryProviderError:
    return TemporaryProviderError(str(error), retry_after=error.retry_after if isinstance(error, RateLimited) else None)


def _request_digest(request: ContainerGroupPrototype) -> str:
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()
