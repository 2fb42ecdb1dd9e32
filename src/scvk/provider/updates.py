"""Brings a running group to what its pod says by now, one request for a change. A thin shell around `group_patch`.

`applied` says what has changed; what was sent stands on the group itself. What is remembered here only spares requests
(a refused change is noted on the pod): how long to wait after a failure, and what was sent until a listing shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import identity_of, key_of, uid_of
from scvk.kubelet.input_versions import noted
from scvk.kubelet.inputs import InputSource, MissingInput, PodInputs
from scvk.kubelet.provider import Observation, PodEvent, TemporaryProviderError
from scvk.provider.applied import FIXED, Applied, Setting, applied, decoded, encoded, shown_settings
from scvk.provider.cloud_view import CloudView
from scvk.provider.group_patch import GroupPatch, Ingredients, may_restart, needs_more, patch_for, paths_of
from scvk.provider.organization import Organization
from scvk.provider.ownership import PodMark
from scvk.provider.pod_status import container_name, has_run
from scvk.provider.preparation import ImageUnderWay, Preparation
from scvk.provider.record import record_of
from scvk.provider.settings_variable import patched_with_settings, with_environment
from scvk.provider.translate import Finding, Outcome, Translation
from scvk.provider.translate.listing import listed, paths_together
from scvk.provider.turns import WAITING_AGAIN_S, Turns
from scvk.provider.update_words import FIXED_WORDS, INFEASIBLE_WORDS
from scvk.saladcloud.budget import RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import (
    Decision,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    RateLimited,
    SaladCloudError,
)
from scvk.saladcloud.models import (
    ContainerGroup,
    GroupStatus,
)

LOOK_AGAIN_S = 2.0
SHOWN_WITHIN_S = 30.0
"""How long what was sent counts as done before a listing shows it: one that was asked for earlier may come later."""
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 300.0
QUOTA_AGAIN_S = 30.0
REFUSED_AGAIN_S = 300.0
"""What was refused, and may be had later without a change of the pod, is tried again so often."""

_OTHER_CONTAINERS = Finding(
    Outcome.REFUSED,
    "spec.containers",
    "By now, other containers of the pod would run than those that its group was made of; delete the pod to have them",
    "NotUpdated",
)

_UP = (GroupStatus.DEPLOYING, GroupStatus.RUNNING)
_LEFT_AS_THEY_ARE = (*_UP, GroupStatus.STOPPED, GroupStatus.SUCCEEDED)
"""A group that somebody stopped stays stopped; one that is up needs no start, and a change does not stop it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Pause:
    """No further try before `until` unless the pod changes. `uncertain`: the last try may have had its effect."""

    wanted: Mapping[str, str]
    until: float
    failures: int = 0
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a pod's group has since `at`, by the platform's answer."""

    group: str
    digests: str
    at: float


class Updater:
    """Costs one request for a change that SaladCloud takes; one more after an answer was lost, or a pull failed."""

    def __init__(
        self,
        client: SaladCloudClient,
        view: CloudView,
        preparation: Preparation,
        organization: Organization,
        turns: Turns,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._view = view
        self._preparation = preparation
        self._organization = organization
        self._turns = turns
        self._monotonic = monotonic
        self._pauses: dict[str, _Pause] = {}
        self._sent: dict[str, _Sent] = {}

    def applied(self, pod: Pod, group: ContainerGroup) -> Applied:
        """Return the pod's settings beside those of its group, as far as is known."""
        found = applied(pod, group)
        sent = self._sent.get(uid_of(pod))
        if sent is None or sent.group != group.name:
            return found
        if self._monotonic() - sent.at > SHOWN_WITHIN_S or shown_settings(group) == sent.digests:
            del self._sent[uid_of(pod)]
            return found
        return replace(found, has=decoded(sent.digests))

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a pod that is gone."""
        self._pauses.pop(uid, None)
        self._sent.pop(uid, None)

    async def update(self, pod: Pod, source: InputSource, mark: PodMark, group: ContainerGroup) -> Observation:
        """Do one step of bringing the group to what the pod says. The status is not told here.

        `mark` is the group's. Raises nothing for what SaladCloud or the cluster fails to do: the pod runs on, and the
        step is repeated.
        """
        found = self.applied(pod, group)
        pause = self._pauses.get(uid_of(pod))
        now = self._monotonic()
        if pause is not None and pause.wanted == found.wanted and pause.until > now:
            return Observation(None, again_in=pause.until - now)
        fixed = found.changed & FIXED
        if fixed:
            return self._settle(pod, found, dict.fromkeys(fixed, False), FIXED_WORDS)
        try:
            if pause is not None and pause.uncertain:
                return await self._look(pod, group, pause)
            return await self._change(pod, source, mark, group, found)
        except MissingInput as error:
            events = tuple(PodEvent(each.event_reason, each.message, warning=True) for each in error.missing)
            return self._pause(pod, found, REFUSED_AGAIN_S / 10, events)
        except TemporaryProviderError as error:
            return self._pause(pod, found, None, (_failed(error),))
        except SaladCloudError as error:
            log.warning("container group: not updated now", group=group.name, pod=str(key_of(pod)), error=str(error))
            wait = error.retry_after if isinstance(error, RateLimited) else None
            return self._pause(pod, found, wait, (_failed(error),), uncertain=error.may_have_happened)

    async def _look(self, pod: Pod, group: ContainerGroup, pause: _Pause) -> Observation:
        """An answer was lost: the group itself tells what it has."""
        self._view.forget_environment(group.name)
        shown = await self._client.get_container_group(group.name, request_class=RequestClass.OBSERVE)
        self._view.apply_group(shown, at=self._monotonic())
        self._pauses[uid_of(pod)] = replace(pause, uncertain=False)  # where it was in vain, the next pause is longer
        return Observation(None, again_in=0.0)

    async def _change(
        self, pod: Pod, source: InputSource, mark: PodMark, group: ContainerGroup, found: Applied
    ) -> Observation:
        changed = found.changed
        if Setting.RESOURCES in changed:
            settled = await self._without_restart(pod, source, group)
            if settled is not None:
                return self._settle(pod, found, {Setting.RESOURCES: settled}, INFEASIBLE_WORDS)
        made = await self._make(changed, pod, source, mark, group)
        if made is None:
            return Observation(None, again_in=LOOK_AGAIN_S)
        if made.kept or made.stays:
            return self._settle(pod, found, dict.fromkeys(made.kept, True) | dict.fromkeys(made.stays, False), "", made)
        events = (_refused(made),) if made.refused else ()
        if not made.sent:
            return self._pause(pod, found, REFUSED_AGAIN_S, events)
        with self._turns.turn(identity_of(pod)) as may_send:
            if not may_send:
                return Observation(None, again_in=WAITING_AGAIN_S)
            sent = await self._send(pod, group, found, made)
        return replace(sent, events=(*events, *sent.events))

    async def _without_restart(self, pod: Pod, source: InputSource, group: ContainerGroup) -> bool | None:
        """Return None where a restart gives other resources, else whether the group has them all the same."""
        if not needs_more(pod, group, self._preparation.policy):
            return True
        return None if may_restart(pod, await source.namespace_annotations(pod)) else False

    async def _make(
        self, changed: frozenset[Setting], pod: Pod, source: InputSource, mark: PodMark, group: ContainerGroup
    ) -> GroupPatch | None:
        catalogue = self._organization.known_catalogue()
        translation: Translation | None = None
        versions: Mapping[str, str] = {}
        if Setting.IMAGE in changed:
            prepared = await self._preparation.prepare(pod, source, mark, catalogue)
            if isinstance(prepared, ImageUnderWay):
                return None
            translation, versions = prepared.translation, prepared.versions
            record = record_of((pod.metadata.annotations if pod.metadata else None) or {})
            if record is not None and record.runs and prepared.runs and prepared.runs != record.runs:
                translation = replace(translation, request=None, findings=(_OTHER_CONTAINERS,))
        defaults, inputs = await source.namespace_annotations(pod), PodInputs()
        if changed & {Setting.LOGGING, Setting.REGISTRY_SECRET}:
            inputs = await self._preparation.named_secrets(pod, source)
        made = patch_for(
            changed, pod, group, Ingredients(inputs, catalogue, self._preparation.policy, defaults, translation)
        )
        return replace(made, versions=versions if Setting.IMAGE in made.sent else None)

    async def _send(self, pod: Pod, group: ContainerGroup, found: Applied, made: GroupPatch) -> Observation:
        digests = encoded(found.with_applied(made.sent))
        paths = paths_together(path for setting in Setting if setting in made.sent for path in paths_of(setting, pod))
        try:
            if group.current_state.status == GroupStatus.FAILED:
                # First: if the agent dies between both, the next look still finds the change to be made.
                await self._client.start_container_group(group.name)
            elif group.current_state.status not in _LEFT_AS_THEY_ARE:
                await self._start_what_may_have_failed(group.name)
            answer = await self._client.update_container_group(group.name, patched_with_settings(made.patch, digests))
        except NotFound:
            return Observation(None, again_in=LOOK_AGAIN_S)  # the next listing tells whether the group is gone
        except QuotaExceeded as error:
            event = PodEvent("SaladCloudQuotaExceeded", str(error), warning=True)
            return self._pause(pod, found, QUOTA_AGAIN_S, (event,))
        except InvalidRequest as error:
            # It cannot heal by itself: noted on the pod, and not sent again before the pod changes.
            return self._settle(pod, found, dict.fromkeys(made.sent, False), f"{error}")
        except Decision as error:
            return self._pause(pod, found, REFUSED_AGAIN_S, (_failed(error),))
        self._view.apply_group(with_environment(answer, group, made.patch, digests), at=self._monotonic())
        self._sent[uid_of(pod)] = _Sent(group.name, digests, self._monotonic())
        self._pauses.pop(uid_of(pod), None)
        if answer.current_state.status == GroupStatus.PENDING and group.current_state.status in _UP:
            await self._start_again(group.name)
        log.info("container group: updated", group=group.name, pod=str(key_of(pod)), changed=paths)
        text = (
            f"Container {container_name(pod)} definition changed, will be restarted ({paths})"
            if has_run(pod)
            else f"Updated container group {group.name} ({paths})"
        )
        annotations = (pod.metadata.annotations if pod.metadata else None) or {}
        notes = {} if made.versions is None else noted(made.versions, annotations)
        return Observation(None, notes, (PodEvent("Killing" if has_run(pod) else "Updated", text),), again_in=0.0)

    async def _start_what_may_have_failed(self, name: str) -> None:
        """Have the group meant to run: what is pulled for a change of one that has failed would end as stopped."""
        try:
            await self._client.start_container_group(name)
        except (NotFound, QuotaExceeded):
            raise
        except Decision as error:
            log.info("container group: need not be started", group=name, answer=str(error))

    async def _start_again(self, name: str) -> None:
        """Start a group that was seen up, and turns out to have failed when its change was taken."""
        try:
            await self._client.start_container_group(name)
        except SaladCloudError as error:
            log.warning("container group: changed, and not started; it may say `stopped`", group=name, error=str(error))

    def _settle(
        self, pod: Pod, found: Applied, judged: Mapping[Setting, bool], why: str, made: GroupPatch | None = None
    ) -> Observation:
        """Note on the pod what is not sent, and tell it once."""
        self._pauses.pop(uid_of(pod), None)
        missed = [setting for setting in Setting if judged.get(setting) is False]
        events: tuple[PodEvent, ...] = ()
        if made is not None and made.stays:
            events = (PodEvent("NotUpdated", listed(made.findings), warning=True),)
        elif missed:
            paths = paths_together(path for setting in missed for path in paths_of(setting, pod))
            reason = "ResizeInfeasible" if missed == [Setting.RESOURCES] else "NotUpdated"
            events = (PodEvent(reason, f"{paths}: {why}", warning=True),)
        return Observation(None, found.settling(dict(judged)), events, again_in=0.0)

    def _pause(
        self,
        pod: Pod,
        found: Applied,
        pause_s: float | None,
        events: tuple[PodEvent, ...],
        *,
        uncertain: bool = False,
    ) -> Observation:
        before = self._pauses.get(uid_of(pod))
        failures = before.failures + 1 if before is not None and before.wanted == found.wanted else 1
        wait = pause_s if pause_s is not None else min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (failures - 1))
        doubt = uncertain or (before is not None and before.uncertain)
        self._pauses[uid_of(pod)] = _Pause(found.wanted, self._monotonic() + wait, failures, doubt)
        return Observation(None, events=events, again_in=wait)


def joined(seen: Observation, step: Observation) -> Observation:
    """Return what was seen together with what was done about it."""
    again = [each for each in (seen.again_in, step.again_in) if each is not None]
    return replace(
        seen,
        annotations={**seen.annotations, **step.annotations},
        events=(*seen.events, *step.events),
        again_in=min(again, default=None),
    )


def _refused(made: GroupPatch) -> PodEvent:
    return PodEvent("NotUpdated", f"The pod runs on as it was; {listed(made.findings)}", warning=True)


def _failed(error: Exception) -> PodEvent:
    return PodEvent("UpdateFailed", f"The pod runs on as it was, and the change is tried again: {error}", warning=True)
