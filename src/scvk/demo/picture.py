"""What the demo has seen so far, and how it looks: a pure value and a pure drawing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from scvk.saladcloud.models import ContainerGroup


@dataclass(frozen=True)
class PodRow:
    """One pod as `kubectl get pods` would show it, with the reason why it waits."""

    name: str
    ready: bool
    status: str
    detail: str = ""


@dataclass(frozen=True)
class Picture:
    """The node, the pods and the container groups at one moment."""

    node: str = ""
    node_ready: bool = False
    pods: Sequence[PodRow] = ()
    groups: Sequence[ContainerGroup] = field(default_factory=tuple)

    def all_ready(self, count: int) -> bool:
        """Say whether there are exactly `count` pods and all are Ready."""
        return len(self.pods) == count and all(pod.ready for pod in self.pods)

    def groups_in(self, namespace: str) -> tuple[ContainerGroup, ...]:
        """Return the groups of one namespace's pods: a group's name begins with it."""
        return tuple(group for group in self.groups if group.name.startswith(f"{namespace}-"))

    def summary(self) -> str:
        """Return the picture as one line, for an output that is no terminal."""
        ready = sum(pod.ready for pod in self.pods)
        states = ", ".join(
            f"{status}: {count}" for status, count in _counted(g.current_state.status for g in self.groups)
        )
        waits = ", ".join(f"{text}: {count}" for text, count in _counted(p.detail for p in self.pods if p.detail))
        return f"pods ready {ready}/{len(self.pods)}; groups {states or 'none'}" + (f"; {waits}" if waits else "")


def pod_row(pod: Mapping[str, Any]) -> PodRow:
    """Read a pod from kubectl's JSON."""
    status = pod.get("status", {})
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    container = (status.get("containerStatuses") or [{}])[0]
    waiting = container.get("state", {}).get("waiting", {})
    deleting = "deletionTimestamp" in pod["metadata"]
    phase = "Terminating" if deleting else waiting.get("reason") or status.get("phase", "Pending")
    return PodRow(
        name=pod["metadata"]["name"],
        ready=conditions.get("Ready") == "True" and not deleting,
        status=phase,
        detail=waiting.get("message", ""),
    )


def draw(picture: Picture) -> Group:
    """Return the live view."""
    node = Text.assemble(
        ("node ", "bold"),
        picture.node,
        ("  Ready" if picture.node_ready else "  not ready yet", "green" if picture.node_ready else "yellow"),
    )
    pods = Table("POD", "READY", "STATUS", "PROGRESS", box=None, pad_edge=False, header_style="bold")
    for pod in picture.pods:
        colour = "green" if pod.ready else "yellow"
        pods.add_row(pod.name, Text("1/1" if pod.ready else "0/1", colour), pod.status, pod.detail)
    groups = Table("CONTAINER GROUP", "STATUS", "RUNNING", box=None, pad_edge=False, header_style="bold")
    for group in picture.groups:
        counts = group.current_state.instance_status_counts
        running = (counts.running_count if counts else None) or 0
        groups.add_row(group.name, group.current_state.status, f"{running}/{group.replicas}")
    return Group(node, "", pods, "", groups)


def group_table(groups: Sequence[ContainerGroup]) -> Table:
    """Return the groups for the final account."""
    table = Table("CONTAINER GROUP", "STATUS", "REPLICAS", "IMAGE", box=None, pad_edge=False, header_style="bold")
    for group in groups:
        table.add_row(group.name, group.current_state.status, f"replicas: {group.replicas}", group.container.image)
    return table


def _counted(texts: Any) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for text in texts:
        found[text] = found.get(text, 0) + 1
    return sorted(found.items())
