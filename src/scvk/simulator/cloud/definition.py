"""What a group is asked to be: a `ContainerGroupPrototype` as it was sent, and what can be read from it.

Kept as plain JSON values, so that answers repeat what was asked for faithfully; this class only reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.cloud.probing import ProbeSet

PROBES = ("startup_probe", "liveness_probe", "readiness_probe")
# Of each of these only one may be given.
HANDLERS = ("http", "tcp", "grpc", "exec")
LOGINS = ("basic", "docker_hub", "aws_ecr", "gcp_gar", "gcp_gcr")
SINKS = ("axiom", "datadog", "http", "new_relic", "splunk", "tcp")
# Changes of only these leave the instances and the version alone.
_LIGHT = frozenset({"replicas", "display_name", "scaling-actions", "scheduled-scaling-enabled", "queue_autoscaler"})


class Definition:
    """One version of a group's definition. `values` must be valid and is never changed."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    @property
    def name(self) -> str:
        """The group's name."""
        return str(self.values["name"])

    @property
    def container(self) -> Mapping[str, Any]:
        """The container's part."""
        container: Mapping[str, Any] = self.values["container"]
        return container

    @property
    def image(self) -> str:
        """The image reference."""
        return str(self.container["image"])

    @property
    def registry_authentication(self) -> Mapping[str, Any] | None:
        """The login for the image's registry, one of five kinds."""
        return self.container.get("registry_authentication")

    @property
    def command(self) -> Sequence[str] | None:
        """What replaces the image's ENTRYPOINT and CMD; None for nothing, also for an empty list."""
        return self.container.get("command") or None

    @property
    def environment(self) -> Mapping[str, str]:
        """The group's own variables."""
        return self.container.get("environment_variables") or {}

    @property
    def resources(self) -> Mapping[str, Any]:
        """cpu, memory (MB), gpu_classes, storage_amount (bytes), shm_size (MB)."""
        resources: Mapping[str, Any] = self.container["resources"]
        return resources

    @property
    def gpu_classes(self) -> Sequence[str]:
        """Class ids, any of which will do; empty for none."""
        return self.resources.get("gpu_classes") or ()

    @property
    def replicas(self) -> int:
        """How many instances."""
        return int(self.values["replicas"])

    @property
    def quota_replicas(self) -> int:
        """What it takes of the organization's quota: with an autoscaler its most (SaladCloud's page "Quotas")."""
        autoscaler = self.values.get("queue_autoscaler") or {}
        return max(self.replicas, int(autoscaler.get("max_replicas") or 0))

    @property
    def restart_policy(self) -> str:
        """`always`, `on_failure` or `never`."""
        return str(self.values["restart_policy"])

    @property
    def priority(self) -> str:
        """Without a GPU always the lowest (SaladCloud's documentation, "priority pricing").

        That a group with a GPU which does not say is `high` is a guess; answers must name one.
        """
        return str(self.container.get("priority") or "high") if self.gpu_classes else "batch"

    @cached_property
    def probes(self) -> ProbeSet:
        """The probes that are given."""
        given = [self.values.get(name) for name in PROBES]
        return ProbeSet(*(None if value is None else msgspec.convert(value, Probe) for value in given))

    def changed_lightly(self, other: Definition) -> bool:
        """Whether `other` differs in nothing that instances would notice."""
        return _heavy(self.values) == _heavy(other.values)


def _heavy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _LIGHT}


def broken_rules(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Broken rules that the OpenAPI document does not state, by field; `values` is valid by the document."""
    broken: dict[str, list[str]] = {}
    for name in PROBES:
        probe = values.get(name)
        if probe is not None and sum(probe.get(handler) is not None for handler in HANDLERS) != 1:
            broken[name] = ["must have exactly one of " + ", ".join(HANDLERS)]
    container = values.get("container") or {}
    for name, choices in (("registry_authentication", LOGINS), ("logging", SINKS)):
        chosen = container.get(name)
        if chosen is not None and sum(chosen.get(choice) is not None for choice in choices) > 1:
            broken[f"container.{name}"] = ["must have only one of " + ", ".join(choices)]
    return broken
