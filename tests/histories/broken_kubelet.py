"""What can be left out of the kubelet: each function breaks one thing that a promise rests on."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from scvk.kubelet import collection
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.collection import Collector
from scvk.kubelet.informer import PodInformer
from scvk.kubelet.node_keeper import NodeKeeper
from scvk.kubelet.orphans import Judge, Judgement, Verdict
from scvk.kubelet.pods import PodController
from scvk.kubelet.provider import Holding, Removal
from scvk.provider.removal import Remover


def removes_pods_before_their_groups(patch: pytest.MonkeyPatch) -> None:
    right = Remover.remove

    async def remove(self: Remover, pod: Any, annotations: Any) -> Removal:
        done = await right(self, pod, annotations)
        return Removal(certain=True, events=done.events)

    patch.setattr(Remover, "remove", remove)


def forgets_pods_deleted_by_force(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Any) -> tuple[()]:
        return ()

    patch.setattr(Collector, "run_once", nothing)


def keeps_the_groups_of_finished_pods(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Any, key: Any, pod: Any) -> None:
        return None

    patch.setattr(PodController, "_remove_finished", nothing)


def misses_what_happened_while_a_watch_was_broken(patch: pytest.MonkeyPatch) -> None:
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


def deletes_pods_of_a_name_not_of_a_uid(patch: pytest.MonkeyPatch) -> None:
    async def delete_now(self: Cluster, kind: Any, name: str, *, namespace: str, uid: str) -> None:
        await self._request("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", json={"gracePeriodSeconds": 0})

    patch.setattr(Cluster, "delete_now", delete_now)


def collects_what_the_cluster_did_not_answer_for(patch: pytest.MonkeyPatch) -> None:
    right = Judge._judge_pod

    async def hasty(self: Judge, holding: Holding, nodes: Any) -> Judgement:
        judgement = await right(self, holding)
        gone = judgement.verdict is Verdict.UNKNOWN
        return dataclasses.replace(judgement, verdict=Verdict.ORPHANED) if gone else judgement

    patch.setattr(Judge, "_judge", hasty)
    patch.setattr(collection, "confirmed", lambda judgement, _: judgement)


def never_makes_its_node_again(patch: pytest.MonkeyPatch) -> None:
    async def once(self: NodeKeeper, *_: Any) -> None:
        await asyncio.Event().wait()

    patch.setattr(NodeKeeper, "run", once)
