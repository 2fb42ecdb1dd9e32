"""The scheduler and the quota: no pod is bound that could get no group, and room is used when there is some."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.processes import SimulatedCloud, until
from tests.e2e.stage import FOREIGN_GROUP, Stage, is_ready
from tests.e2e.workloads import deployment


async def test_the_scheduler_places_as_many_pods_as_the_quota_has_left(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    cloud = await SimulatedCloud.start(folder, "--replicas-quota", "3")
    try:
        await cloud.create(FOREIGN_GROUP)
        agent = stage.agent(SALAD_CLOUD_API_URL=cloud.url)
        await agent.start()
        await stage.kubectl("wait", "--for=create", f"node/{stage.node}", "--timeout=30s")
        await stage.apply(deployment("web", 3))

        async def two_run() -> bool:
            pods = await stage.pods()
            unbound = [one for one in pods if "nodeName" not in one["spec"]]
            return len(pods) == 3 and sum(map(is_ready, pods)) == 2 and len(unbound) == 1

        await until("two pods run and the third is bound to no node", two_run)

        async def used_up() -> bool:
            node = await stage.get("node", stage.node)
            conditions = {entry["type"]: entry["status"] for entry in node["status"]["conditions"]}
            return (conditions["SaladCloudQuotaAvailable"], conditions["Ready"]) == ("False", "True")

        await until("the node says that the quota is used up", used_up, within=20)
        refused = [one for one in await cloud.requests() if one["operation"] == "create_container_group"]
        assert {one["status"] for one in refused} == {201}, "nothing was asked for that the quota has not"

        await cloud.delete(str(FOREIGN_GROUP["name"]))
        await stage.ready_pods(3)
    finally:
        await cloud.stop()
