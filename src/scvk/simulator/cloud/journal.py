"""Writes what happens to one group into the project's log store and the group's system logs.

An event normally can be seen at once, under the time at which it happened; a mishap may have it otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from scvk.simulator.clock import Clock
from scvk.simulator.cloud.definition import Definition
from scvk.simulator.cloud.events import severity
from scvk.simulator.cloud.mishaps import Mishaps
from scvk.simulator.gpu_catalogue import gpu_classes
from scvk.simulator.logs.entries import ResourceType, format_time
from scvk.simulator.logs.store import LogStore

# `SystemLogList.items` and the limits of `SystemLog`, OpenAPI document.
_SYSTEM_LOGS = 50
_OF_AN_INSTANCE = ("instance_id", "machine_id")
_LARGEST_CPU, _LARGEST_MEMORY_MB, _LARGEST_STORAGE = 16, 61440, 268435456000


class Journal:
    """One group's. `project_name` and `group_name` become labels of every entry."""

    def __init__(self, store: LogStore, project_name: str, group_name: str, clock: Clock, mishaps: Mishaps) -> None:
        self._store = store
        self._clock = clock
        self._mishaps = mishaps
        self._group_name = group_name
        self._group_labels = {"project_name": project_name, "container_group_name": group_name}
        self._system_logs: deque[dict[str, Any]] = deque(maxlen=_SYSTEM_LOGS)

    def group_event(self, event: str, version: int, definition: Definition) -> None:
        """An event of the whole group."""
        self._write(ResourceType.DEPLOYMENT_CONTROLLER, event, self._group_labels, version, definition)

    def instance_labels(self, instance_id: str, machine_id: str, version: int) -> Mapping[str, str]:
        """Labels for an instance's entries: make them once and share them."""
        return self._group_labels | {
            "container_group_version": str(version),
            "instance_id": instance_id,
            "machine_id": machine_id,
        }

    def instance_event(self, event: str, labels: Mapping[str, str], version: int, definition: Definition) -> None:
        """An event of one instance."""
        self._write(ResourceType.INSTANCE_CONTROLLER, event, labels, version, definition)

    def _write(
        self, source: ResourceType, event: str, labels: Mapping[str, str], version: int, definition: Definition
    ) -> None:
        fate = self._mishaps.fate(self._group_name, event)
        if fate.lost:
            return
        time = self._store.next_time() - timedelta(seconds=fate.early_s)

        def show() -> None:
            self._store.write_event(source, labels, severity(event), str(event), time)
            log = _system_log(event, time, version, definition)
            self._system_logs.append(log | {name: labels[name] for name in _OF_AN_INSTANCE if name in labels})

        if fate.late_s > 0:
            self._clock.call_later(fate.late_s, show)
        else:
            show()

    def output(self, labels: Mapping[str, str], line: str) -> None:
        """One line of a program."""
        self._store.write_output(labels, line)

    def system_logs(self) -> list[dict[str, Any]]:
        """The newest 50 `SystemLog` objects, newest first."""
        return sorted(self._system_logs, key=lambda log: str(log["event_time"]), reverse=True)


def _system_log(event: str, time: datetime, version: int, definition: Definition) -> dict[str, Any]:
    resources = definition.resources
    names = [gpu_classes()[class_id.lower()].name for class_id in definition.gpu_classes]
    return {
        "event_name": str(event),
        "event_time": format_time(time),
        "version": str(version),
        "resource_cpu": _within(resources.get("cpu"), _LARGEST_CPU),
        "resource_memory": _within(resources.get("memory"), _LARGEST_MEMORY_MB),
        "resource_storage_amount": _within(resources.get("storage_amount"), _LARGEST_STORAGE),
        "resource_gpu_class": ", ".join(names),
    }


def _within(amount: int | None, largest: int) -> int | None:
    """The document's `SystemLog` has lower limits than its requests: what does not fit is left open."""
    return amount if amount is not None and amount <= largest else None
