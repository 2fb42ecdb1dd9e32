"""The informer: which pods changed and which vanished, whatever the watch does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import PodInformer, key_of, uid_of
from scvk.kubelet.provider import PodKey
from tests.unit.kubelet.builders import NODE, pod, pod_json
from tests.unit.kubelet.in_memory_api import InMemoryApi, html_answer

pytestmark = pytest.mark.looptime
WEB = PodKey("shop", "web")


@dataclass
class Told:
    """What the handler was told, in order: `+ name` for a change, `- uid` for a pod that vanished."""

    words: list[str] = field(default_factory=list)

    def changed(self, key: PodKey) -> None:
        self.words.append(f"+ {key.name}")

    def vanished(self, pod: Pod) -> None:
        self.words.append(f"- {uid_of(pod)}")

    def take(self) -> list[str]:
        taken, self.words = self.words, []
        return taken


@asynccontextmanager
async def informing(api: InMemoryApi) -> AsyncIterator[tuple[PodInformer, Told]]:
    """Run an informer until the end of the block; it has listed and watches at its beginning."""
    told = Told()
    informer = PodInformer(api.cluster, NODE, told, random=lambda: 0.5)
    task = asyncio.create_task(informer.run())
    await asyncio.sleep(0.1)
    try:
        yield informer, told
        assert not task.done(), "the informer must never end by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def lists(api: InMemoryApi) -> int:
    return sum(1 for seen in api.seen if seen.path == "pods" and "watch" not in seen.url.params)


async def test_the_pods_of_the_node_are_listed_then_watched(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    api.put("pods/shop/foreign", pod_json("foreign", node="elsewhere"))
    async with informing(api) as (informer, told):
        assert informer.synced.is_set()
        assert told.take() == ["+ web"]
        api.put("pods/shop/new", pod_json("new", uid="uid-n"))
        api.change("pods/shop/web", {"metadata": {"labels": {"a": "b"}}})
        await asyncio.sleep(0.1)
        assert told.take() == ["+ new", "+ web"]
        assert {key_of(known).name for known in informer.pods()} == {"web", "new"}
        assert lists(api) == 1


async def test_nothing_is_synced_before_the_first_list(api: InMemoryApi) -> None:
    api.refuse(503)
    async with informing(api) as (informer, _):
        assert not informer.synced.is_set()
        await asyncio.sleep(1)
        assert informer.synced.is_set()


async def test_a_deleted_pod_vanishes_with_its_last_state(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, told):
        told.take()
        api.remove("pods/shop/web")
        await asyncio.sleep(0.1)
        assert told.take() == ["- uid-a"]
        assert informer.get(WEB) is None


async def test_a_deletion_missed_while_the_watch_was_broken_is_found_by_the_next_list(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    api.put("pods/shop/stays", pod_json("stays", uid="uid-s"))
    async with informing(api) as (_, told):
        told.take()
        watch = api.watches.pop()
        watch.break_off()
        api.remove("pods/shop/web")
        await asyncio.sleep(1)
        assert told.take() == ["- uid-a"]


async def test_a_version_that_is_too_old_means_list_again(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (_, told):
        told.take()
        watch = api.watches.pop()
        api.remove("pods/shop/web")
        api.put("pods/shop/new", pod_json("new", uid="uid-n"))
        api.forget_history()
        watch.end()
        await asyncio.sleep(2)
        assert told.take() == ["- uid-a", "+ new"]


@pytest.mark.parametrize("through", ["watch", "list"])
async def test_a_successor_of_the_name_is_another_pod(api: InMemoryApi, through: str) -> None:
    api.put("pods/shop/web", pod_json(uid="uid-old"))
    async with informing(api) as (informer, told):
        told.take()
        if through == "list":
            api.watches.pop().break_off()
        api.objects.pop("pods/shop/web")
        api.put("pods/shop/web", pod_json(uid="uid-new"))
        await asyncio.sleep(1)
        assert told.take() == ["- uid-old", "+ web"]
        known = informer.get(WEB)
        assert known is not None
        assert uid_of(known) == "uid-new"


async def test_a_late_deletion_of_a_predecessor_does_not_touch_the_successor(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json(uid="uid-new"))
    async with informing(api) as (informer, told):
        told.take()
        api.watches[0].send("DELETED", pod_json(uid="uid-old", version=99))
        await asyncio.sleep(0.1)
        assert told.take() == []
        assert informer.get(WEB) is not None


async def test_an_undecodable_pod_is_left_as_it_is(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, told):
        told.take()
        api.put("pods/shop/web", {**pod_json(), "spec": {"nodeName": NODE, "containers": 7}})
        api.put("pods/shop/other", pod_json("other", uid="uid-o"))
        await asyncio.sleep(5)
        assert told.take() == ["+ other"]
        known = informer.get(WEB)
        assert known is not None
        assert known.spec is not None
        assert known.spec.containers[0].image == "busybox"


async def test_a_pod_that_became_readable_again_is_a_change(api: InMemoryApi) -> None:
    api.put("pods/shop/web", {**pod_json(), "spec": {"nodeName": NODE, "containers": 7}})
    async with informing(api) as (_, told):
        assert told.take() == []
        api.put("pods/shop/web", pod_json())
        await asyncio.sleep(0.1)
        assert told.take() == ["+ web"]


async def test_an_older_event_does_not_undo_what_a_write_of_ours_returned(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, told):
        told.take()
        informer.learn(pod(version=300, annotations={"ours": "yes"}))
        api.watches[0].send("MODIFIED", pod_json(version=200))
        api.watches[0].send("MODIFIED", pod_json(version=300, annotations={"ours": "yes"}))
        await asyncio.sleep(0.1)
        assert told.take() == []
        known = informer.get(WEB)
        assert known is not None
        assert known.metadata is not None
        assert known.metadata.annotations == {"ours": "yes"}


@pytest.mark.parametrize(
    "learned",
    [
        pytest.param(pod(version=50, annotations={"a": "b"}), id="older"),
        pytest.param(pod(version=900, uid="uid-x", annotations={"a": "b"}), id="another pod of the name"),
        pytest.param(pod("gone", version=900), id="a pod that is not known"),
    ],
)
async def test_only_a_newer_state_of_a_known_pod_is_learned(api: InMemoryApi, learned: Pod) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, _):
        informer.learn(learned)
        assert [known.metadata.annotations for known in informer.pods() if known.metadata] == [None]


async def test_versions_that_are_no_numbers_do_not_hide_changes(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (_, told):
        told.take()
        api.watches[0].send("MODIFIED", pod_json(version="a1"))
        api.watches[0].send("MODIFIED", pod_json(version="a2"))
        await asyncio.sleep(0.1)
        assert told.take() == ["+ web", "+ web"]


async def test_a_cluster_restored_from_a_backup_is_believed_though_its_versions_went_back(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, told):
        told.take()
        api.watches[0].send("MODIFIED", pod_json(version=9_000, annotations={"later": "lost"}))
        api.watches[0].break_off()
        await asyncio.sleep(1)
        assert told.take() == ["+ web", "+ web"]
        known = informer.get(WEB)
        assert known is not None
        assert known.metadata is not None
        assert known.metadata.annotations is None


async def test_what_was_learned_while_a_list_was_under_way_is_not_undone_by_it(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, told):
        told.take()
        api.watches[0].break_off()
        api.before = lambda _: informer.learn(pod(version=9_000, annotations={"ours": "yes"}))
        await asyncio.sleep(1)
        assert told.take() == []


async def test_the_next_watch_starts_where_the_last_one_stood(api: InMemoryApi) -> None:
    async with informing(api):
        api.put("pods/shop/web", pod_json())
        api.watches[0].send("BOOKMARK", {"metadata": {"resourceVersion": "777"}})
        api.watches[0].end()
        await asyncio.sleep(2)
        assert [watch.params["resourceVersion"] for watch in api.watches] == ["100", "777"]
        assert lists(api) == 1


async def test_a_bookmark_without_a_version_does_not_lose_the_one_we_had(api: InMemoryApi) -> None:
    async with informing(api):
        api.watches[0].send("BOOKMARK", {"metadata": {}})
        api.watches[0].end()
        await asyncio.sleep(2)
        assert [watch.params["resourceVersion"] for watch in api.watches] == ["100", "100"]


@pytest.mark.parametrize(
    ("failure", "at_most"),
    [
        pytest.param(httpx2.Response(200, content=b""), 61, id="every watch ends at once"),
        pytest.param(410, 20, id="every version is too old"),
        pytest.param(html_answer(404), 20, id="a proxy does not know the way"),
        pytest.param(403, 20, id="no right to watch"),
        pytest.param(httpx2.ConnectError("refused"), 20, id="no server"),
    ],
)
async def test_a_watch_that_never_works_is_no_flood_of_requests(api: InMemoryApi, failure: Any, at_most: int) -> None:
    async with informing(api):
        api.refuse(failure, watches=True, times=None)
        api.watches[0].end()
        api.seen.clear()
        await asyncio.sleep(60)
        assert len(api.seen) <= at_most


async def test_after_a_half_open_connection_nothing_stays_lost(api: InMemoryApi) -> None:
    async with informing(api) as (_, told):
        api.watches.pop()  # the server went away without a word: nothing ever comes again
        api.put("pods/shop/web", pod_json())
        await asyncio.sleep(120 + 30 + 1)
        assert told.take() == ["+ web"]


async def test_a_failure_that_nobody_foresaw_means_list_again_too(
    api: InMemoryApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.put("pods/shop/web", pod_json())
    async with informing(api) as (informer, told):
        told.take()
        store = informer._store
        monkeypatch.setattr(informer, "_store", lambda *_, **__: 1 / 0)
        api.put("pods/shop/new", pod_json("new", uid="uid-n"))
        await asyncio.sleep(5)
        monkeypatch.setattr(informer, "_store", store)
        await asyncio.sleep(30)
        assert told.take() == ["+ new"]
