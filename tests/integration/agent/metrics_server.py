"""What metrics-server makes of a kubelet's `/metrics/resource`: rates between the last two samples of different times.

By its source (sigs.k8s.io/metrics-server v0.9.0, pkg/storage): a point replaces the one before only where its time is
later; a container that was started after the stored point begins anew, and one measured between ten seconds and the
resolution after its start is counted from there; a count or a start that falls is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)(?: (\d+))?$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
NODE = "node"
FRESH_AFTER_S = 10.0


@dataclass
class Point:
    """One container, or the node, at one time."""

    at: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: float = 0.0
    started: float = 0.0


@dataclass
class MetricsServer:
    """Feed it with scrapes; `rates` are what `kubectl top` shows, in processors, by pod and for the node."""

    resolution_s: float
    last: dict[str, Point] = field(default_factory=dict)
    before: dict[str, Point] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def scrape(self, text: str) -> None:
        """Take over one answer."""
        before: dict[str, Point] = {}
        points = {name: point for name, point in _points(text).items() if point.cpu_s > 0 and point.memory_bytes > 0}
        for name, new in points.items():
            old = self.last.get(name)
            age = new.at - new.started
            if name != NODE and FRESH_AFTER_S <= age < self.resolution_s:
                before[name] = Point(new.started, 0, new.memory_bytes, new.started)
            elif old is not None and (name == NODE or new.started < old.at):
                if new.at > old.at:
                    before[name] = old
                elif name in self.before and self.before[name].at < new.at:
                    before[name] = self.before[name]
        self.last, self.before = points, before

    def rates(self) -> dict[str, float]:
        """Return the processors in use, of whom that can be told."""
        found = {}
        for name, new in self.last.items():
            if (old := self.before.get(name)) is not None:
                if new.started < old.started or new.cpu_s < old.cpu_s:
                    self.errors.append(f"{name} fell: {old} {new}")
                found[name] = (new.cpu_s - old.cpu_s) / (new.at - old.at)
        return found


def _points(text: str) -> dict[str, Point]:
    points: dict[str, Point] = {}
    for line in text.splitlines():
        if line.startswith("#") or (sample := _SAMPLE.match(line)) is None:
            continue
        metric, labels, value, at = sample[1], dict(_LABEL.findall(sample[2] or "")), float(sample[3]), sample[4]
        name = NODE if metric.startswith("node_") else labels.get("pod", "")
        if metric.startswith(("node_", "container_")):
            point = points.setdefault(name, Point())
            point.at = int(at) / 1000 if at else point.at
            match metric.partition("_")[2]:
                case "cpu_usage_seconds_total":
                    point.cpu_s = value
                case "memory_working_set_bytes":
                    point.memory_bytes = value
                case "start_time_seconds":
                    point.started = value
                case _:
                    pass
    return points
