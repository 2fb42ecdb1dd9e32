"""`kubectl logs` through the real API server."""

from __future__ import annotations

import asyncio

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import pod


def speaker(name: str, script: str) -> dict[str, object]:
    manifest = pod(name)
    manifest["spec"]["containers"][0]["command"] = ["/bin/sh", "-c", script]
    return manifest


async def test_lines_of_a_running_pod_are_shown_by_every_flag(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(
        speaker("talker", "i=0; while [ $i -lt 250 ]; do echo line $i; i=$((i+1)); done; echo '{\"a\": 1}'; sleep 600")
    )
    await stage.ready_pods(1)

    async def complete() -> str | None:
        shown = await stage.kubectl("logs", "talker", check=False)
        return shown if '"a"' in shown else None

    shown = await until("all lines are shown", complete)
    expected = [*(f"line {n}" for n in range(250)), '{"a":1}']
    assert shown.splitlines() == expected
    assert (await stage.kubectl("logs", "talker", "--tail=120")).splitlines() == expected[-120:]
    assert (await stage.kubectl("logs", "talker", "--tail=0")) == ""
    assert (await stage.kubectl("logs", "talker", "--limit-bytes=10")) == "line 0\nlin"
    stamped = (await stage.kubectl("logs", "talker", "--timestamps", "--tail=1")).split(" ", 1)
    assert stamped[1].strip() == expected[-1]
    assert (await stage.kubectl("logs", "talker", f"--since-time={stamped[0]}")).splitlines()[-1] == expected[-1]
    assert (await stage.kubectl("logs", "talker", "--since=1h")).splitlines() == expected
    prefixed = await stage.kubectl("logs", "talker", "-c", "main", "--prefix", "--tail=1")
    assert prefixed.splitlines() == [f"[pod/talker/main] {expected[-1]}"]
    refused = await stage.testbed.kubectl("--namespace", stage.namespace, "logs", "talker", "--previous", check=False)
    assert "previous terminated container" in refused.stderr


async def test_a_follower_gets_new_lines_and_ends_with_the_program(stage: Stage) -> None:
    await stage.running_agent()
    script = "i=0; while [ $i -lt 12 ]; do echo line $i; i=$((i+1)); sleep 1; done"
    manifest = speaker("counter", script)
    manifest["spec"]["restartPolicy"] = "Never"  # type: ignore[index] # a pod has a spec
    await stage.apply(manifest)

    async def runs() -> bool:
        found = await stage.pods()
        return bool(found) and found[0]["status"].get("phase") == "Running"

    await until("the pod runs", runs)
    async with asyncio.timeout(60):
        shown = await stage.kubectl("logs", "-f", "counter")
    assert shown.splitlines() == [f"line {n}" for n in range(12)]


async def test_a_pod_that_has_not_started_says_why(stage: Stage) -> None:
    await stage.running_agent()
    manifest = pod("waits")
    manifest["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "missing"}}]
    await stage.apply(manifest)

    async def told() -> str | None:
        refused = await stage.testbed.kubectl("--namespace", stage.namespace, "logs", "waits", check=False)
        return refused.stderr if "CreateContainerConfigError" in refused.stderr else None

    assert "is waiting to start" in await until("kubectl logs says why", told)
