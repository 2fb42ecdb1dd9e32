"""`kubectl logs` through the real API server."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

from tests.e2e.agent.log_reader import LogReader
from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import pod


def speaker(name: str, script: str) -> dict[str, Any]:
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
    manifest["spec"]["restartPolicy"] = "Never"
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


async def test_the_run_before_is_shown_by_previous(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(speaker("again", "echo started; sleep 1; echo gives up; exit 3"))

    async def restarted() -> bool:
        found = await stage.pods()
        entries = found[0]["status"].get("containerStatuses") if found else None
        return bool(entries and entries[0]["restartCount"] >= 1)

    await until("the program was started again", restarted)

    async def complete() -> str | None:
        shown = await stage.kubectl("logs", "again", "--previous", check=False)
        return shown if "gives up" in shown else None

    assert (await until("the run before is shown", complete)).splitlines() == ["started", "gives up"]


async def test_a_follower_reads_on_through_a_reallocation_and_soon(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(speaker("mover", 'while :; do echo "on $SALAD_MACHINE_ID"; sleep 1; done'))
    await stage.ready_pods(1)
    reader = await LogReader.start(stage, "-f", "--timestamps", "mover")
    reading = asyncio.create_task(reader.read())
    try:

        async def reads() -> bool:
            return len(reader.lines) >= 8

        await until("lines come", reads)
        before = {text.split(" ", 1)[1] for text in reader.texts}
        await stage.cloud.interrupt("node-offline")

        async def reads_on() -> bool:
            fresh = [text for text in reader.texts if text.split(" ", 1)[1] not in before]
            return len(fresh) >= 3

        await until("lines of the next machine come in the same stream", reads_on)
        assert reader.process.returncode is None
        stamps = [text.split(" ", 1)[0] for text in reader.texts]
        assert len(set(stamps)) == len(stamps), "each line once"
        # What came before the follower was there is old; the youngest of each look tells how long it takes.
        ages = [at - datetime.fromisoformat(text.split(" ", 1)[0]).timestamp() for at, text in reader.lines]
        assert sorted(ages[4:])[len(ages[4:]) // 2] < 4, ages
        await stage.kubectl("delete", "pod", "mover", "--wait=false")
        async with asyncio.timeout(60):
            await reading
    finally:
        await reader.stop()
        reading.cancel()


async def test_twenty_followers_cost_what_one_costs(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(speaker("talker", "while :; do echo line; sleep 1; done"))
    await stage.ready_pods(1)

    async def looks(seconds: float) -> int:
        """Count the queries for what programs write; those for events have other words."""
        before = len(await stage.cloud.requests())
        await asyncio.sleep(seconds)  # a rate needs a time
        return sum(one["operation"] == "query_log_entries" for one in (await stage.cloud.requests())[before:])

    readers: list[LogReader] = []
    tasks: list[asyncio.Task[None]] = []

    async def follow(count: int) -> None:
        while len(readers) < count:
            readers.append(await LogReader.start(stage, "-f", "--tail=1", "talker"))
            tasks.append(asyncio.create_task(readers[-1].read()))

        async def all_read() -> bool:
            return all(len(reader.lines) >= 3 for reader in readers)

        await until(f"{count} followers read", all_read)

    try:
        await follow(1)
        alone = await looks(8)
        await follow(20)
        together = await looks(8)
        assert together <= alone + 2, "a look more may fall into the time"
    finally:
        for reader in readers:
            await reader.stop()
        for task in tasks:
            task.cancel()


async def test_pods_of_a_selector_cost_a_request_each(stage: Stage) -> None:
    await stage.running_agent()
    for name in ("one", "two", "three", "four", "five", "six"):
        manifest = speaker(name, f"echo hello from {name}; sleep 600")
        manifest["metadata"]["labels"] = {"app": "chorus"}
        await stage.apply(manifest)
    await stage.ready_pods(6)

    async def all_said() -> list[str] | None:
        found = await stage.kubectl("logs", "-l", "app=chorus", "--prefix", check=False)
        return found.splitlines() if found.count("hello") == 6 else None

    shown = await until("all six have said something", all_said)
    assert {line.split("] ")[1] for line in shown} == {
        f"hello from {name}" for name in ("one", "two", "three", "four", "five", "six")
    }
    assert "[pod/six/main] hello from six" in shown
    # Followed together, each in a connection of its own.
    reader = await LogReader.start(stage, "-f", "-l", "app=chorus", "--max-log-requests=6", "--prefix")
    reading = asyncio.create_task(reader.read())
    try:

        async def six() -> bool:
            return len(reader.lines) == 6

        await until("a follower of all reads each", six)
    finally:
        await reader.stop()
        await reading


async def test_a_wrong_query_is_a_bad_request(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(speaker("talker", "echo hello; sleep 600"))
    path = f"/api/v1/nodes/{stage.node}/proxy/containerLogs/{stage.namespace}/talker/main"

    async def answer(query: str) -> str | None:
        refused = await stage.testbed.kubectl("get", "--raw", f"{path}?{query}", check=False)
        return refused.stderr if "NotFound" not in refused.stderr else None  # until the agent knows of the pod

    for query in ("tailLines=-1", "limitBytes=0", "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z"):
        assert "BadRequest" in await until("the query is answered", partial(answer, query))
