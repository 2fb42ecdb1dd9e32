"""SaladCloud's own Python SDK, as it is on PyPI, against the simulator: create, wait, look, change, stop, delete."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from scvk.simulator.background import BackgroundSimulator
from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.pytest_plugin import saladcloud
from tests.integration.simulator.stage import DURATIONS, SPEED

with warnings.catch_warnings():
    # Its regular expressions are no raw strings, of which newer compilers warn.
    warnings.simplefilter("ignore")
    from salad_cloud_sdk import SaladCloudSdk
    from salad_cloud_sdk.models import (
        ContainerConfiguration,
        ContainerGroupCreationRequest,
        ContainerGroupPatch,
        ContainerRestartPolicy,
        CreateContainerResourceRequirements,
        LogEntryQuery,
        UpdateContainer,
    )
    from salad_cloud_sdk.net.transport.api_error import ApiError

__all__ = ["saladcloud"]
DEADLINE_S = 30.0
GREETING = "hello from the program"


@pytest.fixture
def saladcloud_config() -> SimulatorConfig:
    return SimulatorConfig(api_keys=(ApiKey("sdk-key"),), speed=SPEED, durations=DURATIONS, requests_per_minute=100_000)


def until(what: str, ask: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not ask():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.05)


def test_the_whole_life_of_a_group(saladcloud: BackgroundSimulator) -> None:
    sdk = SaladCloudSdk(api_key=saladcloud.api_key, base_url=saladcloud.base_url)
    groups = sdk.container_groups
    project = {"organization_name": saladcloud.organization, "project_name": saladcloud.project}
    place = {**project, "container_group_name": "sdk-group"}

    created = groups.create_container_group(
        ContainerGroupCreationRequest(
            name="sdk-group",
            autostart_policy=True,
            replicas=1,
            restart_policy=ContainerRestartPolicy.ALWAYS,
            container=ContainerConfiguration(
                image="busybox",
                command=["sh", "-c", f"echo {GREETING}; sleep 1000"],
                resources=CreateContainerResourceRequirements(cpu=1, memory=1024, gpu_classes=[]),
                environment_variables={"COLOUR": "green"},
            ),
        ),
        **project,
    )
    assert (created.name, created.current_state.status) == ("sdk-group", "pending")

    def has(status: str) -> bool:
        return bool(groups.get_container_group(**place).current_state.status == status)

    until("the group runs", lambda: has("running"))
    (listed,) = groups.list_container_groups(**project).items
    assert (listed.name, listed.container.environment_variables) == ("sdk-group", {"COLOUR": "green"})

    (instance,) = groups.list_container_group_instances(**place).instances
    assert (instance.state, instance.version) == ("running", 1)
    assert groups.get_container_group_instance(**place, container_group_instance_id=instance.id_).id_ == instance.id_

    def output() -> list[str]:
        now = datetime.now(UTC)
        query = LogEntryQuery(
            query='resource.type = "container" and resource.labels.container_group_name = "sdk-group"',
            start_time=(now - timedelta(minutes=5)).isoformat(),
            end_time=now.isoformat(),
        )
        entries = sdk.logs.query_log_entries(query, organization_name=saladcloud.organization).items
        return [entry.text_log for entry in entries]

    until("the program's words are in the logs", lambda: GREETING in output())
    events = [log.event_name for log in sdk.system_logs.get_system_logs(**place).items]
    assert "Instance Running" in events

    patched = groups.update_container_group(
        ContainerGroupPatch(container=UpdateContainer(environment_variables={"COLOUR": "blue"})), **place
    )
    assert patched.version == 2

    def new_version_runs() -> bool:
        found = groups.list_container_group_instances(**place).instances
        return [(one.state, one.version) for one in found] == [("running", 2)]

    until("the new version runs", new_version_runs)
    groups.stop_container_group(**place)
    until("it is stopped", lambda: has("stopped"))
    groups.start_container_group(**place)
    until("it runs again", lambda: has("running"))
    groups.delete_container_group(**place)
    until("it is gone", lambda: groups.list_container_groups(**project).items == [])


def test_organization_wide_requests(saladcloud: BackgroundSimulator) -> None:
    sdk = SaladCloudSdk(api_key=saladcloud.api_key, base_url=saladcloud.base_url)
    classes = sdk.organization_data.list_gpu_classes(organization_name=saladcloud.organization).items
    assert "RTX 4090 (24 GB)" in {gpu_class.name for gpu_class in classes}
    quotas = sdk.quotas.get_quotas(organization_name=saladcloud.organization).container_groups_quotas
    assert (quotas.container_replicas_quota, quotas.container_replicas_used) == (500, 0)


@pytest.mark.parametrize(("key", "organization", "status"), [("wrong", "acme-corp", 401), ("sdk-key", "other", 403)])
def test_refusals_come_as_the_sdk_knows_them(
    saladcloud: BackgroundSimulator, key: str, organization: str, status: int
) -> None:
    sdk = SaladCloudSdk(api_key=key, base_url=saladcloud.base_url)
    with pytest.raises(ApiError) as refused:
        sdk.container_groups.list_container_groups(organization_name=organization, project_name="default")
    assert refused.value.status == status
