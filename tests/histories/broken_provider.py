"""What can be left out of the provider: each function breaks one thing that a promise rests on."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.provider import Observation
from scvk.provider import adoption, ownership, saladcloud_provider, watcher
from scvk.provider.applied import Applied
from scvk.provider.cloud_view import Absent, CloudView, Unlisted
from scvk.provider.decide import AskByName, Create, Lost, Observe, Situation, Step, Update, Wait, WriteRecord, decide
from scvk.provider.observe import observe
from scvk.provider.ownership import NotOurs, Owned, Ownership
from scvk.provider.poller import Poller
from scvk.provider.removal import Remover
from scvk.provider.saladcloud_provider import SaladCloudProvider
from scvk.provider.updates import Updater
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.errors import SaladCloudError, UnreadableAnswer
from scvk.saladcloud.models import ContainerGroup, ContainerGroupCollection


def takes_unknown_for_absent(patch: pytest.MonkeyPatch) -> None:
    right = CloudView.lookup

    def lookup(self: CloudView, name: str) -> Any:
        found = right(self, name)
        return Absent(2) if isinstance(found, Unlisted) else found

    async def ask(self: SaladCloudProvider, name: str) -> bool:
        return True

    patch.setattr(CloudView, "lookup", lookup)
    patch.setattr(SaladCloudProvider, "_ask", ask)


def takes_a_failed_listing_for_an_empty_one(patch: pytest.MonkeyPatch) -> None:
    right = Poller.list_once

    async def list_once(self: Poller) -> None:
        try:
            await right(self)
        except SaladCloudError:
            self._view.apply_listing(ContainerGroupCollection(items=()), started_at=self._monotonic())
            self._observer.groups_changed(set(self._digests))

    patch.setattr(Poller, "list_once", list_once)


def loses_pods_on_one_listing(patch: pytest.MonkeyPatch) -> None:
    def hasty(situation: Situation) -> Step:
        step = decide(situation)
        absent = isinstance(situation.lookup, Absent) and situation.has_run
        return Lost() if absent and isinstance(step, Wait | AskByName) else step

    patch.setattr(saladcloud_provider, "decide", hasty)


def makes_a_new_name_for_each_try(patch: pytest.MonkeyPatch) -> None:
    tried: set[str] = set()

    def restless(situation: Situation) -> Step:
        step = decide(situation)
        if not isinstance(step, Create) or situation.record is None:
            return step
        if situation.record.group in tried:
            return WriteRecord(situation.record.attempt + 1)
        tried.add(situation.record.group)
        return step

    patch.setattr(saladcloud_provider, "decide", restless)


def does_not_keep_to_the_limit(patch: pytest.MonkeyPatch) -> None:
    async def at_once(self: Any, request_class: Any) -> None:
        return None

    async def hasty(self: Poller) -> None:
        for _ in range(12):
            await right(self)

    right = Poller.read_events_once
    patch.setattr(RequestBudget, "acquire", at_once)
    patch.setattr(Poller, "read_events_once", hasty)


def tells_a_pod_better_than_it_is(patch: pytest.MonkeyPatch) -> None:
    right = observe

    def rosy(pod: Any, evidence: Any, **more: Any) -> Any:
        status = right(pod, evidence, **more)
        for one in status.conditions or []:
            if one.type in ("Ready", "ContainersReady"):
                one.status = "True"
        return status

    patch.setattr(watcher, "observe", rosy)


def does_not_look_whose_group_it_is(patch: pytest.MonkeyPatch) -> None:
    def trusting(group: ContainerGroup, *, cluster_id: str) -> Ownership:
        mark = ownership._read(group.container.environment_variables or {})
        return NotOurs("it does not carry all marks of ownership") if mark is None else Owned(mark)

    patch.setattr(adoption, "mark_of", trusting)


def forgets_a_create_that_is_under_way(patch: pytest.MonkeyPatch) -> None:
    """A listing from before the create then says that the group is gone: the next one gets another name."""

    def nothing(self: CloudView, name: str, *, at: float) -> None:
        return None

    def hasty(situation: Situation) -> Step:
        step = decide(situation)
        tried = isinstance(step, Create) and situation.record is not None and situation.record.group in asked
        if isinstance(step, Create) and situation.record is not None:
            asked.add(situation.record.group)
        return WriteRecord(situation.record.attempt + 1) if tried and situation.record is not None else step

    asked: set[str] = set()
    patch.setattr(CloudView, "expect", nothing)
    patch.setattr(saladcloud_provider, "decide", hasty)


def thinks_a_group_gone_once_its_deletion_is_accepted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Remover, "_confirmed", lambda *_: True)
    right = CloudView.apply_deleted

    def apply_deleted(self: CloudView, name: str) -> None:
        right(self, name)
        self._groups.pop(name, None)

    patch.setattr(CloudView, "apply_deleted", apply_deleted)


def starts_each_status_anew(patch: pytest.MonkeyPatch) -> None:
    """It forgets what the pod's status said before: restarts and start times go back after its own restart."""

    def forgetful(pod: Any, evidence: Any, **more: Any) -> Any:
        return observe(dataclasses.replace(pod, status=None), evidence, **more)

    patch.setattr(watcher, "observe", forgetful)


def dies_of_an_answer_that_is_no_json(patch: pytest.MonkeyPatch) -> None:
    right = Poller.list_once

    async def list_once(self: Poller) -> None:
        try:
            await right(self)
        except UnreadableAnswer as error:
            raise SystemError("unreadable") from error

    async def repeat(self: Poller, what: str, once: Callable[[], Any]) -> None:
        while True:
            await once()
            await asyncio.sleep(5)

    patch.setattr(Poller, "list_once", list_once)
    patch.setattr(Poller, "_repeat", repeat)


def remembers_pods_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SaladCloudProvider, "_forget", lambda *_: None)
    patch.setattr(CloudView, "_forget", lambda *_: None)


def does_not_see_that_a_pod_was_changed(patch: pytest.MonkeyPatch) -> None:
    def blind(situation: Situation) -> Step:
        step = decide(situation)
        return Observe(step.group) if isinstance(step, Update) else step

    patch.setattr(saladcloud_provider, "decide", blind)


def takes_a_change_without_an_answer_for_done(patch: pytest.MonkeyPatch) -> None:
    right = Updater._pause

    def pause(self: Updater, pod: Pod, found: Applied, *rest: Any, uncertain: bool = False) -> Observation:
        if uncertain:
            return Observation(None, found.settling(dict.fromkeys(found.changed, True)), again_in=0.0)
        return right(self, pod, found, *rest, uncertain=uncertain)

    patch.setattr(Updater, "_pause", pause)
