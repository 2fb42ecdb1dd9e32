"""From the life of a group's program and the status of its pod to what the kubelet tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.usage_source import UsageSample
from scvk.provider.usage.book import UsageBook
from scvk.provider.usage.life import BYTES_A_MB
from scvk.provider.usage.reader import READ_LATELY_S, UsageReader, pod_usage
from tests.unit.provider.evidence import NAME, START, UID, a_pod
from tests.unit.provider.usage.test_life import instance, lived

BEGIN = START.timestamp()


def stamp(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def a_running_pod(started: float, *, name: str = "web", **state: Any) -> Pod:
    status = {
        "name": "main",
        "image": "nginx",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "containerID": "saladcloud://i-1",
        "state": state or {"running": {"startedAt": stamp(started)}},
    }
    return a_pod(name=name, status={"phase": "Running", "startTime": stamp(-5), "containerStatuses": [status]})


def test_a_pod_uses_what_its_program_does_since_the_start_that_its_status_tells() -> None:
    life = lived((BEGIN + 100, instance(60)), (BEGIN + 160, instance(90)))
    usage = pod_usage(a_running_pod(10), life)
    assert usage is not None
    assert (usage.namespace, usage.name, usage.uid, usage.container) == ("shop", "web", UID, "main")
    assert usage.sample == UsageSample(BEGIN + 160, 90, 100 * BYTES_A_MB, 0.5)
    assert (usage.pod_started, usage.started) == (BEGIN - 5, BEGIN + 10)
    assert (usage.image, usage.container_id) == ("nginx", "saladcloud://i-1")


def test_a_count_that_fell_is_told_with_a_start_behind_the_last_sample_before_it() -> None:
    life = lived((BEGIN + 100, instance(60)), (BEGIN + 130, instance(60)), (BEGIN + 160, instance(3)))
    usage = pod_usage(a_running_pod(10), life)
    assert usage is not None
    assert usage.started == BEGIN + 130
    assert usage.sample.cores is None


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(a_running_pod(170), id="the status knows of a start that the figures do not show yet"),
        pytest.param(a_running_pod(0, terminated={"exitCode": 0}), id="the container has ended"),
        pytest.param(a_running_pod(0, waiting={"reason": "ContainerCreating"}), id="the container waits"),
        pytest.param(a_pod(), id="the pod has no status"),
    ],
)
def test_nothing_is_told_of_a_pod_whose_container_is_not_the_one_that_was_measured(pod: Pod) -> None:
    assert pod_usage(pod, lived((BEGIN + 100, instance(60)), (BEGIN + 160, instance(90)))) is None


class World:
    def __init__(self) -> None:
        self.passed = 0.0
        self.book = UsageBook(BEGIN)
        self.reader = UsageReader(
            self.book,
            lambda pod: NAME if pod.metadata and pod.metadata.name == "web" else None,
            now=lambda: START + timedelta(seconds=self.passed),
            monotonic=lambda: self.passed,
        )


def test_pods_of_which_nothing_is_known_are_left_out() -> None:
    world = World()
    world.book.heard(NAME, instance(60), BEGIN + 100, made=BEGIN)
    world.passed = 120
    usage = world.reader.usage([a_running_pod(10), a_running_pod(10, name="other")])
    assert [pod.name for pod in usage.pods] == ["web"]
    assert usage.together == UsageSample(BEGIN + 100, 60, 100 * BYTES_A_MB)


def test_figures_of_which_nothing_new_was_seen_for_five_minutes_are_left_out() -> None:
    world = World()
    world.book.heard(NAME, instance(60), BEGIN + 100, made=BEGIN)
    world.passed = 400
    assert len(world.reader.usage([a_running_pod(10)]).pods) == 1
    world.passed = 401
    assert world.reader.usage([a_running_pod(10)]).pods == ()


def test_whoever_reads_is_remembered_for_two_minutes() -> None:
    world = World()
    assert not world.reader.is_read
    world.reader.usage(())
    world.passed = READ_LATELY_S
    assert world.reader.is_read
    world.passed = READ_LATELY_S + 1
    assert not world.reader.is_read
