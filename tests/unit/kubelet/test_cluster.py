"""Requests to the API server, and what each kind of answer decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from lightkube.core.exceptions import ConfigError
from lightkube.core.resource import Resource
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Event, Node, Pod

from scvk.kubelet.cluster import REQUEST_DEADLINE_S, STRATEGIC_MERGE, WATCH_GRACE_S, Cluster, WatchEvent
from scvk.kubelet.cluster_errors import (
    MESSAGE_LIMIT,
    ClusterError,
    ClusterForbidden,
    ClusterUnreachable,
    ObjectConflict,
    ObjectNotFound,
    ObjectRejected,
    ResourceVersionGone,
    classify_answer,
)
from tests.unit.kubelet.builders import pod_json
from tests.unit.kubelet.in_memory_api import InMemoryApi, html_answer, status_answer

pytestmark = pytest.mark.looptime

Call = Callable[[Cluster], Awaitable[object]]


# -- paths and bodies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        pytest.param(Pod, "shop", "web", "/api/v1/namespaces/shop/pods/web", id="core group"),
        pytest.param(Node, None, "salad", "/api/v1/nodes/salad", id="core group, no namespace"),
        pytest.param(
            Lease, "lab", "salad", "/apis/coordination.k8s.io/v1/namespaces/lab/leases/salad", id="named group"
        ),
    ],
)
async def test_the_path_names_group_namespace_and_object(
    api: InMemoryApi, kind: type[Resource], namespace: str | None, name: str, path: str
) -> None:
    with pytest.raises(ObjectNotFound):
        await api.cluster.get(kind, name, namespace=namespace)
    assert api.seen[-1].url.path == path


async def test_a_path_in_the_servers_address_is_kept() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return status_answer(404)

    http = httpx2.AsyncClient(
        transport=httpx2.MockTransport(answer), base_url="https://rancher.test/k8s/clusters/c-1", trust_env=False
    )
    with pytest.raises(ObjectNotFound):
        await Cluster(http).get(Pod, "web", namespace="shop")
    assert asked == ["/k8s/clusters/c-1/api/v1/namespaces/shop/pods/web"]


async def test_a_created_object_says_its_kind_and_version(api: InMemoryApi) -> None:
    await api.cluster.create(Lease, {"metadata": {"name": "salad"}, "spec": {}}, namespace="lab")
    assert api.seen[-1].method == "POST"
    assert api.seen[-1].body["kind"] == "Lease"
    assert api.seen[-1].body["apiVersion"] == "coordination.k8s.io/v1"


async def test_a_status_is_patched_under_its_subresource(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    body = {"metadata": {"uid": "uid-a"}, "status": {"phase": "Running"}}
    patched = await api.cluster.patch(
        Pod, "web", body, namespace="shop", subresource="status", content_type=STRATEGIC_MERGE
    )
    assert patched.status is not None
    assert patched.status.phase == "Running"
    assert api.seen[-1].url.path.endswith("/pods/web/status")
    assert api.seen[-1].content_type == STRATEGIC_MERGE


async def test_a_delete_is_immediate_and_only_for_this_uid(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json(uid="uid-new"))
    with pytest.raises(ObjectConflict):
        await api.cluster.delete_now(Pod, "web", namespace="shop", uid="uid-old")
    assert api.seen[-1].body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "uid-old"},
    }
    await api.cluster.delete_now(Pod, "web", namespace="shop", uid="uid-new")
    assert api.objects == {}


# -- what an answer decides ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ObjectRejected),
        (401, ClusterForbidden),
        (403, ClusterForbidden),
        (404, ObjectNotFound),
        (409, ObjectConflict),
        (410, ResourceVersionGone),
        (422, ObjectRejected),
        (429, ClusterUnreachable),
        (500, ClusterUnreachable),
        (503, ClusterUnreachable),
        (504, ClusterUnreachable),
    ],
)
def test_a_status_object_decides_by_its_code(code: int, kind: type[ClusterError]) -> None:
    error = classify_answer("GET /x", code, status_answer(code, "the server's words").content)
    assert type(error) is kind
    assert error.status == code
    assert str(error) == "GET /x: the server's words"


async def test_what_was_meant_for_a_predecessor_of_the_same_name_is_a_conflict(api: InMemoryApi) -> None:
    # The API server says so with 422: to it the UID is a field that cannot be changed.
    cause = {"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "field is immutable"}
    body = {"kind": "Status", "reason": "Invalid", "message": "metadata.uid: …", "details": {"causes": [cause]}}
    api.put("pods/shop/web", pod_json(uid="uid-new"))
    api.refuse(httpx2.Response(422, json=body))
    with pytest.raises(ObjectConflict):
        await api.cluster.patch(Pod, "web", {"metadata": {"uid": "uid-old"}}, namespace="shop")


@pytest.mark.parametrize("code", [302, 400, 401, 403, 404, 409, 410, 422, 500])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(html_answer(404).content, id="html"),
        pytest.param(b"", id="empty"),
        pytest.param(b"404 page not found", id="text"),
        pytest.param(b'{"error": "no such route"}', id="other json"),
        pytest.param(b'{"kind": 7}', id="kind of another type"),
        pytest.param(b'{"kind": "Status", "code": "404"}', id="status of another type"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b'{"kind": "\xff"}', id="no utf-8"),
        pytest.param(b'{"message":' * 100_000, id="endless nesting"),
    ],
)
def test_an_answer_without_a_status_object_decides_nothing(code: int, body: bytes) -> None:
    assert type(classify_answer("GET /x", code, body)) is ClusterUnreachable


def test_the_servers_words_are_cut() -> None:
    error = classify_answer("GET /x", 403, status_answer(403, "x" * 100_000).content)
    assert len(error.message) == MESSAGE_LIMIT


ASKED: dict[str, Call] = {
    "get": lambda cluster: cluster.get(Pod, "web", namespace="shop"),
    "create": lambda cluster: cluster.create(Event, {"metadata": {"name": "e"}}, namespace="shop"),
    "patch": lambda cluster: cluster.patch(Pod, "web", {}, namespace="shop"),
    "update": lambda cluster: cluster.update(Lease, "salad", {}, namespace="lab"),
    "delete": lambda cluster: cluster.delete_now(Pod, "web", namespace="shop", uid="uid-a"),
    "list": lambda cluster: cluster.list(Pod, field_selector=""),
    "watch": lambda cluster: watched(cluster),  # noqa: PLW0108 - it is defined further down
    "version": lambda cluster: cluster.server_version(),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(httpx2.ConnectError("connection refused"), id="refused"),
        pytest.param(httpx2.ReadTimeout(""), id="timeout"),
        pytest.param(httpx2.PoolTimeout(""), id="pool"),
        pytest.param(httpx2.RemoteProtocolError("server disconnected"), id="protocol"),
        pytest.param(httpx2.DecodingError("bad gzip"), id="compression"),
        pytest.param(httpx2.InvalidURL("no URL"), id="url"),
        pytest.param(OSError("no route"), id="socket"),
        pytest.param(ConfigError("Token file /x not found"), id="token file"),
        pytest.param(FileNotFoundError(2, "No such file", "aws"), id="credential program missing"),
        pytest.param(ValueError("Expecting value"), id="credential program prints no json"),
        pytest.param(KeyError("status"), id="credential program prints other json"),
        pytest.param(html_answer(404), id="html 404"),
        pytest.param(html_answer(200), id="html 200"),
        pytest.param(httpx2.Response(302, headers={"location": "https://login.test"}), id="login page"),
        pytest.param(httpx2.Response(200, json=[]), id="array"),
    ],
)
async def test_without_a_readable_answer_nothing_is_decided(
    api: InMemoryApi, asked: Call, failure: httpx2.Response | Exception, request: pytest.FixtureRequest
) -> None:
    if asked is ASKED["delete"] and isinstance(failure, httpx2.Response) and failure.status_code == 200:
        return  # the answer to a delete is not read: the pod's vanishing is
    api.refuse(failure)
    with pytest.raises(ClusterUnreachable):
        await asked(api.cluster)


@pytest.mark.parametrize(
    "asked", [ASKED[name] for name in ("get", "create", "patch", "update")], ids=["get", "create", "patch", "update"]
)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="empty object"),
        pytest.param({"kind": "Status", "metadata": {"name": "web"}}, id="another kind"),
        pytest.param({"kind": "Pod"}, id="no metadata"),
    ],
)
async def test_an_object_that_is_not_what_was_asked_for_decides_nothing(
    api: InMemoryApi, asked: Call, body: dict[str, Any]
) -> None:
    api.refuse(httpx2.Response(200, json=body))
    with pytest.raises(ClusterUnreachable):
        await asked(api.cluster)


async def test_a_server_that_never_answers_is_unreachable_after_the_deadline(looptime: Any) -> None:
    async def never(request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(never), base_url="https://k8s", trust_env=False)
    with pytest.raises(ClusterUnreachable, match="no answer in time"):
        await Cluster(http).get(Node, "salad")
    assert looptime == REQUEST_DEADLINE_S


async def test_cancellation_passes_through_a_request(api: InMemoryApi) -> None:
    api.delay_s = 10
    task = asyncio.create_task(api.cluster.get(Node, "salad"))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# -- list ------------------------------------------------------------------------------------------------------------


async def test_a_list_holds_the_selected_objects_and_the_version(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    api.put("pods/shop/other", pod_json("other", node="elsewhere"))
    listing = await api.cluster.list(Pod, field_selector="spec.nodeName=salad")
    assert [pod.metadata.name for pod in listing.items if pod.metadata] == ["web"]
    assert listing.resource_version == "102"


async def test_one_undecodable_item_does_not_spoil_the_list(api: InMemoryApi) -> None:
    api.put("pods/shop/web", pod_json())
    api.put("pods/shop/odd", {**pod_json("odd"), "spec": {"nodeName": "salad", "containers": "none"}})
    listing = await api.cluster.list(Pod, field_selector="spec.nodeName=salad")
    assert [pod.metadata.name for pod in listing.items if pod.metadata] == ["web"]
    assert listing.unreadable == (("shop", "odd"),)


async def test_an_empty_list_of_a_go_program_may_be_null(api: InMemoryApi) -> None:
    api.refuse(httpx2.Response(200, json={"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": None}))
    listing = await api.cluster.list(Pod, field_selector="")
    assert (listing.items, listing.resource_version) == ((), "7")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"kind": "PodList", "metadata": {}, "items": []}, id="no resource version"),
        pytest.param({"kind": "NodeList", "metadata": {"resourceVersion": "7"}, "items": []}, id="another kind"),
        pytest.param({"metadata": {"resourceVersion": "7"}, "items": []}, id="no kind"),
        pytest.param(
            {"kind": "PodList", "metadata": {"resourceVersion": "7", "continue": "abc"}, "items": []}, id="one page"
        ),
        pytest.param({"kind": "PodList", "metadata": {"resourceVersion": "7"}}, id="no items"),
        pytest.param({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": [{}]}, id="item without name"),
    ],
)
async def test_a_list_that_may_lack_objects_is_no_list(api: InMemoryApi, body: dict[str, Any]) -> None:
    api.refuse(httpx2.Response(200, json=body))
    with pytest.raises(ClusterUnreachable):
        await api.cluster.list(Pod, field_selector="")


# -- watch -----------------------------------------------------------------------------------------------------------


async def watched(cluster: Cluster, *, version: str = "100") -> list[WatchEvent[Pod]]:
    watch = cluster.watch(Pod, field_selector="spec.nodeName=salad", resource_version=version, server_timeout_s=120)
    return [event async for event in watch]


async def opened(api: InMemoryApi, seen: list[WatchEvent[Pod]]) -> asyncio.Task[None]:
    """Start a watch and return once the server has it."""

    async def follow() -> None:
        watch = api.cluster.watch(Pod, field_selector="", resource_version="100", server_timeout_s=120)
        async for event in watch:
            seen.append(event)  # noqa: PERF401 - what came before an error counts too

    task = asyncio.create_task(follow())
    await asyncio.sleep(0.1)
    return task


async def test_a_watch_yields_changes_until_the_server_ends_it(api: InMemoryApi) -> None:
    seen: list[WatchEvent[Pod]] = []
    task = await opened(api, seen)
    api.put("pods/shop/web", pod_json())
    api.change("pods/shop/web", {"metadata": {"labels": {"a": "b"}}})
    api.remove("pods/shop/web")
    api.watches[0].end()
    await task
    assert [(event.type, event.resource_version) for event in seen] == [
        ("ADDED", "101"),
        ("MODIFIED", "102"),
        ("DELETED", "103"),
    ]


async def test_a_watch_asks_for_bookmarks_and_a_time_out(api: InMemoryApi) -> None:
    task = await opened(api, [])
    api.watches[0].end()
    await task
    asked = dict(api.watches[0].params)
    assert asked["allowWatchBookmarks"] == "true"
    assert asked["timeoutSeconds"] == "120"
    assert asked["resourceVersion"] == "100"


async def test_a_bookmark_moves_the_version_and_has_no_object(api: InMemoryApi) -> None:
    seen: list[WatchEvent[Pod]] = []
    task = await opened(api, seen)
    api.watches[0].send("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "900"}})
    api.watches[0].end()
    await task
    assert seen == [WatchEvent("BOOKMARK", None, "900")]


@pytest.mark.parametrize("cut", range(0, 400, 37))
async def test_a_watch_reads_lines_however_they_are_cut(api: InMemoryApi, cut: int) -> None:
    seen: list[WatchEvent[Pod]] = []
    task = await opened(api, seen)
    raw = b"".join(
        json.dumps({"type": "ADDED", "object": pod_json(name, version=5)}, ensure_ascii=False).encode() + b"\n"
        for name in ("web-0", "web-1")
    )
    for piece in (raw[:cut], raw[cut : cut + 1], raw[cut + 1 :]):
        api.watches[0].send_bytes(piece)
    api.watches[0].end()
    await task
    assert [event.object.metadata.name for event in seen if event.object and event.object.metadata] == [
        "web-0",
        "web-1",
    ]


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\u00e9", "\U0001f957"])
async def test_only_a_line_feed_ends_a_line_of_a_watch(api: InMemoryApi, character: str) -> None:
    # Go's JSON leaves U+0085 as it is, and str.splitlines would split there.
    seen: list[WatchEvent[Pod]] = []
    task = await opened(api, seen)
    body = pod_json(version=5, annotations={"note": f"a{character}b"})
    api.watches[0].send_bytes(json.dumps({"type": "ADDED", "object": body}, ensure_ascii=False).encode() + b"\n")
    api.watches[0].end()
    await task
    assert [event.object.metadata.annotations for event in seen if event.object and event.object.metadata] == [
        {"note": f"a{character}b"}
    ]


async def test_an_error_410_in_the_stream_means_that_a_list_is_needed(api: InMemoryApi) -> None:
    api.forget_history()
    with pytest.raises(ResourceVersionGone, match="too old"):
        await watched(api.cluster, version="1")


async def test_a_watch_answered_with_410_means_that_a_list_is_needed(api: InMemoryApi) -> None:
    api.refuse(410)
    with pytest.raises(ResourceVersionGone):
        await watched(api.cluster)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"type": "ERROR", "object": {"code": 500, "message": "etcd is away"}}\n', id="server's error"),
        pytest.param(b'{"type": "ERROR", "object": {"code": "x"}}\n', id="unreadable error"),
        pytest.param(b'{"type": "ERROR", "object": 7}\n', id="error that is no object"),
        pytest.param(b"<html>\n", id="no json"),
        pytest.param(b'{"type": "ADDED", "object": {"kind": "Po', id="cut"),
        pytest.param(b'{"type": "ADDED"}\n', id="no object"),
        pytest.param(b'{"type": "ADDED", "object": {"kind": "Pod"}}\n', id="no metadata"),
        pytest.param(b'{"type": "ADDED", "object": {"metadata": {}}}\n', id="no name"),
        pytest.param(b"\xff\xff\n", id="no text"),
        pytest.param(b'{"type": "ADDED", "object": {"metadata": {"name": "\xff"}}}\n', id="no utf-8"),
        pytest.param(b'{"type": "BOOKMARK", "object": {}}\n', id="bookmark of nothing"),
    ],
)
async def test_a_line_that_cannot_be_read_breaks_the_watch(api: InMemoryApi, line: bytes) -> None:
    task = await opened(api, [])
    api.watches[0].send_bytes(line)
    api.watches[0].end()
    with pytest.raises(ClusterUnreachable):
        await task


async def test_a_connection_that_drops_breaks_the_watch_after_what_came(api: InMemoryApi) -> None:
    seen: list[WatchEvent[Pod]] = []
    task = await opened(api, seen)
    api.put("pods/shop/web", pod_json())
    api.watches[0].break_off()
    with pytest.raises(ClusterUnreachable, match="peer closed"):
        await task
    assert len(seen) == 1


async def test_a_silent_watch_is_given_up_after_the_servers_time_out_and_a_grace(
    api: InMemoryApi, looptime: Any
) -> None:
    task = await opened(api, [])
    with pytest.raises(ClusterUnreachable, match="no answer in time"):
        await task
    assert looptime == 120 + WATCH_GRACE_S


async def test_every_line_of_a_watch_starts_the_silence_anew(api: InMemoryApi, looptime: Any) -> None:
    task = await opened(api, [])
    await asyncio.sleep(100)
    api.watches[0].send("BOOKMARK", {"metadata": {"resourceVersion": "900"}})
    with pytest.raises(ClusterUnreachable):
        await task
    assert looptime == 0.1 + 100 + 120 + WATCH_GRACE_S


async def test_a_name_is_one_part_of_the_path_whatever_it_holds(api: InMemoryApi, cluster: Cluster) -> None:
    with pytest.raises(ObjectNotFound):
        await cluster.get(Pod, "../../kube-system/pods/x?y#z", namespace="shop")
    assert api.seen[0].url.raw_path == b"/api/v1/namespaces/shop/pods/..%2F..%2Fkube-system%2Fpods%2Fx%3Fy%23z"
