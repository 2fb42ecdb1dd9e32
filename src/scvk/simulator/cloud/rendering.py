"""Groups and instances as the API answers them: `ContainerGroup` and `ContainerGroupInstance`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from scvk.simulator.cloud.group import Group
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.cloud.states import GroupStatus
from scvk.simulator.logs.entries import format_time

_OPTIONAL = (
    "liveness_probe",
    "readiness_probe",
    "startup_probe",
    "queue_autoscaler",
    "queue_connection",
)
_CONTAINER_OPTIONAL = ("environment_variables", "image_caching", "logging")

_HIGHEST_DELETION_COST = 100_000  # `ContainerGroupInstance.deletion_cost`, OpenAPI document


def encoded_group(group: Group, organization_name: str, project_name: str) -> msgspec.Raw:
    """The same as JSON, kept with the group as long as nothing that it shows changes.

    A listing shows thousands of groups every few seconds, of which hardly any has changed.
    """
    shown = (
        group.definition,
        group.version,
        group.status,
        group.status_description,
        group.update_time,
        group.start_time,
        group.finish_time,
        group.pending_change,
        group.status_counts(),
    )
    if group.encoded is None or group.encoded[0] != shown:
        content = msgspec.json.encode(render_group(group, organization_name, project_name))
        group.encoded = (shown, msgspec.Raw(content))
    return group.encoded[1]


def render_group(group: Group, organization_name: str, project_name: str) -> dict[str, Any]:
    """The whole group. `registry_authentication` is never shown, as the document has no place for it."""
    definition = group.definition
    values = definition.values
    answer: dict[str, Any] = {
        "id": group.id,
        "name": group.name,
        "display_name": values.get("display_name") or group.name,
        "organization_name": organization_name,
        "project_name": project_name,
        "autostart_policy": values["autostart_policy"],
        "container": _render_container(group),
        "country_codes": list(values.get("country_codes") or ()),
        "create_time": format_time(group.create_time),
        "update_time": format_time(group.update_time),
        "current_state": _render_state(group),
        "pending_change": group.pending_change,
        "priority": definition.priority,
        "replicas": definition.replicas,
        "restart_policy": definition.restart_policy,
        "version": group.version,
        "scheduled-scaling-enabled": bool(values.get("scheduled-scaling-enabled", False)),
        "scaling-actions": list(values.get("scaling-actions") or ()),
    }
    for name in _OPTIONAL:
        if values.get(name) is not None:
            answer[name] = values[name]
    networking = values.get("networking")
    if networking is not None:
        answer["networking"] = _render_networking(networking, group.dns or "")
    return answer


def _render_container(group: Group) -> dict[str, Any]:
    container = group.definition.container
    answer: dict[str, Any] = {
        "command": list(container.get("command") or ()),
        "image": container["image"],
        "resources": {"gpu_classes": [], **_present(group.definition.resources)},
    }
    for name in _CONTAINER_OPTIONAL:
        if container.get(name) is not None:
            answer[name] = container[name]
    return answer


def _render_state(group: Group) -> dict[str, Any]:
    start = group.start_time or group.create_time
    # `finish_time` is required also for a group that has not finished ("finished or is expected to finish").
    finished = group.finish_time is not None and group.status not in {
        GroupStatus.DEPLOYING,
        GroupStatus.RUNNING,
    }
    finish = group.finish_time if finished and group.finish_time is not None else start
    return {
        "status": str(group.status),
        "description": group.status_description,
        "start_time": format_time(start),
        "finish_time": format_time(finish),
        "instance_status_counts": dict(group.status_counts()),
    }


def _render_networking(networking: Mapping[str, Any], dns: str) -> dict[str, Any]:
    return {
        "load_balancer": "round_robin",
        "single_connection_limit": False,
        **_present(networking),
        "dns": dns,
    }


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def render_instance(instance: Instance) -> dict[str, Any]:
    """One instance. A missing startup probe counts as passed from the beginning, as the document says."""
    started = instance.started or instance.definition.probes.startup is None
    figures = instance.figures
    answer = {
        "id": instance.id,
        "machine_id": instance.machine_id,
        "state": str(instance.state),
        "started": started,
        "ready": instance.ready,
        "version": instance.version,
        "update_time": format_time(instance.update_time),
        "pulling_progress": instance.pulling_progress,
        # From inside it may be set to any 32-bit number; answers have it within the document's range.
        "deletion_cost": min(max(instance.deletion_cost, 0), _HIGHEST_DELETION_COST),
        **(figures.render() if figures is not None else {}),
    }
    if instance.ssh is not None:
        answer["ssh_ip"] = instance.ssh.ip
        answer["ssh_port"] = instance.ssh.port
        answer["ssh_host_key_fingerprint"] = instance.ssh.host_key_fingerprint
    return answer
