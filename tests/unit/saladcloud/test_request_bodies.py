"""Requests carry what was set, under the document's names, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from scvk.saladcloud.models import (
    ContainerGroupInstancePatch,
    ContainerGroupPatch,
    ContainerGroupPrototype,
    CreateContainer,
    CreateContainerGroupNetworking,
    CreateContainerResources,
    LogEntryQuery,
    Model,
    NetworkingProtocol,
    Priority,
    Probe,
    ProbeTcp,
    QueueConnection,
    RestartPolicy,
    ScalingAction,
    SortOrder,
    UpdateContainer,
    UpdateContainerResources,
    body_of,
    violations,
)

PROBE = Probe(
    tcp=ProbeTcp(port=80),
    failure_threshold=3,
    initial_delay_seconds=0,
    period_seconds=10,
    success_threshold=1,
    timeout_seconds=1,
)
SMALLEST = ContainerGroupPrototype(
    name="web",
    container=CreateContainer(image="nginx", resources=CreateContainerResources(cpu=1, memory=1024)),
    replicas=1,
    restart_policy=RestartPolicy.ALWAYS,
    autostart_policy=True,
)


def test_a_create_request_leaves_out_what_is_not_set() -> None:
    assert body_of(SMALLEST) == {
        "name": "web",
        "container": {"image": "nginx", "resources": {"cpu": 1, "memory": 1024}},
        "replicas": 1,
        "restart_policy": "always",
        "autostart_policy": True,
    }


def test_a_full_create_request_is_valid_and_reads_back_the_same() -> None:
    full = ContainerGroupPrototype(
        name="web-1",
        container=CreateContainer(
            image="nginx",
            resources=CreateContainerResources(cpu=2, memory=2048, gpu_classes=(), shm_size=64, storage_amount=2**30),
            command=("sh", "-c", "true"),
            environment_variables={"A": "1"},
            image_caching=True,
            priority=Priority.BATCH,
        ),
        replicas=1,
        restart_policy=RestartPolicy.NEVER,
        autostart_policy=False,
        country_codes=("us", "de"),
        display_name="Web 1",
        liveness_probe=PROBE,
        readiness_probe=PROBE,
        startup_probe=PROBE,
        networking=CreateContainerGroupNetworking(auth=False, port=8080, protocol=NetworkingProtocol.HTTP),
        queue_connection=QueueConnection(path="/", port=80, queue_name="jobs"),
        scaling_actions=(ScalingAction(replicas=0, schedule="0 8 * * 1"),),
        scheduled_scaling_enabled=False,
    )
    body = body_of(full)
    assert violations("ContainerGroupPrototype", body) == []
    assert body["scaling-actions"] == [{"replicas": 0, "schedule": "0 8 * * 1"}]
    assert msgspec.convert(body, ContainerGroupPrototype) == full


@pytest.mark.parametrize(
    ("patch", "schema", "body"),
    [
        pytest.param(ContainerGroupPatch(), "ContainerGroupPatch", {}, id="nothing"),
        pytest.param(ContainerGroupPatch(replicas=0), "ContainerGroupPatch", {"replicas": 0}, id="zero"),
        pytest.param(
            ContainerGroupPatch(display_name=None, liveness_probe=None, country_codes=None),
            "ContainerGroupPatch",
            {"display_name": None, "liveness_probe": None, "country_codes": None},
            id="null resets",
        ),
        pytest.param(
            ContainerGroupPatch(
                container=UpdateContainer(image="nginx:2", command=None, resources=UpdateContainerResources(cpu=2))
            ),
            "ContainerGroupPatch",
            {"container": {"image": "nginx:2", "command": None, "resources": {"cpu": 2}}},
            id="nested",
        ),
        pytest.param(
            ContainerGroupPatch(readiness_probe=PROBE),
            "ContainerGroupPatch",
            {"readiness_probe": body_of(PROBE)},
            id="a probe carries no nulls",
        ),
        pytest.param(
            ContainerGroupInstancePatch(deletion_cost=5),
            "ContainerGroupInstancePatch",
            {"deletion_cost": 5},
            id="instance",
        ),
    ],
)
def test_a_patch_tells_unset_from_null(patch: Model, schema: str, body: dict[str, Any]) -> None:
    assert body_of(patch) == body
    assert violations(schema, body) == []


def test_times_are_written_in_utc() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    query = LogEntryQuery(
        query="",
        start_time=noon,
        end_time=datetime(2026, 7, 1, 12, 0, 0, 5, tzinfo=UTC),
        sort_order=SortOrder.ASCENDING,
    )
    body = body_of(query)
    assert (body["start_time"], body["end_time"]) == ("2026-07-01T10:00:00Z", "2026-07-01T12:00:00.000005Z")
    assert violations("LogEntryQuery", body) == []
