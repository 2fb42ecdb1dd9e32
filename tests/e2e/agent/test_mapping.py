"""What a pod says and the group does: resources, GPU classes, annotations, probes, deadlines, DaemonSets."""

from __future__ import annotations

from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, waiting
from tests.e2e.workloads import pod, pod_spec

RTX_4090 = "ed563892-aacd-40f5-80b7-90c9be6c759b"
SINK = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "sink"},
    "stringData": {"ingestion_key": "nr-k3y"},
}


def with_container(name: str, annotations: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    made = pod(name, pod_spec(), annotations)
    made["spec"]["containers"][0].update(fields)
    return made


async def test_a_pod_gets_what_it_asks_for_and_is_told_once_what_it_does_not(stage: Stage) -> None:
    await stage.kubectl("annotate", "namespace", stage.namespace, "salad.com/country-codes=us, CA")
    await stage.apply(SINK)
    await stage.running_agent()
    made = with_container(
        "gpu",
        {
            "salad.com/container-group-priority": "High",
            "salad.com/networking-port": "web",
            "salad.com/logging-new-relic-host": "log-api.newrelic.com",
            "salad.com/logging-secret": "sink",
        },
        resources={"requests": {"cpu": "1500m", "memory": "2100Mi"}, "limits": {"salad.com/rtx4090": "1"}},
        ports=[{"name": "web", "containerPort": 8080}],
        readinessProbe={"exec": {"command": ["/bin/sh", "-c", 'test -d /dev/shm &&\ntest -n "$HOSTNAME"']}},
        volumeMounts=[{"name": "shm", "mountPath": "/dev/shm"}],
        securityContext={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        tty=True,
    )
    made["spec"]["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]
    await stage.apply(made)
    await stage.ready_pods(1)

    (group,) = (await stage.own_groups()).values()
    resources = group["container"]["resources"]
    assert (resources["cpu"], resources["memory"], resources["shm_size"]) == (2, 3072, 1024)
    assert resources["gpu_classes"] == [RTX_4090]
    assert sorted(group["country_codes"]) == ["ca", "us"]
    assert group["priority"] == "high"
    assert group["networking"]["port"] == 8080
    assert "new_relic" in group["container"]["logging"]

    (event,) = await stage.events("SaladCloudDegraded")
    for field in ("tty", "allowPrivilegeEscalation", "capabilities"):
        assert field in event["message"]
    assert "nr-k3y" not in stage.agents[0].output()


async def test_a_gpu_of_no_class_waits_and_runs_when_the_annotation_comes(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(with_container("gpu", resources={"limits": {"nvidia.com/gpu": "1"}}))

    async def refused() -> dict[str, Any] | None:
        found: dict[str, Any] | None = await stage.get("pod", "gpu")
        return found if waiting(found).get("reason") == "GpuClassRequired" else None

    before = await until("the pod waits for a GPU class", refused)
    assert before is not None
    await stage.kubectl("annotate", "pod", "gpu", "salad.com/gpu-classes=rtx4090")
    (after,) = await stage.ready_pods(1)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_a_pod_ends_at_its_deadline_with_its_group(stage: Stage) -> None:
    await stage.running_agent()
    made = pod("short", pod_spec(restartPolicy="Never", activeDeadlineSeconds=25))
    await stage.apply(made)

    async def failed() -> dict[str, Any] | None:
        found: dict[str, Any] | None = await stage.get("pod", "short")
        return found if found and found["status"].get("phase") == "Failed" else None

    ended = await until("the pod has failed", failed, within=90)
    assert ended is not None
    assert ended["status"]["reason"] == "DeadlineExceeded"
    assert await stage.own_groups() == {}


async def test_pods_of_daemon_sets_cost_nothing_unless_the_operator_says_so(stage: Stage) -> None:
    agent = await stage.running_agent()
    labels = {"app": "agent"}
    daemon_set = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": pod_spec(nodeSelector={"kubernetes.io/hostname": stage.node}),
            },
        },
    }
    await stage.apply(daemon_set)

    async def not_run() -> bool:
        return [waiting(each).get("reason") for each in await stage.pods()] == ["DaemonSetPod"]

    await until("the pod of the DaemonSet is left alone", not_run)
    assert await stage.own_groups() == {}
    await agent.stop()
    await stage.agent("--daemonsets", "run").start()
    await stage.ready_pods(1)
