"""Pods that run with what a ConfigMap or Secret held before: told once for a change, at a slow and bounded pace."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.cluster_errors import ClusterError
from scvk.kubelet.informer import key_of
from scvk.kubelet.input_changes import AGAIN_AFTER_S, InputChanges
from scvk.kubelet.input_objects import ObjectKey
from scvk.kubelet.input_versions import INPUTS_ANNOTATION, noted, versions_in
from scvk.kubelet.provider import PodEvent
from tests.unit.kubelet.builders import pod_json, running
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime


class Looking:
    """The node's pods as an informer has them, and what was told."""

    def __init__(self, api: InMemoryApi) -> None:
        self.api = api
        self.told: list[tuple[str, PodEvent]] = []
        self.restart()

    def restart(self) -> None:
        """Begin again, with nothing remembered."""
        may_act = asyncio.Event()
        may_act.set()
        self.changes = InputChanges(
            self.api.cluster,
            self.pods,
            lambda pod, event: self.told.append((str(key_of(pod)), event)),
            lambda _: None,
            may_act=may_act,
        )

    def pods(self) -> tuple[Pod, ...]:
        found = [body for path, body in self.api.objects.items() if path.startswith("pods/")]
        return tuple(msgspec.convert(body, Pod) for body in found)

    def given(self, *paths: str, name: str = "web", namespace: str = "shop", **more: Any) -> None:
        """Let a pod run that was given these objects as they are now."""
        versions = {}
        for path in paths:
            body = self.api.objects[path]
            versions[f"{body['kind']}/{body['metadata']['name']}"] = (
                f"{body['metadata']['uid']}/{body['metadata']['resourceVersion']}"
            )
        given = {"uid": f"uid-of-{name}", "status": running(), "annotations": noted(versions, {}), **more}
        self.api.put(f"pods/{namespace}/{name}", pod_json(name, namespace=namespace, **given))

    async def look(self, count: int = 1) -> None:
        """Give each object its turn so many times."""
        for _ in range(count):
            await asyncio.sleep(AGAIN_AFTER_S)
            while await self.changes.look_once():
                pass

    def reads(self) -> list[str]:
        return [seen.path for seen in self.api.seen if seen.method == "GET"]


@pytest.fixture
def looking(api: InMemoryApi) -> Looking:
    api.put("configmaps/shop/settings", {"data": {"MODE": "fast"}})
    api.put("secrets/shop/keys", {"data": {"TOKEN": "dDBrZW4="}})
    return Looking(api)


async def test_a_change_is_told_once_also_after_a_restart(looking: Looking) -> None:
    looking.given("configmaps/shop/settings", "secrets/shop/keys")
    await looking.look(2)
    assert looking.told == []
    looking.api.change("configmaps/shop/settings", {"data": {"MODE": "slow"}})
    await looking.look(2)
    looking.restart()
    await looking.look(2)
    ((pod, event),) = looking.told
    assert (pod, event.reason, event.warning) == ("shop/web", "InputsChanged", True)
    assert 'ConfigMap "settings" was changed' in event.message
    assert "delete the pod" in event.message
    assert "fast" not in event.message
    assert "slow" not in event.message


async def test_each_change_is_told(looking: Looking) -> None:
    looking.given("secrets/shop/keys")
    for value in ("YQ==", "Yg=="):
        looking.api.change("secrets/shop/keys", {"data": {"TOKEN": value}})
        await looking.look()
    assert [event.reason for _, event in looking.told] == ["InputsChanged"] * 2


async def test_an_object_that_was_made_again_is_told_as_that(looking: Looking) -> None:
    looking.given("configmaps/shop/settings")
    looking.api.remove("configmaps/shop/settings")
    await looking.look()
    assert looking.told == [], "what is gone disturbs nothing"
    looking.api.put("configmaps/shop/settings", {"data": {}})
    await looking.look()
    ((_, event),) = looking.told
    assert "deleted and made again" in event.message


async def test_pods_share_a_look_and_all_of_them_are_told(looking: Looking) -> None:
    for number in range(20):
        looking.given("configmaps/shop/settings", name=f"web-{number}")
    looking.api.change("configmaps/shop/settings", {"data": {"MODE": "slow"}})
    looking.api.seen.clear()
    await looking.look()
    assert (looking.reads(), len(looking.told)) == (["configmaps/shop/settings"], 20)
    patches = [path for method, path in looking.api.writes if method == "PATCH"]
    assert len(patches) == 20


async def test_only_metadata_is_asked_for(looking: Looking) -> None:
    looking.given("secrets/shop/keys")
    asked: list[str] = []
    looking.api.before = lambda seen: asked.append(seen.accept)
    await looking.look()
    assert asked == ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]


async def test_an_object_is_looked_at_every_few_minutes_and_not_oftener(looking: Looking) -> None:
    looking.given("configmaps/shop/settings", "secrets/shop/keys")
    task = asyncio.create_task(looking.changes.run())
    await asyncio.sleep(3600)
    task.cancel()
    assert len(looking.reads()) <= 2 * (3600 / AGAIN_AFTER_S + 1)
    assert set(looking.reads()) == {"configmaps/shop/settings", "secrets/shop/keys"}


async def test_many_objects_are_looked_at_one_in_a_second(looking: Looking) -> None:
    for number in range(400):
        looking.api.put(f"configmaps/shop/c{number}", {"data": {}})
        looking.given(f"configmaps/shop/c{number}", name=f"web-{number}")
    looking.api.seen.clear()
    task = asyncio.create_task(looking.changes.run())
    await asyncio.sleep(300)
    task.cancel()
    assert 250 < len(looking.reads()) <= 300
    assert len(set(looking.reads())) == len(looking.reads())


@pytest.mark.parametrize("status", [403, 500, 429])
async def test_what_cannot_be_read_says_nothing_and_is_tried_again(looking: Looking, status: int) -> None:
    looking.given("configmaps/shop/settings")
    looking.api.change("configmaps/shop/settings", {"data": {}})
    looking.api.refuse(status, method="GET", path="configmaps")
    with pytest.raises(ClusterError):
        await looking.look()
    assert looking.told == []
    await looking.look()
    assert len(looking.told) == 1


@pytest.mark.parametrize(
    "more",
    [{"status": {"phase": "Succeeded"}}, {"deleted": True}],
    ids=["finished", "being-deleted"],
)
async def test_pods_on_their_way_out_are_not_told(looking: Looking, more: dict[str, Any]) -> None:
    looking.given("configmaps/shop/settings", **more)
    looking.api.change("configmaps/shop/settings", {"data": {}})
    await looking.look(2)
    assert looking.told == []


async def test_an_object_of_another_namespace_is_another_one(looking: Looking) -> None:
    looking.api.put("configmaps/park/settings", {"data": {}})
    looking.given("configmaps/shop/settings")
    looking.given("configmaps/park/settings", namespace="park", name="other")
    looking.api.change("configmaps/park/settings", {"data": {"A": "b"}})
    await looking.look(2)
    assert [pod for pod, _ in looking.told] == ["park/other"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"ConfigMap/a": 1}',
        '{"ConfigMap/../../kube-system/secrets/x": "u/1"}',
        '{"Node/a": "u/1"}',
    ],
)
def test_what_people_write_there_is_never_asked_for(text: str) -> None:
    assert versions_in({INPUTS_ANNOTATION: text}) == {}


def test_what_was_noted_is_read_again() -> None:
    annotations = noted({"Secret/keys": "u/2", "ConfigMap/settings": "u/1"}, {})
    assert versions_in(annotations) == {ObjectKey("Secret", "keys"): "u/2", ObjectKey("ConfigMap", "settings"): "u/1"}
    assert noted({}, {}) == {}
    assert noted({}, annotations) == {INPUTS_ANNOTATION: ""}
