"""Events: for people, never a flood, never in the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from scvk.kubelet import events as events_module
from scvk.kubelet.events import ALLOWANCE, MESSAGE_LIMIT, REFILL_EVERY_S, REPEAT_AFTER_S, EventRecorder, Subject
from scvk.kubelet.provider import PodEvent
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = pytest.mark.looptime

POD = Subject("Pod", "web", "uid-a", "shop", "spec.containers{main}")
OTHER = Subject("Pod", "db", "uid-b", "shop")


@pytest.fixture
def recorder(api: InMemoryApi, now: Callable[[], datetime]) -> EventRecorder:
    return EventRecorder(api.cluster, host="salad", now=now)


@asynccontextmanager
async def writing(recorder: EventRecorder) -> AsyncIterator[None]:
    task = asyncio.create_task(recorder.run())
    try:
        yield
        await asyncio.sleep(1)
        assert not task.done(), "the writer must never end by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def counts(api: InMemoryApi) -> list[int]:
    return [body["count"] for path, body in api.objects.items() if path.startswith("events/")]


def a_start(seconds: int) -> PodEvent:
    return PodEvent(
        "Started", "Started container main", at=datetime(2026, 3, 1, 11, 0, tzinfo=UTC) + timedelta(0, seconds)
    )


def messages(api: InMemoryApi) -> list[str]:
    return [body["message"] for body in api.bodies("POST", "events")]


async def test_an_event_looks_like_a_kubelets(api: InMemoryApi, recorder: EventRecorder) -> None:
    recorder.record(POD, PodEvent("Failed", "no such image", warning=True))
    await recorder.drain()
    [body] = api.bodies("POST", "events/shop")
    assert re.fullmatch(r"web\.[0-9a-f]{16}", body["metadata"]["name"])
    assert {key: body[key] for key in ("reason", "message", "type", "count")} == {
        "reason": "Failed",
        "message": "no such image",
        "type": "Warning",
        "count": 1,
    }
    assert body["source"] == {"component": "kubelet", "host": "salad"}
    assert body["firstTimestamp"] == body["lastTimestamp"] == "2026-03-01T12:00:00Z"
    assert body["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "web",
        "uid": "uid-a",
        "namespace": "shop",
        "fieldPath": "spec.containers{main}",
    }


async def test_an_event_of_a_cluster_wide_object_stands_in_the_default_namespace(
    api: InMemoryApi, recorder: EventRecorder
) -> None:
    recorder.record(Subject("Node", "salad", "uid-n"), PodEvent("Starting", "hello"))
    await recorder.drain()
    [body] = api.bodies("POST", "events/default")
    assert "namespace" not in body["involvedObject"]
    assert body["type"] == "Normal"


@pytest.mark.parametrize("cut_at", ["-", ".", "--.-"])
async def test_the_name_of_an_event_stays_valid_where_it_is_cut(
    api: InMemoryApi, recorder: EventRecorder, cut_at: str
) -> None:
    name = "a" * (230 - len(cut_at)) + cut_at + "b" * 20
    recorder.record(Subject("Pod", name, "uid-a", "shop"), PodEvent("Created", "m"))
    await recorder.drain()
    [body] = api.bodies("POST", "events")
    first, _, digest = body["metadata"]["name"].rpartition(".")
    assert first == "a" * (230 - len(cut_at))
    assert len(body["metadata"]["name"]) <= 253
    assert int(digest, 16) > 0


async def test_a_long_message_is_cut_to_what_the_api_server_takes(api: InMemoryApi, recorder: EventRecorder) -> None:
    recorder.record(POD, PodEvent("Failed", "x" * 5000))
    await recorder.drain()
    assert [len(message) for message in messages(api)] == [MESSAGE_LIMIT]


async def test_the_same_message_is_said_once_in_a_while(api: InMemoryApi, recorder: EventRecorder) -> None:
    async with writing(recorder):
        for _ in range(int(REPEAT_AFTER_S) * 2 // 10):
            recorder.record(POD, PodEvent("BackOff", "waiting"))
            await asyncio.sleep(10)
    assert len(messages(api)) == 1
    assert counts(api) == [2]


async def test_another_pod_reason_or_message_is_another_event(api: InMemoryApi, recorder: EventRecorder) -> None:
    for subject, event in [
        (POD, PodEvent("A", "m")),
        (POD, PodEvent("B", "m")),
        (POD, PodEvent("A", "n")),
        (OTHER, PodEvent("A", "m")),
    ]:
        recorder.record(subject, event)
    await recorder.drain()
    assert len(messages(api)) == 4


async def test_a_pod_with_ever_new_messages_has_an_allowance_that_refills(
    api: InMemoryApi, recorder: EventRecorder
) -> None:
    async with writing(recorder):
        for number in range(100):
            recorder.record(POD, PodEvent("Odd", f"message {number}"))
        recorder.record(OTHER, PodEvent("Fine", "mine"))
        await asyncio.sleep(REFILL_EVERY_S * 2 + 1)
        assert len(messages(api)) == ALLOWANCE + 1
        for number in range(100, 200):
            recorder.record(POD, PodEvent("Odd", f"message {number}"))
    assert len(messages(api)) == ALLOWANCE + 1 + 2


async def test_what_happens_again_is_the_same_event_counted_with_the_time_of_the_last(
    api: InMemoryApi, recorder: EventRecorder
) -> None:
    for seconds in (0, 60, 120):
        recorder.record(POD, a_start(seconds))
    await recorder.drain()
    [event] = [body for path, body in api.objects.items() if path.startswith("events/")]
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
        3,
        "2026-03-01T11:00:00Z",
        "2026-03-01T11:02:00Z",
    )


async def test_what_happened_at_a_time_is_told_once_however_often_it_is_heard_of(
    api: InMemoryApi, recorder: EventRecorder
) -> None:
    for seconds in (0, 60, 0, 60, 60, 30):
        recorder.record(POD, a_start(seconds))
        await recorder.drain()
    assert counts(api) == [2]
    assert len(api.writes) == 2


async def test_a_restarted_agent_does_not_count_again_what_stands_there(
    api: InMemoryApi, recorder: EventRecorder, now: Callable[[], datetime]
) -> None:
    for seconds in (0, 60):
        recorder.record(POD, a_start(seconds))
    recorder.record(POD, PodEvent("SaladCloudDegraded", "no time of its own"))
    await recorder.drain()
    again = EventRecorder(api.cluster, host="salad", now=now)
    for seconds in (0, 60):
        again.record(POD, a_start(seconds))
    again.record(POD, PodEvent("SaladCloudDegraded", "no time of its own"))
    await again.drain()
    assert sorted(counts(api)) == [1, 2]
    again.record(POD, a_start(300))
    await again.drain()
    assert sorted(counts(api)) == [1, 3]


async def test_an_event_that_the_api_server_let_expire_begins_anew(api: InMemoryApi, recorder: EventRecorder) -> None:
    recorder.record(POD, a_start(0))
    await recorder.drain()
    [path] = [path for path in api.objects if path.startswith("events/")]
    api.remove(path)
    recorder.record(POD, a_start(7200))
    await recorder.drain()
    assert counts(api) == [1]


@pytest.mark.parametrize("failure", [429, 500, 503, httpx2.ConnectError("refused")], ids=str)
async def test_an_event_outlives_an_outage_of_the_api_server(
    api: InMemoryApi, recorder: EventRecorder, failure: Any
) -> None:
    for _ in range(6):
        api.refuse(failure)
    async with writing(recorder):
        recorder.record(POD, PodEvent("Killing", "told late"))
        await asyncio.sleep(60)
    assert [body["message"] for path, body in api.objects.items() if path.startswith("events/")] == ["told late"]


async def test_an_outage_that_does_not_end_gives_the_next_event_its_turn(
    api: InMemoryApi, recorder: EventRecorder
) -> None:
    for _ in range(events_module.TRIES):
        api.refuse(503)
    async with writing(recorder):
        recorder.record(POD, PodEvent("A", "lost"))
        recorder.record(POD, PodEvent("A", "told"))
        await asyncio.sleep(600)
    assert [body["message"] for path, body in api.objects.items() if path.startswith("events/")] == ["told"]


@pytest.mark.parametrize("failure", [403, 404, 409, 422], ids=str)
async def test_an_event_that_cannot_be_written_is_no_error(
    api: InMemoryApi, recorder: EventRecorder, failure: Any
) -> None:
    api.refuse(failure)
    async with writing(recorder):
        recorder.record(POD, PodEvent("A", "lost"))
        recorder.record(POD, PodEvent("A", "written"))
    assert messages(api) == ["lost", "written"]
    assert len([path for path in api.objects if path.startswith("events/")]) == 1


async def test_recording_never_waits_and_never_grows_without_bound(
    api: InMemoryApi, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "REMEMBERED", 50)
    for number in range(3000):
        recorder.record(Subject("Pod", f"web-{number}", f"uid-{number}", "shop"), PodEvent("A", "m"))
    assert recorder._waiting.qsize() == events_module.WAITING_LIMIT
    assert len(recorder._told) == len(recorder._allowance) == 50


async def test_an_event_dropped_for_want_of_room_may_be_said_again(
    api: InMemoryApi, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(events_module.WAITING_LIMIT):
        recorder.record(Subject("Pod", f"web-{number}", f"uid-{number}", "shop"), PodEvent("A", "m"))
    recorder.record(POD, PodEvent("A", "important"))
    await recorder.drain()
    assert "important" not in messages(api)
    recorder.record(POD, PodEvent("A", "important"))
    await recorder.drain()
    assert "important" in messages(api)


async def test_the_writer_outlives_a_failure_that_nobody_foresaw(api: InMemoryApi, recorder: EventRecorder) -> None:
    def fail() -> datetime:
        raise ArithmeticError("no time")

    clock = recorder._now
    async with writing(recorder):
        recorder._now = fail
        recorder.record(POD, PodEvent("Failed", "lost"))
        await asyncio.sleep(1)
        recorder._now = clock
        recorder.record(POD, PodEvent("Failed", "told"))
    assert messages(api) == ["told"]
