"""SaladCloud fails, throttles or answers nonsense: nothing is deleted, failed or made twice, and it heals by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment, pod

FAULTS = [
    pytest.param({"kind": "status", "status": 500}, id="server errors"),
    pytest.param({"kind": "status", "status": 429}, id="throttled"),
    pytest.param({"kind": "html", "status": 502}, id="HTML pages"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_pods_live_through_an_outage_and_new_ones_start_after_it(stage: Stage, fault: dict[str, Any]) -> None:
    await stage.running_agent()
    await stage.apply(pod("old"))
    before = (await stage.ready_pods(1))[0]
    groups = await stage.own_groups()
    await stage.cloud.break_with(**fault)
    await stage.apply(pod("new"))
    seen = len(await stage.cloud.requests())

    async def several_failed() -> bool:
        return len(await stage.cloud.requests()) >= seen + 4

    await until("several requests failed", several_failed)
    old = await stage.get("pod", "old")
    assert old["metadata"]["uid"] == before["metadata"]["uid"]
    assert old["status"]["phase"] == "Running"
    assert (await stage.get("node", stage.node))["status"]["conditions"][0] is not None
    await stage.cloud.mend()
    await stage.ready_pods(2, within=150)
    after = await stage.own_groups()
    assert len(after) == 2
    assert all(after[name]["id"] == group["id"] for name, group in groups.items())


async def test_a_create_whose_answer_is_lost_makes_one_group(stage: Stage) -> None:
    await stage.running_agent()
    await stage.cloud.break_with(kind="drop", when="after", operations=["create_container_group"], count=1)
    await stage.apply(deployment("web", 1))
    await stage.ready_pods(1)
    assert len(await stage.own_groups()) == 1
    creates = [r for r in await stage.cloud.requests() if r["operation"] == "create_container_group"]
    assert len({request.get("status") for request in creates}) >= 1
    await stage.kubectl("delete", "deployment", "web")
    await stage.no_pods()
    assert await stage.own_groups() == {}
