"""What a pod says, its container group does: rows of the translation's table through a real API server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, waiting
from tests.e2e.workloads import pod, pod_spec

BUSYBOX = "docker.io/library/busybox:1.37"
GIB = 1024**3


def spec(command: str = "sleep 3600", container: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a pod's spec; `container` adds to its one container, `more` to the spec."""
    built = pod_spec(f"{command}; while :; do sleep 1; done", **more)
    built["containers"][0].update(container or {})
    return built


def config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, data: dict[str, bytes], kind: str = "Opaque") -> dict[str, Any]:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": encoded}


LOGIN = b'{"auths": {"docker.io": {"username": "somebody", "password": "pull-password"}}}'


def _container(group: dict[str, Any]) -> dict[str, Any]:
    return dict(group["container"])


def _resources(group: dict[str, Any]) -> dict[str, Any]:
    return dict(group["container"]["resources"])


ROWS: tuple[tuple[str, dict[str, Any], dict[str, str], Callable[[dict[str, Any]], Any], Any], ...] = (
    (
        "cpu-and-memory-are-rounded-up",
        spec(container={"resources": {"requests": {"cpu": "1500m", "memory": "2100Mi", "ephemeral-storage": "3Gi"}}}),
        {},
        lambda group: [_resources(group)[name] for name in ("cpu", "memory", "storage_amount")],
        [2, 3072, 3 * GIB],
    ),
    (
        "limits-count-where-nothing-is-requested",
        spec(container={"resources": {"limits": {"cpu": "3", "memory": "2G"}}}),
        {},
        lambda group: [_resources(group)[name] for name in ("cpu", "memory")],
        [3, 2048],
    ),
    (
        "shared-memory",
        spec(
            container={"volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}]},
            volumes=[{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}],
        ),
        {},
        lambda group: _resources(group)["shm_size"],
        256,
    ),
    (
        "a-gpu-by-its-short-name",
        spec(),
        {"salad.com/gpu-classes": "rtx4090"},
        lambda group: len(_resources(group)["gpu_classes"]),
        1,
    ),
    (
        "countries-and-priority",
        spec(),
        {"salad.com/country-codes": "US, ca", "salad.com/container-group-priority": "Batch"},
        lambda group: (group["country_codes"], group["priority"]),
        (["us", "ca"], "batch"),
    ),
    (
        "a-named-port-for-the-gateway",
        spec(container={"ports": [{"name": "web", "containerPort": 8080}]}),
        {"salad.com/networking-port": "web"},
        lambda group: [group["networking"][name] for name in ("port", "protocol", "auth")],
        [8080, "http", True],
    ),
    (
        "probes-keep-their-total-time",
        spec(
            container={
                "readinessProbe": {
                    "httpGet": {"path": "/", "port": 80},
                    "failureThreshold": 90,
                    "periodSeconds": 10,
                }
            }
        ),
        {},
        lambda group: [group["readiness_probe"][name] for name in ("failure_threshold", "period_seconds")],
        [20, 45],
    ),
    (
        "restart-policy",
        spec(restartPolicy="OnFailure"),
        {},
        lambda group: group["restart_policy"],
        "on_failure",
    ),
    (
        "a-container-among-several",
        {
            **spec(),
            "containers": [
                *spec()["containers"],
                {"name": "helper", "image": "docker.io/library/nginx:1", "resources": {"requests": {"cpu": "4"}}},
            ],
        },
        {"salad.com/container": "main"},
        lambda group: (_container(group)["image"], _resources(group)["cpu"]),
        (BUSYBOX, 1),
    ),
    (
        "command-and-args-with-references",
        spec(
            container={
                "command": ["/bin/sh", "-c"],
                "args": ["echo $(GREETING) $$(GREETING) $(UNKNOWN); sleep 3600"],
            }
        ),
        {},
        lambda group: _container(group)["command"],
        ["/bin/sh", "-c", "echo hello $(GREETING) $(UNKNOWN); sleep 3600"],
    ),
    (
        "a-tcp-probe-on-a-named-port",
        spec(
            container={
                "ports": [{"name": "db", "containerPort": 5432}],
                "livenessProbe": {"tcpSocket": {"port": "db"}, "initialDelaySeconds": 5},
            }
        ),
        {},
        lambda group: (group["liveness_probe"]["tcp"], group["liveness_probe"]["initial_delay_seconds"]),
        ({"port": 5432}, 5),
    ),
    (
        "a-grpc-probe",
        spec(container={"readinessProbe": {"grpc": {"port": 50051, "service": "ready"}}}),
        {},
        lambda group: group["readiness_probe"]["grpc"],
        {"port": 50051, "service": "ready"},
    ),
    (
        "an-exec-probe",
        spec(container={"startupProbe": {"exec": {"command": ["cat", "/tmp/started"]}, "failureThreshold": 15}}),
        {},
        lambda group: (group["startup_probe"]["exec"]["command"], group["startup_probe"]["failure_threshold"]),
        (["cat", "/tmp/started"], 15),
    ),
    (
        "an-http-probe-says-what-a-kubelet-says",
        spec(container={"livenessProbe": {"httpGet": {"path": "/live", "port": 8080, "scheme": "HTTPS"}}}),
        {},
        lambda group: [
            group["liveness_probe"]["http"]["scheme"],
            sorted(header["name"] for header in group["liveness_probe"]["http"]["headers"]),
        ],
        ["https", ["Accept", "User-Agent"]],
    ),
    (
        "a-job-queue",
        spec(),
        {"salad.com/queue-name": "work", "salad.com/queue-port": "8080", "salad.com/queue-path": "/jobs"},
        lambda group: [group["queue_connection"][name] for name in ("queue_name", "port", "path")],
        ["work", 8080, "/jobs"],
    ),
    (
        "injected-containers-are-left-out",
        {
            **spec(),
            "containers": [*spec()["containers"], {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.27.0"}],
        },
        {},
        lambda group: _container(group)["image"],
        BUSYBOX,
    ),
)


async def test_each_field_reaches_the_container_group(stage: Stage) -> None:
    await stage.running_agent("--ignore-containers", "istio-proxy")
    await stage.apply(*(pod(name, body, annotations) for name, body, annotations, _, _ in ROWS))

    async def all_groups() -> dict[str, dict[str, Any]] | None:
        groups = {
            group["container"]["environment_variables"]["SCVK_POD_NAME"]: group
            for group in (await stage.own_groups()).values()
        }
        return groups if len(groups) == len(ROWS) else None

    groups = await until("every pod has its container group", all_groups)
    seen = {name: read(groups[name]) for name, _, _, read, _ in ROWS}
    assert seen == {name: expected for name, _, _, _, expected in ROWS}


REFUSED: tuple[tuple[str, dict[str, Any], dict[str, str], str], ...] = (
    (
        "host-path",
        spec(
            container={"volumeMounts": [{"name": "logs", "mountPath": "/logs"}]},
            volumes=[{"name": "logs", "hostPath": {"path": "/var/log"}}],
        ),
        {},
        "logs",
    ),
    ("host-network", spec(hostNetwork=True), {}, "spec.hostNetwork"),
    ("privileged", spec(container={"securityContext": {"privileged": True}}), {}, "privileged"),
    (
        "two-containers",
        {**spec(), "containers": [*spec()["containers"], {"name": "second", "image": BUSYBOX}]},
        {},
        "second",
    ),
    ("unknown-gpu", spec(), {"salad.com/gpu-classes": "rtx 4091"}, "RTX 4090"),
    ("half-of-the-networking", spec(), {"salad.com/networking-auth": "true"}, "salad.com/networking-port"),
    ("never-pulled", spec(container={"imagePullPolicy": "Never"}), {}, "imagePullPolicy"),
    ("no-such-country", spec(), {"salad.com/country-codes": "us, nowhere"}, "nowhere"),
    ("too-much-memory", spec(container={"resources": {"requests": {"memory": "2Pi"}}}), {}, "memory"),
)


async def test_what_cannot_run_is_refused_with_a_reason_and_makes_no_group(stage: Stage) -> None:
    await stage.running_agent()
    # The scheduler would leave some of them Pending for reasons of its own: they are bound by hand.
    await stage.apply(
        *(pod(name, {**body, "nodeName": stage.node}, annotations) for name, body, annotations, _ in REFUSED)
    )

    async def all_told() -> dict[str, str] | None:
        told = {one["metadata"]["name"]: waiting(one).get("message", "") for one in await stage.pods()}
        return told if len(told) == len(REFUSED) and all(told.values()) else None

    told = await until("every pod waits with a reason", all_told)
    unclear = {name: told[name] for name, _, _, word in REFUSED if word not in told[name]}
    assert unclear == {}
    assert await stage.own_groups() == {}
    assert {one["status"]["phase"] for one in await stage.pods()} == {"Pending"}


FILES = """\
echo "greeting=$(cat /etc/app/greeting.txt)"
echo "nested=$(cat /etc/app/deep/nested.txt)"
echo "binary=$(md5sum < /etc/app/secret/blob | cut -c1-32)"
echo "mode=$(stat -c %a /etc/app/secret/blob)"
echo "label=$(cat /etc/podinfo/labels)"
echo "single=$(cat /usr/share/one.conf)"
echo "here=$(pwd)"
echo "scratch=$(cat /scratch/from-init)"
echo "lines=$(printf '%s' "$MULTI" | wc -l)"
echo "dotted=$(tr '\\000' '\\n' < /proc/1/environ | grep '^a.dotted-name=')"
echo "token=$TOKEN"
echo "prefixed=$P_greeting"
echo "expanded=$EXPANDED"
echo "empty=[${EMPTY-unset}]"
"""


async def test_programs_find_files_variables_and_directories_as_kubernetes_would_give_them(stage: Stage) -> None:
    await stage.running_agent()
    blob = bytes(range(256)) * 3
    body = spec(
        FILES.rstrip("\n"),
        {
            "workingDir": "/var/spool",
            "env": [
                {"name": "MULTI", "value": "one\ntwo\nthree\n"},
                {"name": "a.dotted-name", "value": "yes"},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "app-secret", "key": "token"}}},
                {"name": "EXPANDED", "value": "$(TOKEN)-$(P_greeting)-$$(TOKEN)"},
                {"name": "EMPTY", "value": ""},
            ],
            "envFrom": [{"prefix": "P_", "configMapRef": {"name": "app"}}],
            "volumeMounts": [
                {"name": "all", "mountPath": "/etc/app"},
                {"name": "info", "mountPath": "/etc/podinfo"},
                {"name": "config", "mountPath": "/usr/share/one.conf", "subPath": "greeting"},
                {"name": "scratch", "mountPath": "/scratch"},
            ],
        },
        volumes=[
            {
                "name": "all",
                "projected": {
                    "sources": [
                        {
                            "configMap": {
                                "name": "app",
                                "items": [
                                    {"key": "greeting", "path": "greeting.txt"},
                                    {"key": "nested", "path": "deep/nested.txt"},
                                ],
                            }
                        },
                        {
                            "secret": {
                                "name": "app-secret",
                                "items": [{"key": "blob", "path": "secret/blob", "mode": 256}],
                            }
                        },
                    ]
                },
            },
            {"name": "config", "configMap": {"name": "app"}},
            {
                "name": "info",
                "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]},
            },
            {"name": "scratch", "emptyDir": {}},
        ],
        initContainers=[
            {
                "name": "prepare",
                "image": BUSYBOX,
                "command": ["/bin/sh", "-c", 'echo "$WHAT" > /scratch/from-init'],
                "env": [{"name": "WHAT", "value": "was here"}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
    )
    manifest = pod("reader", body)
    manifest["metadata"]["labels"] = {"app": "reader"}
    await stage.apply(
        config_map("app", {"greeting": "good day", "nested": "deep down"}),
        secret("app-secret", {"token": b"s3cret-token", "blob": blob}),
        manifest,
    )
    await stage.ready_pods(1)
    (group,) = await stage.own_groups()

    async def lines() -> list[str]:
        found = await stage.cloud.log_lines(group)
        return found if any(line.startswith("empty=") for line in found) else []

    told = dict(line.split("=", 1) for line in await until("the program has told all", lines) if "=" in line)
    assert told == {
        "greeting": "good day",
        "nested": "deep down",
        "binary": hashlib.md5(blob).hexdigest(),
        "mode": "400",
        "label": 'app="reader"',
        "single": "good day",
        "here": "/var/spool",
        "scratch": "was here",
        "lines": "3",
        "dotted": "a.dotted-name=yes",
        "token": "s3cret-token",
        "prefixed": "good day",
        "expanded": "s3cret-token-good day-$(TOKEN)",
        "empty": "[]",
    }
    for line in stage.agents[0].output().splitlines():
        assert "s3cret-token" not in line


async def test_a_failing_init_container_ends_the_start_with_its_exit_code(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(
        pod(
            "unlucky",
            spec(
                restartPolicy="Never",
                initContainers=[{"name": "check", "image": BUSYBOX, "command": ["/bin/sh", "-c", "exit 7"]}],
            ),
        )
    )

    async def failed() -> dict[str, Any] | None:
        found = await stage.get("pod", "unlucky")
        return found if found["status"].get("phase") == "Failed" else None

    ended = await until("the pod has failed", failed)
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


async def test_a_pull_secret_becomes_the_groups_login_and_is_shown_nowhere(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(
        secret("pull", {".dockerconfigjson": LOGIN}, "kubernetes.io/dockerconfigjson"),
        pod("private", spec(imagePullSecrets=[{"name": "pull"}])),
    )
    await stage.ready_pods(1)
    creates = [one for one in await stage.cloud.requests() if one["operation"] == "create_container_group"]
    assert creates
    seen = stage.agents[0].output() + await stage.kubectl("get", "events,pods", "-o", "yaml")
    assert "pull-password" not in seen
