"""A machine that goes away: the pod stays, says what happens, and says it once, whoever is told again."""

from __future__ import annotations

from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import pod


async def test_a_reallocation_restarts_the_program_under_the_same_pod_and_is_told_once(stage: Stage) -> None:
    agent = await stage.running_agent()
    await stage.apply(pod("mover"))
    [before] = await stage.ready_pods(1)
    await stage.cloud.interrupt("node-offline")

    async def restarted() -> Any:
        [found] = await stage.pods()
        entry = found["status"]["containerStatuses"][0]
        return found if entry["restartCount"] == 1 and entry["ready"] else None

    after = await until("the program runs on another machine", restarted)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert not any(one["type"] == "DisruptionTarget" for one in after["status"]["conditions"])
    ended = after["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")
    told = await stage.event_counts()
    assert told["Interrupted"] == 1
    assert told["Allocated"] == 2
    assert told["Started"] == 2
    assert told["Pulling"] == told["Pulled"] == 1

    await agent.kill()
    await stage.running_agent()
    listings = len(await stage.cloud.requests())

    async def looked_around() -> bool:
        seen = (await stage.cloud.requests())[listings:]
        return sum(bool(request["operation"] == "query_log_entries") for request in seen) >= 3

    await until("the new agent has heard of everything again", looked_around)
    assert await stage.event_counts() == told


async def looks_around(stage: Stage) -> None:
    """Wait until the agent has listed the groups three times more."""
    before = len(await stage.cloud.requests())

    async def looked_around() -> bool:
        seen = (await stage.cloud.requests())[before:]
        return sum(bool(request["operation"] == "list_container_groups") for request in seen) >= 3

    await until("the agent has looked at it again", looked_around)


async def test_a_pod_that_stays_as_it_is_is_not_written_to(stage: Stage) -> None:
    await stage.running_agent()
    manifest = pod("steady")
    manifest["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "250m", "memory": "1536Mi"}}
    await stage.apply(manifest)
    [before] = await stage.ready_pods(1)
    granted = before["status"]["containerStatuses"][0]["resources"]
    assert granted["limits"]["cpu"] == "1"
    assert granted["limits"]["memory"] == "2Gi"
    assert granted["requests"]["cpu"] == "250m"
    conditions = {one["type"]: one.get("observedGeneration") for one in before["status"]["conditions"]}
    assert {conditions[kind] for kind in ("Ready", "ContainersReady", "Initialized")} == {1}
    await looks_around(stage)  # an event may tell the start more exactly than the listing did, once
    [before] = await stage.pods()
    await looks_around(stage)
    [after] = await stage.pods()
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
