"""What pods refer to, on a real cluster and under the documented rights: found, waited for, and left out."""

from __future__ import annotations

import base64
from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, waiting
from tests.e2e.workloads import HELLO, pod, pod_spec


def secret(name: str, **data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod_with(name: str, **container: Any) -> dict[str, Any]:
    spec = pod_spec()
    spec["containers"][0].update(container)
    return pod(name, spec)


async def environment(stage: Stage) -> dict[str, str]:
    """Return the variables of the one group, but for the marks."""
    (group,) = (await stage.own_groups()).values()
    variables = group["container"]["environment_variables"]
    return {name: value for name, value in variables.items() if not name.startswith("SCVK_")}


async def test_variables_come_from_everywhere_that_kubernetes_knows(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(config_map("settings", MODE="fast", LEVEL="3"), secret("keys", token="t0ken", user="me"))
    await stage.apply(
        pod_with(
            "web",
            command=["/bin/sh", "-c", f"echo $(URL); {HELLO}"],
            envFrom=[
                {"configMapRef": {"name": "settings"}},
                {"secretRef": {"name": "keys"}, "prefix": "KEY_"},
                {"configMapRef": {"name": "absent", "optional": True}},
            ],
            env=[
                {"name": "LEVEL", "value": "9"},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
                {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "absent", "optional": True}}},
                {"name": "URL", "value": "http://$(KEY_user)@$(MODE).example/$$(MODE)"},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
                {
                    "name": "MEMORY",
                    "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}},
                },
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
        )
    )
    await stage.ready_pods(1)
    assert await environment(stage) == {
        "MODE": "fast",
        "LEVEL": "9",
        "KEY_token": "t0ken",
        "KEY_user": "me",
        "TOKEN": "t0ken",
        "URL": "http://me@fast.example/$(MODE)",
        "NAME": "web",
        "SPACE": stage.namespace,
        "NODE": stage.node,
        "ACCOUNT": "default",
        "MEMORY": "954",
    }
    assert await stage.events("OptionalConfigMapNotFound")
    assert await stage.events("OptionalSecretKeyNotFound")
    for agent in stage.agents:
        assert "t0ken" not in agent.output()


async def test_a_pod_waits_for_its_secret_and_runs_without_being_made_again(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(pod_with("web", envFrom=[{"secretRef": {"name": "keys"}}]))

    async def waits() -> bool:
        return waiting(await stage.get("pod", "web")).get("reason") == "CreateContainerConfigError"

    await until("the pod waits for its Secret", waits)
    found = await stage.get("pod", "web")
    assert found["status"]["phase"] == "Pending"
    assert 'secret "keys" not found' in found["status"]["message"]
    assert await until("an event tells of it", lambda: stage.events("MandatorySecretNotFound"))
    assert await stage.own_groups() == {}

    await stage.apply(secret("keys", TOKEN="t0ken"))
    (after,) = await stage.ready_pods(1)
    assert after["metadata"]["uid"] == found["metadata"]["uid"]
    assert not after["status"].get("message")
    assert await environment(stage) == {"GREETING": "hello", "TOKEN": "t0ken"}

    await stage.kubectl("delete", "secret", "keys")
    agent = stage.agents[0]
    await agent.stop()
    await stage.running_agent()
    (still,) = await stage.ready_pods(1)
    assert still["metadata"]["uid"] == found["metadata"]["uid"]
    assert len(await stage.own_groups()) == 1


async def test_a_pod_waits_for_its_volume_as_one_on_any_node(stage: Stage) -> None:
    await stage.running_agent()
    web = pod_with("web", volumeMounts=[{"name": "conf", "mountPath": "/conf"}])
    web["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": "absent"}}]
    await stage.apply(web)
    (event,) = await until("an event tells of the volume", lambda: stage.events("FailedMount"))
    assert 'MountVolume.SetUp failed for volume "conf" : configmap "absent" not found' in event["message"]
    assert waiting(await stage.get("pod", "web")).get("reason") == "ContainerCreating"


async def test_services_are_variables_where_the_operator_says_so(stage: Stage) -> None:
    agent = stage.agent("--service-links")
    await agent.start()
    ports = [{"port": 80, "name": "web"}]
    spec = {"selector": {"app": "db"}, "ports": ports}
    await stage.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "my-db"}, "spec": spec})
    await stage.apply(pod_with("web", env=[{"name": "DB", "value": "$(MY_DB_SERVICE_HOST)"}]))
    await stage.ready_pods(1)
    service = await stage.get("service", "my-db")
    variables = await environment(stage)
    address = service["spec"]["clusterIP"]
    assert variables["DB"] == variables["MY_DB_SERVICE_HOST"] == address
    assert variables["MY_DB_PORT_80_TCP"] == f"tcp://{address}:80"
    assert variables["KUBERNETES_SERVICE_PORT"] == "443"
