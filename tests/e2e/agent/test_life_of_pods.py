"""A pod's way on a real cluster: scheduled, created once, Running and Ready, deleted with nothing left."""

from __future__ import annotations

from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import deployment, pod, pod_spec


async def test_a_deployment_scales_from_one_to_three_to_none(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(deployment("web", 1))
    first = (await stage.ready_pods(1))[0]
    groups = await stage.own_groups()
    assert len(groups) == 1
    assert next(iter(groups.values()))["replicas"] == 1

    await stage.kubectl("scale", "deployment/web", "--replicas=3")
    pods = await stage.ready_pods(3)
    assert first["metadata"]["uid"] in {one["metadata"]["uid"] for one in pods}
    groups = await stage.own_groups()
    assert len(groups) == 3
    for group in groups.values():
        assert group["replicas"] == 1
        assert group["country_codes"] == ["us"]
        assert group["networking"]["port"] == 1234
        assert group["container"]["environment_variables"]["GREETING"] == "hello"

    await stage.kubectl("scale", "deployment/web", "--replicas=0")
    await stage.no_pods()
    assert await stage.own_groups() == {}


async def test_the_programs_of_pods_run_and_write_log_entries(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("speaker"))
    await stage.ready_pods(1)
    (name,) = await stage.own_groups()

    async def lines() -> list[str]:
        return await stage.cloud.log_lines(name)

    assert any(line.startswith("hello from ") for line in await until("a line is logged", lines))


async def test_a_bare_pod_can_be_deleted_and_created_again_under_its_name(stage: Stage) -> None:
    await stage.running_agent()
    names = set()
    for _ in range(2):
        await stage.apply(pod("again"))
        await stage.ready_pods(1)
        (name,) = await stage.own_groups()
        names.add(name)
        await stage.kubectl("delete", "pod", "again", "--timeout=60s")
        assert await stage.own_groups() == {}
    assert len(names) == 2


async def test_the_pods_of_a_stateful_set_come_again_under_their_names_with_groups_of_their_own(stage: Stage) -> None:
    await stage.running_agent()
    template = deployment("db", 2)["spec"]
    spec = {**template, "serviceName": "db", "podManagementPolicy": "Parallel"}
    await stage.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec})
    await stage.ready_pods(2)
    before = set(await stage.own_groups())
    await stage.kubectl("delete", "pod", "db-0", "--grace-period=0", "--force")
    await stage.kubectl("delete", "pod", "db-1", "--wait=false")

    async def two_others() -> bool:
        groups = set(await stage.own_groups())
        return len(groups) == 2 and not groups & before

    await until("both pods have a new group and the old ones are gone", two_others)
    await stage.ready_pods(2)
    await stage.kubectl("delete", "statefulset", "db")
    await stage.no_pods()
    assert await stage.own_groups() == {}


async def test_a_pod_goes_only_when_its_group_is_gone(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("careful"))
    await stage.ready_pods(1)
    await stage.cloud.break_with(kind="status", status=500, operations=["delete_container_group"])
    await stage.kubectl("delete", "pod", "careful", "--wait=false")

    async def refused_deletes() -> bool:
        requests = await stage.cloud.requests()
        return sum(bool(r["operation"] == "delete_container_group") for r in requests) >= 2

    await until("the delete was tried twice", refused_deletes)
    assert [one["metadata"]["name"] for one in await stage.pods()] == ["careful"]
    assert len(await stage.own_groups()) == 1
    await stage.cloud.mend()
    await stage.no_pods()
    assert await stage.own_groups() == {}


async def test_programs_that_end_end_their_pods_by_the_restart_policy(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(
        pod("good", pod_spec("exit 0", restartPolicy="Never")),
        pod("bad", pod_spec("exit 3", restartPolicy="Never")),
    )

    async def phases() -> dict[str, str] | None:
        found = {one["metadata"]["name"]: one["status"]["phase"] for one in await stage.pods()}
        return found if set(found.values()) <= {"Succeeded", "Failed"} else None

    assert await until("both pods ended", phases) == {"good": "Succeeded", "bad": "Failed"}
    ended = await stage.get("pod", "bad")
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3

    async def groups_gone() -> bool:
        return await stage.own_groups() == {}

    await until("the groups of finished pods are deleted", groups_gone)
    assert len(await stage.pods()) == 2


async def test_a_pod_that_cannot_be_carried_over_waits_with_the_reason_and_runs_once_mended(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("gpu", annotations={"salad.com/gpu-classes": "RTX 9999"}))

    async def refused() -> Any:
        status = (await stage.get("pod", "gpu")).get("status", {})
        return (status.get("containerStatuses") or [{}])[0].get("state", {}).get("waiting")

    waiting = await until("the pod waits with a reason", refused)
    assert "RTX 9999" in waiting["message"]
    assert await stage.own_groups() == {}
    assert await stage.events(waiting["reason"])
    await stage.kubectl("annotate", "pod", "gpu", "salad.com/gpu-classes=RTX 4090 (24 GB)", "--overwrite")
    await stage.ready_pods(1)


async def test_a_deleted_node_is_made_again_and_its_pods_stay(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("steady"))
    before = (await stage.ready_pods(1))[0]
    uid = (await stage.get("node", stage.node))["metadata"]["uid"]
    await stage.kubectl("delete", "node", stage.node)

    async def made_again() -> bool:
        node = await stage.get("node", stage.node)
        return node is not None and node["metadata"]["uid"] != uid

    await until("the node is there again", made_again)
    after = (await stage.ready_pods(1))[0]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
