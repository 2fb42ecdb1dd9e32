"""Deliberately broken variants of the agent: each leaves out one thing that a promise rests on.

They test the harness: a history that does not notice them would not notice the mistake either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from scvk.kubelet.collection import Collector
from scvk.kubelet.informer import PodInformer
from scvk.kubelet.pods import PodController
from scvk.kubelet.provider import Removal
from scvk.provider import saladcloud_provider, watcher
from scvk.provider.cloud_view import Absent, CloudView, Unlisted
from scvk.provider.decide import AskByName, Create, Lost, Situation, Step, Wait, WriteRecord, decide
from scvk.provider.observe import observe
from scvk.provider.poller import Poller
from scvk.provider.removal import Remover
from scvk.provider.saladcloud_provider import SaladCloudProvider
from scvk.saladcloud.budget import RequestBudget
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import ContainerGroupCollection


@dataclass(frozen=True)
class Variant:
    """One broken variant. `what` completes "an agent that …"; one of the histories of `seeds` must notice it.

    `rarely` says that it takes several histories to notice it.
    """

    what: str
    breaks: Callable[[pytest.MonkeyPatch], None]
    rarely: bool = False

    @property
    def seeds(self) -> range:
        """The histories in which it is looked for."""
        return range(48 if self.rarely else 24)


def _takes_unknown_for_absent(patch: pytest.MonkeyPatch) -> None:
    right = CloudView.lookup

    def lookup(self: CloudView, name: str) -> Any:
        found = right(self, name)
        return Absent(2) if isinstance(found, Unlisted) else found

    async def ask(self: SaladCloudProvider, name: str) -> bool:
        return True

    patch.setattr(CloudView, "lookup", lookup)
    patch.setattr(SaladCloudProvider, "_ask", ask)


def _takes_a_failed_listing_for_an_empty_one(patch: pytest.MonkeyPatch) -> None:
    right = Poller.list_once

    async def list_once(self: Poller) -> None:
        try:
            await right(self)
        except SaladCloudError:
            self._view.apply_listing(ContainerGroupCollection(items=()), started_at=self._monotonic())
            self._observer.groups_changed(set(self._digests))

    patch.setattr(Poller, "list_once", list_once)


def _loses_pods_on_one_listing(patch: pytest.MonkeyPatch) -> None:
    def hasty(situation: Situation) -> Step:
        step = decide(situation)
        absent = isinstance(situation.lookup, Absent) and situation.has_run
        return Lost() if absent and isinstance(step, Wait | AskByName) else step

    patch.setattr(saladcloud_provider, "decide", hasty)


def _makes_a_new_name_for_each_try(patch: pytest.MonkeyPatch) -> None:
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


def _removes_pods_before_their_groups(patch: pytest.MonkeyPatch) -> None:
    right = Remover.remove

    async def remove(self: Remover, pod: Any, annotations: Any) -> Removal:
        done = await right(self, pod, annotations)
        return Removal(certain=True, events=done.events)

    patch.setattr(Remover, "remove", remove)


def _forgets_pods_deleted_by_force(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Any) -> tuple[()]:
        return ()

    patch.setattr(Collector, "run_once", nothing)


def _keeps_the_groups_of_finished_pods(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Any, key: Any, pod: Any) -> None:
        return None

    patch.setattr(PodController, "_remove_finished", nothing)


def _does_not_keep_to_the_limit(patch: pytest.MonkeyPatch) -> None:
    async def at_once(self: Any, request_class: Any) -> None:
        return None

    async def hasty(self: Poller) -> None:
        for _ in range(12):
            await right(self)

    right = Poller.read_events_once
    patch.setattr(RequestBudget, "acquire", at_once)
    patch.setattr(Poller, "read_events_once", hasty)


def _misses_what_happened_while_a_watch_was_broken(patch: pytest.MonkeyPatch) -> None:
    right = PodInformer._list

    async def first_only(self: PodInformer) -> str:
        if not self.synced.is_set():
            return await right(self)
        known = dict(self._pods)
        version = await right(self)
        self._pods = known
        return version

    def unheard(self: PodController, pod: Any) -> None:
        return None

    patch.setattr(PodInformer, "_list", first_only)
    patch.setattr(PodController, "vanished", unheard)


def _tells_a_pod_better_than_it_is(patch: pytest.MonkeyPatch) -> None:
    right = observe

    def rosy(pod: Any, evidence: Any, **more: Any) -> Any:
        status = right(pod, evidence, **more)
        for one in status.conditions or []:
            if one.type in ("Ready", "ContainersReady"):
                one.status = "True"
        return status

    patch.setattr(watcher, "observe", rosy)


VARIANTS = (
    Variant("takes unknown for absent", _takes_unknown_for_absent),
    Variant("takes a failed listing for an empty one", _takes_a_failed_listing_for_an_empty_one, rarely=True),
    Variant("counts a pod as lost when one listing lacks its group", _loses_pods_on_one_listing, rarely=True),
    Variant("makes a second try of a create under a new name", _makes_a_new_name_for_each_try),
    Variant("removes pods before their groups are gone", _removes_pods_before_their_groups),
    Variant("collects nothing", _forgets_pods_deleted_by_force),
    Variant("keeps the groups of finished pods", _keeps_the_groups_of_finished_pods),
    Variant("does not keep to the request limit", _does_not_keep_to_the_limit),
    Variant(
        "misses what happened while a watch was broken", _misses_what_happened_while_a_watch_was_broken, rarely=True
    ),
    Variant("tells a pod better than it is", _tells_a_pod_better_than_it_is),
)
