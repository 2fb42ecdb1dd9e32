"""Makes a pod's group: first the record of its name on the pod, then the request, once for a name.

A thin shell around `translate`. What is remembered here (names in use, refusals) only saves requests and may be lost at
any time; what must not be forgotten stands on the pod before the request is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import identity_of, key_of, uid_of
from scvk.kubelet.input_versions import noted
from scvk.kubelet.inputs import InputSource
from scvk.kubelet.provider import Observation, PodEvent, TemporaryProviderError
from scvk.provider.cloud_view import CloudView
from scvk.provider.organization import Organization
from scvk.provider.ownership import LEGACY_ATTEMPT, PodMark, group_name
from scvk.provider.pod_status import waiting_status
from scvk.provider.preparation import ImageUnderWay, Preparation, Prepared
from scvk.provider.record import Record
from scvk.provider.refusals import Refusals
from scvk.provider.settings_variable import with_settings
from scvk.provider.transitions import degradations, events_between, left_out
from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.listing import listed
from scvk.provider.turns import NO_ROOM, WAITING_AGAIN_S, Turns
from scvk.provider.watcher import Watcher
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import Decision, InvalidRequest, NameConflict, QuotaExceeded

LOOK_AGAIN_S = 2.0
QUOTA_AGAIN_S = 10.0
REFUSED_AGAIN_S = 30.0
"""How long a pod waits at least that SaladCloud itself refused, before it tries again in its turn; see `refusals`."""
RETRANSLATE_S = 30.0
"""A pod that cannot be translated is tried again so often without a change of its own: GPU classes, annotations of the
namespace and images come and go, and to try costs SaladCloud nothing."""

log = structlog.get_logger(__name__)


class Creation:
    """Costs one request for a group; none for a pod that is refused, waits for its image, or for a turn."""

    def __init__(
        self,
        client: SaladCloudClient,
        view: CloudView,
        preparation: Preparation,
        organization: Organization,
        turns: Turns,
        refusals: Refusals,
        watcher: Watcher,
        *,
        host_ip: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._view = view
        self._preparation = preparation
        self._organization = organization
        self._turns = turns
        self._refusals = refusals
        self._watcher = watcher
        self._host_ip = host_ip
        self._now = now
        self._monotonic = monotonic
        self._used_names: dict[str, str] = {}
        """UID of a pod → the name that the platform took, or refused as used: to send it again is of no use."""
        self._refused: set[str] = set()
        """UIDs of the pods whose last translation was refused."""

    def has_used(self, pod: Pod, name: str) -> bool:
        """Say whether the platform took `name` for the pod, or refused it as used."""
        return self._used_names.get(uid_of(pod)) == name

    def refused_of(self, bound: Sequence[Pod]) -> Collection[str]:
        """Return the UIDs of those of the node's pods that cannot have a group as they are."""
        self._refused &= {uid_of(pod) for pod in bound}
        return self._refused | self._refusals.final

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a pod that is gone."""
        self._refusals.forget(uid)
        self._refused.discard(uid)
        self._used_names.pop(uid, None)

    async def adopt(self, pod: Pod, inputs: InputSource, mark: PodMark, told: Iterable[PodEvent]) -> Observation:
        """Write the record of a group that is there: what runs is not judged again."""
        assert pod.spec is not None
        legacy = mark.attempt == LEGACY_ATTEMPT
        # The Go program ran the first container, and no other.
        runs = (pod.spec.containers[0].name,) if legacy else await self._preparation.runs(pod, inputs)
        return Observation(None, Record(group_name(mark), mark.attempt, runs).annotations(), tuple(told), again_in=0)

    async def write_record(self, pod: Pod, inputs: InputSource, mark: PodMark, told: Iterable[PodEvent]) -> Observation:
        """Write the record of a group that is to be made, if it can be."""
        prepared = await self._prepare(pod, inputs, mark)
        if isinstance(prepared, Observation):
            return prepared
        record = Record(group_name(mark), mark.attempt, prepared.runs)
        translation = prepared.translation
        events = (*told, *degradations(translation.findings), *left_out(translation.not_run))
        return Observation(None, _notes(record, prepared, pod), events, again_in=0)

    async def create(self, pod: Pod, inputs: InputSource, mark: PodMark, record: Record) -> Observation | None:
        """Make the group of the record when it is the pod's turn; None where the platform knows its name already.

        Raises SaladCloudError where it is not known what came of the request.
        """
        with self._turns.turn(identity_of(pod)) as now:
            if not now:
                return self.no_room(pod)
            prepared = await self._prepare(pod, inputs, mark)
            if isinstance(prepared, Observation):
                return prepared
            notes = _notes(replace(record, runs=prepared.runs), prepared, pod)
            if not notes.items() <= _annotations(pod).items():
                # What the group is made of has changed since: it is written first, too.
                return Observation(None, notes, again_in=0)
            return await self._send(pod, record.group, prepared.translation)

    def no_room(self, pod: Pod) -> Observation:
        """Tell that the pod waits for its turn."""
        return self.wait(pod, "ContainerCreating", NO_ROOM, again_in=WAITING_AGAIN_S)

    def wait(self, pod: Pod, reason: str, message: str, *, again_in: float | None) -> Observation:
        """Tell why the container waits."""
        status = waiting_status(pod, reason, message, now=self._now(), host_ip=self._host_ip)
        return Observation(status, events=events_between(pod, status), again_in=again_in)

    async def _prepare(self, pod: Pod, inputs: InputSource, mark: PodMark) -> Prepared | Observation:
        """Return what the group is made of, or what to tell where it cannot be made now."""
        catalogue = self._organization.catalogue
        if catalogue is None:
            raise TemporaryProviderError("the GPU classes of SaladCloud have not been read yet")
        prepared = await self._preparation.prepare(pod, inputs, mark, catalogue)
        if isinstance(prepared, ImageUnderWay):
            message = "asking the image's registry what the image runs"
            return self.wait(pod, "ContainerCreating", message, again_in=LOOK_AGAIN_S)
        if prepared.translation.request is None:
            self._refused.add(uid_of(pod))
            refusals = [f for f in prepared.translation.findings if f.outcome is Outcome.REFUSED]
            return self.wait(pod, refusals[0].reason_code, listed(refusals), again_in=RETRANSLATE_S)
        self._refused.discard(uid_of(pod))
        return prepared

    async def _send(self, pod: Pod, name: str, translation: Translation) -> Observation | None:
        assert translation.request is not None
        request, key, uid = with_settings(translation.request, pod), key_of(pod), uid_of(pod)
        if (standing := self._refusals.standing(uid, request)) is not None:
            return self.wait(pod, standing.reason, standing.message, again_in=standing.again_in)
        self._view.expect(name, at=self._monotonic())
        try:
            group = await self._client.create_container_group(request)
        except NameConflict:
            self._used_names[uid] = name
            return None
        except InvalidRequest as error:
            # It cannot heal by itself: the same request is not sent again.
            refusal = self._refusals.note_final(uid, request, "CreateContainerError", str(error))
            return self.wait(pod, refusal.reason, refusal.message, again_in=refusal.again_in)
        except Decision as error:
            reason, pause_s = "CreateContainerError", REFUSED_AGAIN_S
            if isinstance(error, QuotaExceeded):
                self._organization.quota_refused()
                reason, pause_s = "SaladCloudQuotaExceeded", QUOTA_AGAIN_S
            refusal = self._refusals.note_passing(key, uid, request, reason, str(error), pause_s=pause_s)
            return self.wait(pod, refusal.reason, refusal.message, again_in=refusal.again_in)
        finally:
            # Only listings asked for after the answer, or after it was lost, say anything about the name.
            self._view.expect(name, at=self._monotonic())
        self._view.apply_group(group, at=self._monotonic())
        self._refusals.note_created(uid)
        self._used_names[uid] = name
        log.info("container group: created", group=name, pod=str(key))
        observation = await self._watcher.observe(pod, group)
        created = PodEvent("Created", f"Created container group {name} in SaladCloud")
        return replace(observation, events=(created, *observation.events))


def _annotations(pod: Pod) -> Mapping[str, str]:
    return (pod.metadata.annotations if pod.metadata else None) or {}


def _notes(record: Record, prepared: Prepared, pod: Pod) -> dict[str, str]:
    """Return what must stand on the pod before its group is made."""
    return {**record.annotations(), **noted(prepared.versions, _annotations(pod))}
