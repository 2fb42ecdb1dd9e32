"""The sync loop: what is asked of the provider, what is written, and when a pod may go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx2
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.cluster_inputs import ClusterInputs
from scvk.kubelet.events import EventRecorder, pod_subject
from scvk.kubelet.informer import PodInformer, uid_of
from scvk.kubelet.inputs import InputNeeds
from scvk.kubelet.pods import PodController
from scvk.kubelet.provider import (
    Observation,
    PodEvent,
    PodIdentity,
    PodKey,
    Removal,
    TemporaryProviderError,
)
from tests.unit.kubelet.builders import NODE, pod_json, running, status
from tests.unit.kubelet.fake_provider import GONE, NOT_YET, FakeProvider
from tests.unit.kubelet.given_objects import A_NODE
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

POD = "pods/shop/web"
WEB = PodKey("shop", "web")


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


class Controlling:
    def __init__(self, api: InMemoryApi, provider: FakeProvider, now: Callable[[], datetime]) -> None:
        self.api = api
        self.provider = provider
        self.may_act = asyncio.Event()
        self.may_act.set()
        self.events = EventRecorder(api.cluster, host=NODE, now=now)
        inputs = ClusterInputs(
            api.cluster, lambda: A_NODE, lambda pod, event: self.events.record(pod_subject(pod), event)
        )
        self.controller = PodController(
            api.cluster, provider, inputs, self.events, host_ip="10.0.0.7", may_act=self.may_act, now=now
        )
        self.informer = PodInformer(api.cluster, NODE, self.controller)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the end of the block; everything that can happen at once has happened at its beginning."""
        tasks = [
            asyncio.create_task(work)
            for work in (self.informer.run(), self.controller.run(self.informer), self.events.run())
        ]
        await asyncio.sleep(0.1)
        try:
            yield
            assert not any(task.done() for task in tasks), "no loop may end by itself"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def status_writes(self) -> list[dict[str, Any]]:
        return [seen.body["status"] for seen in self.api.seen if seen.path.endswith("/status")]

    def said(self) -> list[tuple[str, str]]:
        return [(body["reason"], body["message"]) for body in self.api.bodies("POST", "events")]


@pytest.fixture
def controlling(api: InMemoryApi, provider: FakeProvider, now: Callable[[], datetime]) -> Controlling:
    return Controlling(api, provider, now)


def deletes(api: InMemoryApi) -> list[dict[str, Any]]:
    return api.bodies("DELETE", "pods")


# -- pods that should run --------------------------------------------------------------------------------------------


async def test_nothing_happens_before_the_first_list(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    api.refuse(503, path="pods")
    async with controlling.running():
        assert provider.synced == []
        await asyncio.sleep(1)
        assert len(provider.synced) == 1


async def test_a_provider_gets_the_inputs_that_it_asks_for(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(command="serve"))
    provider.needs = InputNeeds(("main",))
    async with controlling.running():
        pass
    assert provider.synced_uids() == ["uid-a"]
    assert provider.inputs[0].containers["main"].command == ("serve",)


async def test_a_status_is_written_once_and_only_where_it_differs(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    provider.observe = lambda _: Observation(status(running()), again_in=1)
    async with controlling.running():
        await asyncio.sleep(10)
    assert len(controlling.status_writes()) == 1
    assert api.objects[POD]["status"]["phase"] == "Running"
    assert 10 <= len(provider.synced) <= 13


async def test_every_write_to_a_pod_names_its_uid(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    provider.observe = lambda _: Observation(status(running()), {"group": "g"})
    async with controlling.running():
        pass
    assert [body["metadata"]["uid"] for body in api.bodies("PATCH", "pods")] == ["uid-a", "uid-a"]


async def test_a_record_stands_on_the_pod_before_the_provider_is_asked_again(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    standing: list[dict[str, str] | None] = []

    def observe(pod: Pod) -> Observation:
        assert pod.metadata is not None
        standing.append(api.objects[POD]["metadata"].get("annotations"))
        if not (pod.metadata.annotations or {}).get("group"):
            return Observation(None, {"group": "shop-web-1"}, again_in=0)
        return Observation(None)

    provider.observe = observe
    async with controlling.running():
        pass
    assert standing == [None, {"group": "shop-web-1"}]


async def test_a_record_that_cannot_be_written_lets_nothing_be_made(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    api.refuse(503, method="PATCH", times=3)
    made: list[float] = []

    def observe(pod: Pod) -> Observation:
        assert pod.metadata is not None
        if not (pod.metadata.annotations or {}).get("group"):
            return Observation(None, {"group": "shop-web-1"}, again_in=0)
        made.append(asyncio.get_running_loop().time())
        return Observation(None)

    provider.observe = observe
    async with controlling.running():
        await asyncio.sleep(30)
    assert len(made) == 1
    assert len(provider.synced) == 5


@pytest.mark.parametrize("written", [True, False], ids=["written", "not written"])
@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(httpx2.ReadTimeout("no answer"), id="time-out"),
        pytest.param(httpx2.ReadError("cut"), id="cut"),
        pytest.param(504, id="504"),
        pytest.param(409, id="conflict"),
    ],
)
async def test_a_record_whose_answer_is_lost_is_one_record(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, failure: Any, written: bool
) -> None:
    api.put(POD, pod_json())

    def lose(seen: Any) -> None:
        if seen.method == "PATCH" and seen.path == POD:
            api.before = None
            if written:
                api.change(POD, {"metadata": {"annotations": seen.body["metadata"]["annotations"]}})
            api.refuse(failure, method="PATCH", path=POD)

    api.before = lose
    names = iter(f"shop-web-{number}" for number in range(9))
    made: list[str] = []

    def observe(pod: Pod) -> Observation:
        assert pod.metadata is not None
        recorded = (pod.metadata.annotations or {}).get("group")
        if recorded is None:
            return Observation(None, {"group": next(names)}, again_in=0)
        made.append(recorded)
        return Observation(None)

    provider.observe = observe
    async with controlling.running():
        await asyncio.sleep(30)
        standing = api.objects[POD]["metadata"]["annotations"]["group"]
    assert set(made) == {standing}
    assert standing == ("shop-web-0" if written else "shop-web-1")


@pytest.mark.parametrize("status_code", [409, 429, 500, 503, 504])
async def test_a_status_that_cannot_be_written_now_is_written_later(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, status_code: int
) -> None:
    api.put(POD, pod_json())
    api.refuse(status_code, path=f"{POD}/status", times=3)
    provider.observe = lambda _: Observation(status(running()))
    async with controlling.running():
        await asyncio.sleep(30)
    assert api.objects[POD]["status"]["phase"] == "Running"


async def test_a_pod_replaced_under_its_name_while_its_group_is_made_leaves_what_was_made_to_its_removal(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(uid="uid-old", annotations={"group": "old"}))
    steps: list[str] = []

    def takes_s(pod: Pod) -> float:
        steps.append(f"sync {uid_of(pod)}")
        return 5 if uid_of(pod) == "uid-old" else 0

    def removal(pod: PodIdentity) -> Removal:
        steps.append(f"remove {pod.uid}")
        return GONE

    provider.takes_s = takes_s
    provider.observe = lambda _: Observation(status(running()))
    provider.removal = removal
    async with controlling.running():
        await asyncio.sleep(1)
        assert steps == ["sync uid-old"]
        api.remove(POD)
        api.put(POD, pod_json(uid="uid-new"))
        await asyncio.sleep(20)
    assert steps[:3] == ["sync uid-old", "remove uid-old", "sync uid-new"]
    assert api.objects[POD]["status"]["phase"] == "Running"
    assert provider.removed == [("uid-old", "old")]


async def test_annotations_that_stand_already_are_not_written_again(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(annotations={"group": "g", "mine": "stays"}))
    provider.observe = lambda _: Observation(None, {"group": "g"})
    async with controlling.running():
        pass
    assert api.writes == []


async def test_a_pod_is_looked_at_again_when_the_provider_says_that_it_moved(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    async with controlling.running():
        provider.moved.put_nowait(WEB)
        await asyncio.sleep(0.1)
        assert provider.synced_uids() == ["uid-a", "uid-a"]
        provider.moved.put_nowait(PodKey("shop", "unknown"))
        await asyncio.sleep(0.1)
    assert len(provider.synced) == 2


async def test_what_our_own_write_changed_starts_no_further_sync(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    provider.observe = lambda _: Observation(status(running()))
    async with controlling.running():
        await asyncio.sleep(60)
    assert len(provider.synced) == 1


async def test_the_providers_events_are_told_of_the_container(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())
    provider.observe = lambda _: Observation(None, events=(PodEvent("Created", "made it"),))
    async with controlling.running():
        pass
    [body] = api.bodies("POST", "events/shop")
    assert (body["reason"], body["involvedObject"]["uid"]) == ("Created", "uid-a")
    assert body["involvedObject"]["fieldPath"] == "spec.containers{main}"


async def test_a_status_refused_for_another_pod_of_the_name_is_no_end(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(uid="uid-old"))

    def replaces(seen: Any) -> None:
        if seen.path.endswith("/status"):
            api.before = None
            api.remove(POD)
            api.put(POD, pod_json(uid="uid-new"))

    api.before = replaces
    provider.observe = lambda pod: Observation(status(running(message=uid_of(pod))))
    provider.removal = lambda _: GONE
    async with controlling.running():
        await asyncio.sleep(5)
    assert api.objects[POD]["status"]["message"] == "uid-new"
    assert provider.removed == [("uid-old", "")]


# -- what cannot be done now -----------------------------------------------------------------------------------------


async def test_a_cloud_that_says_nothing_certain_is_asked_again_with_backoff(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())

    def observe(_: Pod) -> Observation:
        raise TemporaryProviderError("the cloud is away")

    provider.observe = observe
    async with controlling.running():
        await asyncio.sleep(600)
        assert 20 <= len(provider.synced) <= 30
        provider.observe = lambda _: Observation(status(running()))
        await asyncio.sleep(40)
    assert api.objects[POD]["status"]["phase"] == "Running"


async def test_the_clouds_own_time_of_the_next_try_is_kept(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())

    def observe(_: Pod) -> Observation:
        raise TemporaryProviderError("slow down", retry_after=90)

    provider.observe = observe
    async with controlling.running():
        await asyncio.sleep(89)
        assert len(provider.synced) == 1
        await asyncio.sleep(2)
        assert len(provider.synced) == 2


@pytest.mark.parametrize(
    ("now_status", "told"),
    [
        pytest.param({}, True, id="no status"),
        pytest.param({"phase": "Pending"}, True, id="pending"),
        pytest.param(running(), False, id="running"),
    ],
)
async def test_who_waits_for_a_pod_is_told_once_what_for(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, now_status: dict[str, Any], told: bool
) -> None:
    api.put(POD, pod_json(status=now_status))

    def observe(_: Pod) -> Observation:
        raise TemporaryProviderError("the cloud is away")

    provider.observe = observe
    async with controlling.running():
        await asyncio.sleep(300)
    assert [message for _, message in controlling.said()] == ["the cloud is away"] * told
    assert controlling.status_writes() == []


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(httpx2.ConnectError("refused"), id="unreachable"),
        pytest.param(403, id="forbidden"),
        pytest.param(409, id="conflict"),
        pytest.param(422, id="rejected"),
        pytest.param(RuntimeError("a bug"), id="bug"),
    ],
)
async def test_no_failure_of_one_pod_ends_the_work(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, failure: Any
) -> None:
    api.put(POD, pod_json())
    api.put("pods/shop/db", pod_json("db", uid="uid-b"))
    api.refuse(failure, path=f"{POD}/status", times=4)
    provider.observe = lambda _: Observation(status(running()))
    async with controlling.running():
        assert api.objects["pods/shop/db"]["status"]["phase"] == "Running"
        await asyncio.sleep(60)
    assert api.objects[POD]["status"]["phase"] == "Running"


async def test_a_bug_in_the_provider_is_tried_again_and_ends_nothing(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())

    def observe(_: Pod) -> Observation:
        raise AssertionError("a bug")

    provider.observe = observe
    async with controlling.running():
        await asyncio.sleep(10)
    assert len(provider.synced) > 3


async def test_nothing_is_done_while_the_agent_lease_is_not_held(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    controlling.may_act.clear()
    api.put(POD, pod_json())
    api.put("pods/shop/db", pod_json("db", deleted=True))
    async with controlling.running():
        await asyncio.sleep(600)
        assert (provider.synced, provider.removed, api.writes) == ([], [], [])
        controlling.may_act.set()
        await asyncio.sleep(0.1)
        assert provider.synced_uids() == ["uid-a"]


# -- what a pod refers to --------------------------------------------------------------------------------------------


def refers_to(source: dict[str, Any]) -> dict[str, Any]:
    plain = pod_json()
    plain["spec"]["containers"][0]["envFrom"] = [source]
    return plain


KEYS = {"secretRef": {"name": "keys"}}


async def test_a_pod_that_lacks_a_secret_waits_with_a_reason_and_runs_once_it_is_there(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, refers_to(KEYS))
    provider.needs = InputNeeds(("main",))
    provider.observe = lambda _: Observation(status(running()))
    async with controlling.running():
        await asyncio.sleep(300)
        assert len(controlling.status_writes()) == 1
        standing = api.objects[POD]["status"]
        assert standing["phase"] == "Pending"
        assert standing["containerStatuses"][0]["state"]["waiting"]["reason"] == "CreateContainerConfigError"
        assert [reason for reason, _ in controlling.said()] == ["MandatorySecretNotFound"]
        assert 10 <= len(provider.synced) <= 20
        api.put("secrets/shop/keys", {"data": {"TOKEN": "dDBrZW4="}})
        await asyncio.sleep(35)
    assert api.objects[POD]["status"]["phase"] == "Running"
    assert api.objects[POD]["status"].get("message") is None
    assert dict(provider.inputs[0].containers["main"].environment) == {"TOKEN": "t0ken"}
    assert "t0ken" not in str(api.writes) + str(controlling.said())


async def test_a_pod_that_lacks_a_volume_is_told_as_a_failed_mount(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    plain = pod_json()
    plain["spec"]["containers"][0]["volumeMounts"] = [{"name": "conf", "mountPath": "/conf"}]
    plain["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": "settings"}}]
    api.put(POD, plain)
    provider.needs = InputNeeds(("main",))
    async with controlling.running():
        pass
    ((reason, message),) = controlling.said()
    assert reason == "FailedMount"
    assert 'configmap "settings" not found' in message
    state = api.objects[POD]["status"]["containerStatuses"][0]["state"]
    assert state["waiting"]["reason"] == "ContainerCreating"


async def test_an_optional_object_is_told_once_and_keeps_nothing_from_running(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, refers_to({"configMapRef": {"name": "settings", "optional": True}}))
    provider.needs = InputNeeds(("main",))
    provider.observe = lambda _: Observation(status(running()), again_in=1)
    async with controlling.running():
        await asyncio.sleep(30)
    assert api.objects[POD]["status"]["phase"] == "Running"
    assert [reason for reason, _ in controlling.said()] == ["OptionalConfigMapNotFound"]


async def test_an_object_that_cannot_be_read_changes_nothing_and_is_told(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, refers_to(KEYS))
    api.refuse(503, path="secrets", times=None)
    provider.needs = InputNeeds(("main",))
    async with controlling.running():
        await asyncio.sleep(60)
    assert [reason for reason, _ in controlling.said()] == ["FailedToReadMandatorySecret"]
    assert controlling.status_writes() == []


async def test_nothing_is_read_for_a_pod_of_which_nothing_is_to_be_made(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, {**refers_to(KEYS), "status": running()})
    provider.observe = lambda _: Observation(status(running()), again_in=1)
    async with controlling.running():
        await asyncio.sleep(10)
    assert not [seen for seen in api.seen if seen.path.startswith("secrets")]
    assert controlling.said() == []


# -- pods that go ----------------------------------------------------------------------------------------------------


async def test_a_deleted_pod_goes_only_when_nothing_can_be_left_of_it(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(deleted=True, status=running(), annotations={"group": "g"}))
    async with controlling.running():
        await asyncio.sleep(60)
        assert deletes(api) == []
        assert api.objects[POD]["status"]["phase"] == "Running"
        assert len(provider.removed) >= 30
        assert set(provider.removed) == {("uid-a", "g")}
        assert provider.synced == []
        provider.removal = lambda _: GONE
        await asyncio.sleep(3)
    assert POD not in api.objects
    assert [(body["gracePeriodSeconds"], body["preconditions"]) for body in deletes(api)] == [(0, {"uid": "uid-a"})]


async def test_a_pod_ends_before_it_goes(api: InMemoryApi, provider: FakeProvider, controlling: Controlling) -> None:
    api.put(POD, pod_json(deleted=True, status=running()))
    provider.removal = lambda _: GONE
    async with controlling.running():
        pass
    assert [write for write in api.writes if write[1].startswith("pods")] == [
        ("PATCH", f"{POD}/status"),
        ("DELETE", POD),
    ]
    assert controlling.status_writes()[0]["phase"] == "Failed"


@pytest.mark.parametrize("failure", [404, 409, 422])
async def test_an_end_that_the_server_does_not_take_keeps_no_pod_terminating(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, failure: int
) -> None:
    api.put(POD, pod_json(deleted=True, status=running()))
    api.refuse(failure, path=f"{POD}/status", times=None)
    provider.removal = lambda _: GONE
    async with controlling.running():
        pass
    assert POD not in api.objects


async def test_a_deletion_that_fails_is_tried_again(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(deleted=True))
    api.refuse(500, method="DELETE", times=2)
    provider.removal = lambda _: GONE
    async with controlling.running():
        await asyncio.sleep(10)
    assert POD not in api.objects
    assert len(deletes(api)) == 3


@pytest.mark.parametrize(
    "removal",
    [pytest.param(NOT_YET, id="not certain"), pytest.param(TemporaryProviderError("away"), id="not known")],
)
async def test_a_removal_that_is_not_certain_deletes_no_pod(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, removal: Removal | Exception
) -> None:
    def answer(_: PodIdentity) -> Removal:
        if isinstance(removal, Exception):
            raise removal
        return removal

    provider.removal = answer
    api.put(POD, pod_json(deleted=True, status=running()))
    async with controlling.running():
        await asyncio.sleep(3600)
    assert api.writes == []
    assert len(provider.removed) > 100


async def test_a_successor_is_not_deleted_in_place_of_its_predecessor(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(uid="uid-old", deleted=True))

    def replaces(seen: Any) -> None:
        if seen.method == "DELETE":
            api.before = None
            api.remove(POD)
            api.put(POD, pod_json(uid="uid-new"))

    api.before = replaces
    provider.removal = lambda _: GONE
    async with controlling.running():
        await asyncio.sleep(5)
    assert api.objects[POD]["metadata"]["uid"] == "uid-new"
    assert "uid-new" in provider.synced_uids()


async def test_the_end_of_a_pod_is_told_as_an_event(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(deleted=True))
    provider.removal = lambda _: Removal(certain=False, again_in=1, events=(PodEvent("Killing", "group g"),))
    async with controlling.running():
        await asyncio.sleep(10)
    assert controlling.said() == [("Killing", "group g")]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_finished_pod_is_cleared_once_and_stays(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling, phase: str
) -> None:
    api.put(POD, pod_json(status={"phase": phase}))
    provider.removal = lambda _: GONE if len(provider.removed) >= 3 else NOT_YET
    async with controlling.running():
        await asyncio.sleep(10)
        assert len(provider.removed) == 3
        api.change(POD, {"metadata": {"labels": {"touched": "yes"}}})
        await asyncio.sleep(10)
    assert len(provider.removed) == 3
    assert provider.synced == []
    assert api.objects[POD]["status"] == {"phase": phase}


async def test_what_shows_up_of_a_finished_pod_after_it_was_cleared_is_removed_too(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(status={"phase": "Failed"}))
    provider.removal = lambda _: GONE
    async with controlling.running():
        await asyncio.sleep(10)
        assert len(provider.removed) == 1
        provider.removal = lambda _: GONE if len(provider.removed) >= 4 else NOT_YET
        provider.moved.put_nowait(WEB)
        await asyncio.sleep(20)
    assert len(provider.removed) == 4


async def test_a_pod_that_ends_is_cleared_though_the_watch_tells_nothing_new(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json())

    def observe(_: Pod) -> Observation:
        for watch in api.watches:
            watch.end()  # the answer to our own write comes before the watch's word of it
        return Observation(status({"phase": "Succeeded"}))

    provider.observe = observe
    provider.removal = lambda _: GONE
    async with controlling.running():
        await asyncio.sleep(10)
    assert provider.removed == [("uid-a", "")]


async def test_the_memory_of_finished_pods_goes_with_them(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(status={"phase": "Succeeded"}))
    provider.removal = lambda _: GONE
    async with controlling.running():
        api.remove(POD)
        await asyncio.sleep(1)
    assert controlling.controller._cleared == set()
    assert controlling.controller._vanished == {}


async def test_a_finished_pod_that_vanishes_while_it_is_cleared_leaves_no_memory(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(status={"phase": "Succeeded"}))
    provider.removal = lambda _: GONE
    provider.removing_takes_s = 5.0
    async with controlling.running():
        await asyncio.sleep(1)
        api.remove(POD)
        await asyncio.sleep(20)
    assert controlling.controller._cleared == set()


async def test_what_shows_up_of_a_finished_pod_while_it_is_cleared_is_removed_too(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(status={"phase": "Failed"}))
    provider.removal = lambda _: GONE
    provider.removing_takes_s = 5.0
    async with controlling.running():
        await asyncio.sleep(1)
        provider.moved.put_nowait(WEB)
        await asyncio.sleep(20)
    assert len(provider.removed) == 2


async def test_a_pod_that_vanishes_is_removed_by_its_last_known_record(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(status=running(), annotations={"group": "g"}))
    async with controlling.running():
        api.remove(POD)
        await asyncio.sleep(20)
        assert set(provider.removed) == {("uid-a", "g")}
        assert len(provider.removed) >= 10
        provider.removal = lambda _: GONE
        await asyncio.sleep(3)
        count = len(provider.removed)
        await asyncio.sleep(600)
        assert len(provider.removed) == count
    assert controlling.said() == [], "there is no pod any more to tell it of"


async def test_all_predecessors_of_one_name_are_removed(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    api.put(POD, pod_json(uid="uid-1"))
    async with controlling.running():
        for uid in ("uid-2", "uid-3"):
            api.remove(POD)
            api.put(POD, pod_json(uid=uid))
        await asyncio.sleep(3)
        assert {uid for uid, _ in provider.removed} == {"uid-1", "uid-2"}
        provider.removal = lambda _: GONE
        await asyncio.sleep(3)
    assert "uid-3" not in {uid for uid, _ in provider.removed}
    assert provider.synced_uids()[-1] == "uid-3"


async def test_a_predecessor_that_cannot_be_removed_now_keeps_no_successor_from_running(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    def removal(pod: PodIdentity) -> Removal:
        raise TemporaryProviderError("the cloud does not say whose group it is")

    provider.removal = removal
    provider.observe = lambda _: Observation(status(running()))
    api.put(POD, pod_json(uid="uid-old"))
    async with controlling.running():
        api.remove(POD)
        api.put(POD, pod_json(uid="uid-new"))
        await asyncio.sleep(60)
        assert api.objects[POD]["status"]["phase"] == "Running"
        assert len(provider.removed) > 3, "and it is not forgotten"


# -- pods with a deadline --------------------------------------------------------------------------------------------


def with_deadline(seconds: int, **given: Any) -> dict[str, Any]:
    manifest = pod_json(**given)
    manifest["spec"]["activeDeadlineSeconds"] = seconds
    return manifest


async def test_a_pod_past_its_deadline_is_removed_before_it_is_told_as_failed(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    provider.observe = lambda _: Observation(status(running(startTime="2026-03-01T12:00:00Z")))
    api.put(POD, with_deadline(60))
    async with controlling.running():
        await asyncio.sleep(58)
        assert provider.removed == []
        await asyncio.sleep(10)
        assert provider.removed, "at the deadline the removal begins"
        assert api.objects[POD]["status"]["phase"] == "Running"
        synced = len(provider.synced)
        provider.removal = lambda _: GONE
        await asyncio.sleep(10)
        assert len(provider.synced) == synced, "what is to end is not started again"
    ended = api.objects[POD]["status"]
    assert (ended["phase"], ended["reason"]) == ("Failed", "DeadlineExceeded")
    assert ended["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline") in controlling.said()
    assert deletes(api) == []


async def test_a_deadline_counts_from_the_start_time_also_while_the_pod_waits(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    provider.removal = lambda _: GONE
    api.put(POD, with_deadline(60, status={"phase": "Pending", "startTime": "2026-03-01T11:59:30Z"}))
    async with controlling.running():
        await asyncio.sleep(28)
        assert api.objects[POD]["status"]["phase"] == "Pending"
        await asyncio.sleep(4)
    assert api.objects[POD]["status"]["phase"] == "Failed"


async def test_a_pod_that_ended_in_time_is_not_failed_by_its_deadline(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    provider.removal = lambda _: GONE
    api.put(POD, with_deadline(1, status={"phase": "Succeeded", "startTime": "2026-03-01T11:00:00Z"}))
    async with controlling.running():
        await asyncio.sleep(10)
    assert api.objects[POD]["status"]["phase"] == "Succeeded"


async def test_a_pod_is_told_ready_when_its_gate_is_true(
    api: InMemoryApi, provider: FakeProvider, controlling: Controlling
) -> None:
    ready = [{"type": kind, "status": "True"} for kind in ("ContainersReady", "Ready")]
    provider.observe = lambda _: Observation(status(running(conditions=ready)), again_in=1)
    manifest = pod_json()
    manifest["spec"]["readinessGates"] = [{"conditionType": "lb"}]
    api.put(POD, manifest)

    def standing() -> dict[str, str]:
        return {each["type"]: each["status"] for each in api.objects[POD]["status"]["conditions"]}

    async with controlling.running():
        await asyncio.sleep(5)
        assert (standing()["ContainersReady"], standing()["Ready"]) == ("True", "False")
        changed = {**api.objects[POD]["status"]}
        changed["conditions"] = [*changed["conditions"], {"type": "lb", "status": "True"}]
        api.put(POD, {**api.objects[POD], "status": changed})
        await asyncio.sleep(5)
        assert standing()["Ready"] == "True"
