"""A platform on a clock that stands still until a test moves it: steps take round numbers and no chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from scvk.simulator.clock import ManualClock
from scvk.simulator.cloud.group import Group
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.cloud.means import Means
from scvk.simulator.cloud.platform import Platform, Project
from scvk.simulator.config import Durations, Quotas
from scvk.simulator.image_catalogue import ImageCatalogue
from scvk.simulator.runtime.contract import Launch
from scvk.simulator.runtime.script import Script
from scvk.simulator.runtime.virtual import VirtualRuntime

PULL_S, ALLOCATE_S, DOWNLOAD_S, CREATE_S = 10.0, 20.0, 30.0, 5.0
UNTIL_RUNNING_S = PULL_S + ALLOCATE_S + DOWNLOAD_S + CREATE_S
GRACE_S = 8.0
DELETE_S = 4.0
DURATIONS = Durations(
    image_pull_s=PULL_S,
    allocate_s=ALLOCATE_S,
    download_s=DOWNLOAD_S,
    create_s=CREATE_S,
    stop_grace_s=GRACE_S,
    delete_s=DELETE_S,
    jitter=0,
)


def prototype(name: str = "web", **changes: Any) -> dict[str, Any]:
    """A valid create request; `changes` replace its members."""
    return {
        "name": name,
        "autostart_policy": True,
        "replicas": 1,
        "restart_policy": "always",
        "container": {"image": "busybox", "command": ["sleep"], "resources": {"cpu": 1, "memory": 1024}},
        **changes,
    }


def probe(**numbers: Any) -> dict[str, Any]:
    """A TCP probe: every 10 s, one success, three failures."""
    return {
        "tcp": {"port": 80},
        "initial_delay_seconds": 0,
        "period_seconds": 10,
        "timeout_seconds": 1,
        "success_threshold": 1,
        "failure_threshold": 3,
        **numbers,
    }


FOR_EVER = Script()
QUOTAS = Quotas()


class World:
    """One organization with one project, and what its containers do."""

    def __init__(self, scripted: Callable[[Launch], Script] | Script = FOR_EVER, quotas: Quotas = QUOTAS) -> None:
        script = scripted
        chosen = script if callable(script) else (lambda _launch: script)
        self.clock = ManualClock()
        self.runtime = VirtualRuntime(self.clock, chosen)
        means = Means(self.clock, Random(1), self.runtime, DURATIONS)
        self.platform = Platform(means, ("acme-corp",), ("default",), quotas, ImageCatalogue())

    @property
    def project(self) -> Project:
        return self.platform.organizations["acme-corp"].projects["default"]

    def create(self, values: Mapping[str, Any] | None = None, **changes: Any) -> Group:
        return self.project.create(values if values is not None else prototype(**changes))

    def running(self, **changes: Any) -> Group:
        """A group whose instances have just begun to run."""
        group = self.create(**changes)
        self.clock.advance(UNTIL_RUNNING_S)
        return group

    @staticmethod
    def only(group: Group) -> Instance:
        (instance,) = group.instances.values()
        return instance

    def events(self, group: Group) -> list[str]:
        """Names of its events, oldest first; the newest 50."""
        return [log["event_name"] for log in reversed(group.journal.system_logs())]

    def output(self) -> list[str]:
        """Lines of all programs."""
        now = self.clock.now()
        return [entry.text or "" for entry in self.project.logs.output.between(now - timedelta(days=1), now)]
