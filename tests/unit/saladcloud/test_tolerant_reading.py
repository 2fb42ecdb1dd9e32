"""Answers are read tolerantly, but an answer that cannot be read is never read in part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from scvk.saladcloud import models
from scvk.saladcloud.models import (
    ContainerGroup,
    ContainerGroupCollection,
    ContainerGroupInstance,
    ContainerGroupInstanceCollection,
    GpuClassPrice,
    GroupStatus,
    InstanceState,
    LogEntry,
    LogEntryCollection,
    SystemLog,
    body_of,
    document,
)

GROUP_ID = "ab3a4591-efc3-46c0-b06a-3d820c0ec100"


def group(**fields: Any) -> ContainerGroup:
    return msgspec.convert({"id": GROUP_ID, "name": "web", **fields}, ContainerGroup)


def test_id_and_name_are_enough_of_a_group() -> None:
    seen = group()
    assert (seen.current_state.status, seen.container.image, seen.replicas) == ("", None, None)


@pytest.mark.parametrize("missing", ["id", "name"])
def test_a_group_without_identity_is_none(missing: str) -> None:
    whole = {"id": GROUP_ID, "name": "web"}
    del whole[missing]
    with pytest.raises(msgspec.ValidationError, match=missing):
        msgspec.convert(whole, ContainerGroup)


def test_unknown_fields_are_ignored_at_every_depth() -> None:
    seen = group(shiny=1, current_state={"status": "running", "mood": "good"}, container={"image": "a", "x": []})
    assert seen.current_state.status == GroupStatus.RUNNING


@pytest.mark.parametrize("status", [*GroupStatus, "hibernating"])
def test_group_statuses_of_tomorrow_are_values_like_any_other(status: str) -> None:
    assert group(current_state={"status": status}).current_state.status == status


@pytest.mark.parametrize("state", [*InstanceState, "teleporting"])
def test_instance_states_of_tomorrow_are_values_like_any_other(state: str) -> None:
    assert msgspec.convert({"id": "i", "state": state}, ContainerGroupInstance).state == state


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param({"image": "a"}, None, id="absent means not shown"),
        pytest.param({"image": "a", "environment_variables": None}, None, id="null means not shown"),
        pytest.param({"image": "a", "environment_variables": {}}, {}, id="empty means none"),
        pytest.param({"image": "a", "environment_variables": {"A": ""}}, {"A": ""}, id="empty value"),
    ],
)
def test_an_environment_that_is_not_shown_differs_from_an_empty_one(
    container: dict[str, Any], expected: dict[str, str] | None
) -> None:
    assert group(container=container).container.environment_variables == expected


NULLABLE = [
    name for name in ContainerGroup.__struct_fields__ if name not in {"id", "name", "container", "current_state"}
]


@pytest.mark.parametrize("field", NULLABLE)
def test_null_is_read_as_not_shown(field: str) -> None:
    encoded = next(f.encode_name for f in msgspec.structs.fields(ContainerGroup) if f.name == field)
    assert getattr(group(**{encoded: None}), field) is None


def test_hyphenated_names_of_the_document_are_read() -> None:
    seen = group(**{"scaling-actions": [{"schedule": "0 8 * * 1", "replicas": 3}], "scheduled-scaling-enabled": True})
    assert seen.scaling_actions is not None
    assert (seen.scaling_actions[0].replicas, seen.scheduled_scaling_enabled) == (3, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), id="UTC"),
        pytest.param("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC), id="offset"),
        pytest.param("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), id="no offset is UTC"),
        pytest.param(
            "2026-01-02T03:04:05.1234567Z",
            datetime(2026, 1, 2, 3, 4, 5, 123457, tzinfo=UTC),
            id="seven digits",
        ),
        pytest.param("0001-01-01T00:00:00+01:00", datetime(1, 1, 1, tzinfo=UTC), id="before the calendar"),
    ],
)
def test_times_are_aware_and_in_utc(text: str, expected: datetime) -> None:
    seen = group(create_time=text).create_time
    assert seen is not None
    assert (seen, seen.tzinfo) == (expected, UTC)


def test_a_time_given_in_code_is_brought_to_utc_too() -> None:
    noon_in_berlin = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert LogEntry(time=noon_in_berlin).time.tzinfo is UTC


@pytest.mark.parametrize(
    ("collection", "body"),
    [
        (ContainerGroupCollection, {"items": [{"id": "1", "name": "a"}, {"id": "2"}]}),
        (ContainerGroupInstanceCollection, {"instances": [{"id": "1"}, {"state": "running"}]}),
        (LogEntryCollection, {"items": [{"time": "yesterday"}]}),
        (ContainerGroupCollection, {}),
    ],
)
def test_a_listing_with_an_unreadable_item_is_not_a_shorter_listing(
    collection: type[models.Model], body: dict[str, Any]
) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, collection)


@pytest.mark.parametrize(
    ("count", "may_be_cut"), [(0, False), (1, False), (99, False), (100, True), (101, False), (200, True)]
)
def test_a_listing_as_long_as_the_documents_limit_may_be_cut(count: int, may_be_cut: bool) -> None:
    assert ContainerGroupCollection(items=(group(),) * count).may_be_cut is may_be_cut


@pytest.mark.parametrize(
    ("entry", "text", "value"),
    [
        ({"text_log": ""}, "", None),
        ({"json_log": {"a": 1}}, None, {"a": 1}),
        ({"json_log": 42}, None, 42),
    ],
)
def test_a_log_entry_has_text_or_json(entry: dict[str, Any], text: str | None, value: object) -> None:
    seen = msgspec.convert({"time": "2026-01-02T03:04:05Z", **entry}, LogEntry)
    assert (seen.text_log, seen.json_log) == (text, value)


def test_labels_without_a_value_are_survived() -> None:
    seen = msgspec.convert(
        {"time": "2026-01-02T03:04:05Z", "resource": {"type": "container", "labels": {"machine_id": None}}},
        LogEntry,
    )
    assert seen.resource.labels.get("machine_id") is None


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("0.25", Decimal("0.25")),
        ("$0.25", Decimal("0.25")),
        (0.25, Decimal("0.25")),
        ("free", None),
        ("NaN", None),
        (None, None),
    ],
)
def test_a_price_is_a_number_or_unknown(price: str | float | None, amount: Decimal | None) -> None:
    assert GpuClassPrice(price=price).amount == amount


MODELS_OF_SCHEMAS = {
    "Container": "Container",
    "ContainerGroup": "ContainerGroup",
    "ContainerGroupInstance": "ContainerGroupInstance",
    "ContainerGroupInstancePatch": "ContainerGroupInstancePatch",
    "ContainerGroupInstanceStatusCount": "InstanceStatusCounts",
    "ContainerGroupLivenessProbe": "Probe",
    "ContainerGroupNetworking": "ContainerGroupNetworking",
    "ContainerGroupPatch": "ContainerGroupPatch",
    "ContainerGroupProbeExec": "ProbeExec",
    "ContainerGroupProbeGrpc": "ProbeGrpc",
    "ContainerGroupProbeHttp": "ProbeHttp",
    "ContainerGroupProbeHttpHeader": "ProbeHttpHeader",
    "ContainerGroupProbeTcp": "ProbeTcp",
    "ContainerGroupPrototype": "ContainerGroupPrototype",
    "ContainerGroupQueueAutoscaler": "QueueAutoscaler",
    "ContainerGroupQueueConnection": "QueueConnection",
    "ContainerGroupReadinessProbe": "Probe",
    "ContainerGroupScalingAction": "ScalingAction",
    "ContainerGroupStartupProbe": "Probe",
    "ContainerGroupState": "ContainerGroupState",
    "ContainerGroupsQuotas": "ContainerGroupsQuotas",
    "ContainerLogging": "ContainerLogging",
    "ContainerLoggingAxiom": "AxiomSink",
    "ContainerLoggingDatadog": "DatadogSink",
    "ContainerLoggingDatadogTag": "DatadogTag",
    "ContainerLoggingHttp": "HttpSink",
    "ContainerLoggingHttpHeader": "HttpSinkHeader",
    "ContainerLoggingNewRelic": "NewRelicSink",
    "ContainerLoggingSplunk": "SplunkSink",
    "ContainerLoggingTcp": "TcpSink",
    "ContainerRegistryAuthentication": "RegistryAuthentication",
    "ContainerRegistryAuthenticationAwsEcr": "AwsEcrAuthentication",
    "ContainerRegistryAuthenticationBasic": "BasicAuthentication",
    "ContainerRegistryAuthenticationDockerHub": "DockerHubAuthentication",
    "ContainerRegistryAuthenticationGcpGar": "GcpGarAuthentication",
    "ContainerRegistryAuthenticationGcpGcr": "GcpGcrAuthentication",
    "ContainerResourceRequirements": "ContainerResources",
    "CpuAvailability": "CpuAvailability",
    "CpuAvailabilityPrototype": "CpuAvailabilityPrototype",
    "CreateContainer": "CreateContainer",
    "CreateContainerGroupNetworking": "CreateContainerGroupNetworking",
    "CreateContainerResourceRequirements": "CreateContainerResources",
    "GpuAvailability": "GpuAvailability",
    "GpuAvailabilityPrototype": "GpuAvailabilityPrototype",
    "GpuClass": "GpuClass",
    "GpuClassPrice": "GpuClassPrice",
    "LogEntry": "LogEntry",
    "LogEntryCollection": "LogEntryCollection",
    "LogEntryQuery": "LogEntryQuery",
    "LogEntryResource": "LogEntryResource",
    "Quotas": "Quotas",
    "SystemLog": "SystemLog",
    "UpdateContainer": "UpdateContainer",
    "UpdateContainerGroupNetworking": "UpdateContainerGroupNetworking",
    "UpdateContainerResources": "UpdateContainerResources",
}


@pytest.mark.parametrize("schema", MODELS_OF_SCHEMAS)
def test_a_model_has_exactly_the_fields_of_the_document(schema: str) -> None:
    model = getattr(models, MODELS_OF_SCHEMAS[schema])
    fields = {field.encode_name for field in msgspec.structs.fields(model)}
    assert fields == set(document().schema(schema)["properties"])


def test_problem_details_have_the_documents_fields_and_errors() -> None:
    fields = set(models.ProblemDetails.__struct_fields__)
    assert fields == {*document().schema("ProblemDetails")["properties"], "errors"}


def test_required_nulls_are_written_as_null() -> None:
    log = SystemLog(
        event_name="Instance Running",
        event_time=datetime(2026, 1, 1, tzinfo=UTC),
        version="1",
        resource_gpu_class="",
    )
    assert document().violations("SystemLog", body_of(log)) == []
    assert body_of(log)["resource_cpu"] is None
