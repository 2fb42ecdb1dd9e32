"""The demo's story, told on a cluster and a platform that only remember."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from scvk.demo import scenario
from scvk.demo.cluster import DemoCluster
from scvk.demo.scenario import DemoFailed, Story
from scvk.saladcloud.client import SaladCloudClient
from tests.unit.provider.evidence import a_group

NODE = "saladcloud-demo"


@dataclass
class Stage:
    """A namespace of owners and pods, and the groups of `namespace/pod`: a pod's group goes with it."""

    owned: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)

    async def kubectl(self, *words: str, **_: Any) -> subprocess.CompletedProcess[str]:
        match words:
            case ("get", "pods", *_):
                items = [{"metadata": {"name": name}} for name in sorted(self.owned | self.bare)]
                return subprocess.CompletedProcess(words, 0, json.dumps({"items": items}))
            case ("delete", "pods", "--all", *_):
                self.bare.clear()
            case ("delete", owners, "--all", *_) if "deployments" in owners:
                self.owned.clear()
        return subprocess.CompletedProcess(words, 0, "")

    async def list_container_groups(self) -> SimpleNamespace:
        names = [f"scvk-demo-{name}" for name in self.owned | self.bare] + [f"default-{n}" for n in self.elsewhere]
        return SimpleNamespace(items=tuple(a_group("running", name=name) for name in names))


def told(stage: Stage, out: io.StringIO) -> Story:
    return Story(cast(DemoCluster, stage), cast(SaladCloudClient, stage), NODE, Console(file=out, width=80))


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage(owned={"hello-1"}), id="the-demos-own"),
        pytest.param(Stage(owned={"hello-1"}, bare={"mine"}), id="a-pod-that-a-user-tried"),
        pytest.param(Stage(elsewhere={"other"}), id="a-pod-of-another-namespace"),
    ],
)
async def test_the_end_waits_for_what_runs_in_the_demos_namespace_and_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    monkeypatch.setattr(scenario, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(scenario, "STEP_DEADLINE_S", 0.05)
    out = io.StringIO()
    await told(stage, out).remove()
    assert not stage.owned | stage.bare
    assert "nothing is left" in out.getvalue()


async def test_a_step_that_does_not_end_says_what_was_seen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(scenario, "STEP_DEADLINE_S", 0.05)
    with pytest.raises(DemoFailed, match="the node is Ready; last seen: pods ready 0/1; groups running: 1"):
        await told(Stage(bare={"mine"}), io.StringIO()).deploy()
