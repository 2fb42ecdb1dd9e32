"""Kubernetes' own controllers with pods on SaladCloud: each sees what it would see of any node."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, is_ready
from tests.e2e.workloads import deployment, pod, pod_spec

NEVER_READY = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}


def job(name: str, command: str, **spec: Any) -> dict[str, Any]:
    """Return a Job whose pods run a command to its end."""
    template = {"spec": pod_spec(command, restartPolicy="Never")}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


async def test_jobs_end_as_the_exit_codes_of_their_pods_say(stage: Stage) -> None:
    await stage.running_agent()
    fail_at_42 = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]
    await stage.apply(
        job("good", "exit 0", completions=2, parallelism=2),
        job("bad", "exit 3", backoffLimit=1),
        job("picky", "exit 42", backoffLimit=6, podFailurePolicy={"rules": fail_at_42}),
    )
    await stage.kubectl("wait", "--for=condition=complete", "job/good", "--timeout=50s")
    await stage.kubectl("wait", "--for=condition=failed", "job/bad", "job/picky", "--timeout=50s")
    assert [await why_failed(stage, name) for name in ("bad", "picky")] == ["BackoffLimitExceeded", "PodFailurePolicy"]
    codes = sorted((one["metadata"]["labels"]["job-name"], exit_code(one)) for one in await stage.pods())
    assert codes == [("bad", 3), ("bad", 3), ("good", 0), ("good", 0), ("picky", 42)]
    await no_groups(stage)


async def test_a_missed_run_of_a_cron_job_is_made_up_for_and_succeeds(stage: Stage) -> None:
    await stage.running_agent()
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": job("", "exit 0")["spec"]}}
    await stage.apply({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}, "spec": spec})
    # As if the last run was two minutes ago: nobody waits for the next full minute.
    last = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = f'{{"status":{{"lastScheduleTime":"{last}"}}}}'
    await stage.kubectl("patch", "cronjob", "nightly", "--subresource=status", "--type=merge", "-p", status)
    done = "jsonpath={.status.lastSuccessfulTime}"
    await stage.kubectl("wait", f"--for={done}", "cronjob/nightly", "--timeout=50s")
    await stage.kubectl("delete", "cronjob", "nightly")
    await stage.no_pods()


async def test_a_stateful_set_starts_in_order_and_a_name_comes_again_after_the_old_group_is_gone(stage: Stage) -> None:
    await stage.running_agent()
    spec = {**deployment("db", 2)["spec"], "serviceName": "db"}
    await stage.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec})
    await stage.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    first, second = sorted(await stage.pods(), key=lambda one: one["metadata"]["name"])
    assert ready_since(first) <= second["metadata"]["creationTimestamp"]

    most_at_once = 0

    async def replaced() -> bool:
        nonlocal most_at_once
        groups = [group for name, group in (await stage.own_groups()).items() if "-db-0-" in name]
        most_at_once = max(most_at_once, len(groups))
        found = await stage.get("pod", "db-0")
        return found is not None and found["metadata"]["uid"] != first["metadata"]["uid"] and is_ready(found)

    await stage.kubectl("delete", "pod", "db-0", "--wait=false")
    await until("db-0 is another pod, and Ready", replaced, every=0.1)
    assert most_at_once == 1


async def test_a_rollout_waits_for_ready_pods_and_can_be_undone(stage: Stage) -> None:
    await stage.running_agent()
    web = deployment("web", 2)
    web["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 2}}
    await stage.apply(web)
    await stage.kubectl("rollout", "status", "deployment/web", "--timeout=60s")

    await stage.kubectl("set", "env", "deployment/web", "GREETING=good morning")
    await stage.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    await until("only groups of the new version are left", lambda: greetings_are(stage, ["good morning"] * 2))
    good = {one["metadata"]["uid"] for one in await stage.ready_pods(2)}

    container = web["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "GREETING", "value": "never ready"}]
    container["readinessProbe"] = NEVER_READY
    await stage.apply(web)
    await until("the new version runs", lambda: greetings_are(stage, ["good morning"] * 2 + ["never ready"] * 2))
    answer = await stage.kubectl("rollout", "status", "deployment/web", "--timeout=6s", check=False)
    assert "successfully" not in answer
    assert good <= {one["metadata"]["uid"] for one in await stage.pods() if is_ready(one)}

    await stage.kubectl("rollout", "undo", "deployment/web")
    await stage.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    await until("only groups of the former version are left", lambda: greetings_are(stage, ["good morning"] * 2))
    assert good == {one["metadata"]["uid"] for one in await stage.ready_pods(2)}


async def test_a_drain_keeps_to_the_disruption_budget_and_empties_the_node_without_one(stage: Stage) -> None:
    await stage.running_agent()
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    await stage.apply(
        deployment("web", 2),
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": budget},
    )
    await stage.ready_pods(2)
    await stage.kubectl("wait", "--for=jsonpath={.status.disruptionsAllowed}=1", "pdb/web", "--timeout=20s")
    await stage.kubectl("drain", stage.node, "--timeout=8s", check=False)
    await until("one group is left", lambda: groups_are(stage, 1))
    assert sorted(is_ready(one) for one in await stage.pods()) == [False, True]

    await stage.kubectl("delete", "pdb", "web")
    await stage.kubectl("drain", stage.node, "--timeout=50s")
    assert await stage.own_groups() == {}
    await stage.kubectl("uncordon", stage.node)
    await stage.ready_pods(2)


async def test_scaling_down_spares_the_pod_whose_deletion_costs_most(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(deployment("web", 1))
    await stage.kubectl("wait", "--for=condition=available", "deployment/web", "--timeout=60s")
    # What a HorizontalPodAutoscaler does: it writes the scale subresource.
    await stage.kubectl("patch", "deployment", "web", "--subresource=scale", "-p", '{"spec":{"replicas":3}}')
    pods = await stage.ready_pods(3)
    spared = max(pods, key=lambda one: one["metadata"]["creationTimestamp"])["metadata"]["name"]
    await stage.kubectl("annotate", "pod", spared, "controller.kubernetes.io/pod-deletion-cost=100")
    await stage.kubectl("patch", "deployment", "web", "--subresource=scale", "-p", '{"spec":{"replicas":1}}')
    assert [one["metadata"]["name"] for one in await stage.ready_pods(1)] == [spared]
    await until("one group is left", lambda: groups_are(stage, 1))
    (group,) = (await stage.own_groups()).values()
    assert group["container"]["environment_variables"]["SCVK_POD_NAME"] == spared

    async def cost_is_told() -> bool:
        return [one["deletion_cost"] for one in await stage.cloud.instances(group["name"])] == [100]

    await until("SaladCloud has the cost, too", cost_is_told)


async def test_kubectl_waits_for_a_pod_to_be_ready_and_to_be_gone_with_its_group(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod("solo"))
    await stage.kubectl("wait", "--for=condition=Ready", "pod/solo", "--timeout=60s")
    gone = asyncio.create_task(stage.kubectl("wait", "--for=delete", "pod/solo", "--timeout=60s"))
    await stage.kubectl("delete", "pod", "solo", "--wait=false")
    await gone
    assert await stage.own_groups() == {}


async def why_failed(stage: Stage, name: str) -> str:
    """Return the reason of a Job's condition Failed."""
    conditions = (await stage.get("job", name))["status"]["conditions"]
    return str(next(one["reason"] for one in conditions if one["type"] == "Failed"))


def exit_code(one: dict[str, Any]) -> int:
    """Return how a pod's container ended."""
    return int(one["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"])


def ready_since(one: dict[str, Any]) -> str:
    """Return since when a pod is Ready."""
    conditions = {each["type"]: each for each in one["status"]["conditions"]}
    return str(conditions["Ready"]["lastTransitionTime"])


async def greetings_are(stage: Stage, expected: list[str]) -> bool:
    """Say whether there are just these groups, by a variable."""
    groups = (await stage.own_groups()).values()
    return sorted(group["container"]["environment_variables"]["GREETING"] for group in groups) == expected


async def groups_are(stage: Stage, count: int) -> bool:
    """Say whether there are so many groups."""
    return len(await stage.own_groups()) == count


async def no_groups(stage: Stage) -> None:
    """Wait until nothing of the pods is left in SaladCloud."""
    await until("there are no groups", lambda: groups_are(stage, 0))
