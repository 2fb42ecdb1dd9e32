"""Running pods that somebody changes, on a real cluster: with kubectl, as people do it."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, is_ready
from tests.e2e.workloads import pod, pod_spec

OTHER_IMAGE = "docker.io/library/busybox:1.36"


async def a_running_pod(stage: Stage, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    await stage.apply(pod("web", pod_spec(**spec), annotations))
    (running,) = await stage.ready_pods(1)
    return running


async def group(stage: Stage) -> dict[str, Any]:
    (found,) = (await stage.own_groups()).values()
    return dict(found)


async def restarted(stage: Stage) -> dict[str, Any]:
    async def once() -> dict[str, Any] | None:
        found = await stage.get("pod", "web")
        count = found["status"]["containerStatuses"][0]["restartCount"]
        return found if is_ready(found) and count == 1 else None

    return await until("the pod was started again once, and is Ready", once, within=60) or {}


def condition(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((each for each in found["status"]["conditions"] if each["type"] == kind), {})


async def resize(stage: Stage, cpu: str, memory: str) -> None:
    resources = {"requests": {"cpu": cpu, "memory": memory}}
    body = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    await stage.kubectl("patch", "pod", "web", "--subresource", "resize", "--patch", json.dumps(body))


async def test_another_image_is_one_new_version_and_one_restart(stage: Stage) -> None:
    agent = await stage.running_agent()
    await a_running_pod(stage)
    await stage.kubectl("set", "image", "pod/web", f"main={OTHER_IMAGE}")
    found = await restarted(stage)
    (entry,) = found["status"]["containerStatuses"]
    assert entry["image"] == OTHER_IMAGE
    assert "updated" in entry["lastState"]["terminated"]["message"]
    changed = await group(stage)
    assert (changed["container"]["image"], changed["version"]) == (OTHER_IMAGE, 2)
    (killing,) = await stage.events("Killing")
    assert "spec.containers[0].image" in killing["message"]
    for reason in ("BackOff", "Failed", "Reallocating"):
        assert await stage.events(reason) == []

    await agent.stop()
    await stage.running_agent("--strict")
    await stage.kubectl("annotate", "pod", "web", "salad.com/networking-port=80")
    (told,) = await until("the pod is told that networking is fixed", lambda: stage.events("NotUpdated"))
    assert "metadata.annotations[salad.com/networking-port]" in told["message"]
    await stage.kubectl("annotate", "pod", "web", "salad.com/country-codes=us,ca")

    async def countries() -> bool:
        return bool((await group(stage))["country_codes"] == ["us", "ca"])

    await until("the group has other countries", countries)
    assert (await group(stage))["version"] == 3


async def test_a_resize_is_infeasible_until_the_pod_allows_a_restart(stage: Stage) -> None:
    await stage.running_agent()
    await a_running_pod(stage)
    await resize(stage, "3", "5Gi")

    async def infeasible() -> dict[str, Any] | None:
        found = await stage.get("pod", "web")
        return found if condition(found, "PodResizePending").get("reason") == "Infeasible" else None

    found = await until("the resize is told to be infeasible", infeasible) or {}
    assert "salad.com/resize" in condition(found, "PodResizePending")["message"]
    assert found["status"]["containerStatuses"][0]["resources"]["limits"]["cpu"] == "1"
    assert (await stage.events("ResizeInfeasible"))[0]["count"] == 1
    assert (await group(stage))["version"] == 1

    await stage.kubectl("annotate", "pod", "web", "salad.com/resize=restart")
    found = await restarted(stage)
    resources = (await group(stage))["container"]["resources"]
    assert (resources["cpu"], resources["memory"]) == (3, 5120)
    limits = found["status"]["containerStatuses"][0]["resources"]["limits"]
    assert (limits["cpu"], limits["memory"]) == ("3", "5Gi")

    async def over() -> bool:
        now = await stage.get("pod", "web")
        return not condition(now, "PodResizePending") and not condition(now, "PodResizeInProgress")

    await until("nothing of the resize is pending", over)


async def test_a_container_to_debug_with_waits_and_says_why(stage: Stage) -> None:
    await stage.running_agent()
    await a_running_pod(stage)
    await stage.kubectl("debug", "web", "--image", OTHER_IMAGE, "--container", "debugger", "--attach=false")
    (told,) = await until("the pod says so", lambda: stage.events("EphemeralContainersNotSupported"))
    assert "kubectl exec" in told["message"]
    found = await stage.get("pod", "web")
    (entry,) = found["status"]["ephemeralContainerStatuses"]
    assert entry["state"]["waiting"]["reason"] == "EphemeralContainersNotSupported"
    assert is_ready(found)
    assert (await group(stage))["version"] == 1


async def test_pods_are_told_once_of_a_changed_config_map_also_where_the_agent_was_away(stage: Stage) -> None:
    agent = await stage.running_agent()
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"MODE": "fast"}}
    web = pod("web")
    web["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    await stage.apply(settings, web)
    await stage.ready_pods(1)
    await agent.stop()
    await stage.apply({**settings, "data": {"MODE": "slow"}})
    agent = await stage.running_agent()
    (told,) = await until("the pod is told", lambda: stage.events("InputsChanged"))
    assert 'ConfigMap "settings" was changed' in told["message"]

    async def noted() -> bool:
        found, changed = await stage.get("pod", "web"), await stage.get("configmap", "settings")
        note = json.loads(found["metadata"]["annotations"]["scvk.salad.com/inputs"])["ConfigMap/settings"]
        return bool(note.endswith("/" + changed["metadata"]["resourceVersion"]))

    await until("the change is noted on the pod", noted)
    await agent.stop()
    await stage.running_agent()
    await stage.kubectl("delete", "configmap", "settings")
    await stage.ready_pods(1)
    assert (await group(stage))["version"] == 1
    assert [each["count"] for each in await stage.events("InputsChanged")] == [1]
