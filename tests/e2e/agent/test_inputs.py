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


async def test_a_pod_waits_for_its_volume_as_one_on_any_node_and_finds_its_files(stage: Stage) -> None:
    await stage.running_agent()
    shows = "cd /files; for f in $(find . -type f | sort); do echo $f $(stat -c %a $f) $(cat $f); done"
    web = pod_with(
        "web",
        command=["/bin/sh", "-c", f"{shows}; {HELLO}"],
        volumeMounts=[{"name": "all", "mountPath": "/files"}],
    )
    web["metadata"]["labels"] = {"tier": "front"}
    items = [{"key": "token", "path": "private/token", "mode": 0o400}]
    fields = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    sources = [
        {"configMap": {"name": "settings"}},
        {"secret": {"name": "keys", "items": items}},
        {"downwardAPI": {"items": fields}},
        {"configMap": {"name": "absent", "optional": True}},
    ]
    web["spec"]["volumes"] = [{"name": "all", "projected": {"sources": sources}}]
    await stage.apply(secret("keys", token="t0ken", other="unused"), web)
    (event,) = await until("an event tells of the volume", lambda: stage.events("FailedMount"))
    assert 'MountVolume.SetUp failed for volume "all" : configmap "settings" not found' in event["message"]
    assert waiting(await stage.get("pod", "web")).get("reason") == "ContainerCreating"

    await stage.apply(config_map("settings", **{"a.conf": "a=1", "b.conf": "b=2"}))
    await stage.ready_pods(1)
    (name,) = await stage.own_groups()

    async def lines() -> list[str]:
        return [line for line in await stage.cloud.log_lines(name) if line.startswith("./")]

    assert await until("the program shows its files", lines) == [
        "./a.conf 644 a=1",
        "./b.conf 644 b=2",
        './labels 644 tier="front"',
        "./private/token 400 t0ken",
    ]
    for agent in stage.agents:
        assert "t0ken" not in agent.output()
        assert base64.b64encode(b"t0ken").decode() not in agent.output()


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
