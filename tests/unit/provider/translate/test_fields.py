"""Every field of a pod has a row that says what becomes of it, and the rows do what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import (
    Container,
    GRPCAction,
    HTTPGetAction,
    Lifecycle,
    PodSecurityContext,
    PodSpec,
    Probe,
    SecurityContext,
    TCPSocketAction,
)

from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.container_fields import CONTAINER_ROWS, LIFECYCLE_ROWS
from scvk.provider.translate.fields import Row, Treatment, is_empty
from scvk.provider.translate.pod_fields import POD_ROWS
from scvk.provider.translate.probes import GRPC_ROWS, HTTP_GET_ROWS, PROBE_ROWS, TCP_SOCKET_ROWS
from scvk.provider.translate.security import CONTAINER_SECURITY_ROWS, POD_SECURITY_ROWS

Translate = Callable[..., Translation]

TABLES = [
    (PodSpec, POD_ROWS),
    (PodSecurityContext, POD_SECURITY_ROWS),
    (Container, CONTAINER_ROWS),
    (Lifecycle, LIFECYCLE_ROWS),
    (SecurityContext, CONTAINER_SECURITY_ROWS),
    (Probe, PROBE_ROWS),
    (HTTPGetAction, HTTP_GET_ROWS),
    (TCPSocketAction, TCP_SOCKET_ROWS),
    (GRPCAction, GRPC_ROWS),
]


@pytest.mark.parametrize(("model", "rows"), TABLES, ids=lambda part: getattr(part, "__name__", ""))
def test_every_field_has_one_row(model: type[msgspec.Struct], rows: tuple[Row, ...]) -> None:
    assert sorted(row.field for row in rows) == sorted(model.__struct_fields__)


@pytest.mark.parametrize(("model", "rows"), TABLES, ids=lambda part: getattr(part, "__name__", ""))
def test_a_row_that_reports_has_a_reason_code(model: type[msgspec.Struct], rows: tuple[Row, ...]) -> None:
    for row in rows:
        assert row.reason, row.field
        assert bool(row.reason_code) is (row.treatment in (Treatment.REFUSED, Treatment.DEGRADED)), row.field


REFUSED_IN_THE_SPEC: dict[str, Any] = {
    "activeDeadlineSeconds": 60,
    "dnsConfig": {"nameservers": ["1.1.1.1"]},
    "dnsPolicy": "None",
    "ephemeralContainers": [{"name": "debug", "image": "busybox"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
    "hostIPC": True,
    "hostNetwork": True,
    "hostPID": True,
    "hostUsers": False,
    "hostnameOverride": "web",
    "imagePullSecrets": [{"name": "login"}],
    "initContainers": [{"name": "init", "image": "busybox"}],
    "nodeSelector": {"kubernetes.io/os": "windows"},
    "os": {"name": "windows"},
    "resourceClaims": [{"name": "gpu"}],
    "resources": {"requests": {"cpu": "1"}},
    "runtimeClassName": "gvisor",
    "setHostnameAsFQDN": True,
}

REFUSED_IN_THE_CONTAINER: dict[str, Any] = {
    "imagePullPolicy": "Never",
    "restartPolicy": "Always",
    "restartPolicyRules": [{"action": "Restart"}],
    "stdin": True,
    "stdinOnce": True,
    "tty": True,
    "volumeDevices": [{"name": "disk", "devicePath": "/dev/xvda"}],
    "workingDir": "/app",
}

REFUSED_DEEPER: dict[str, dict[str, Any]] = {
    "spec.securityContext.appArmorProfile": {"spec": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}},
    "spec.securityContext.fsGroup": {"spec": {"securityContext": {"fsGroup": 0}}},
    "spec.securityContext.runAsUser": {"spec": {"securityContext": {"runAsUser": 0}}},
    "spec.securityContext.runAsNonRoot": {"spec": {"securityContext": {"runAsNonRoot": True}}},
    "spec.securityContext.sysctls": {"spec": {"securityContext": {"sysctls": [{"name": "a", "value": "1"}]}}},
    "spec.containers[0].securityContext.privileged": {"securityContext": {"privileged": True}},
    "spec.containers[0].securityContext.allowPrivilegeEscalation": {
        "securityContext": {"allowPrivilegeEscalation": False}
    },
    "spec.containers[0].securityContext.capabilities": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    "spec.containers[0].securityContext.readOnlyRootFilesystem": {"securityContext": {"readOnlyRootFilesystem": True}},
    "spec.containers[0].lifecycle.postStart": {"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}},
    "spec.containers[0].lifecycle.preStop": {"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}},
    "spec.containers[0].lifecycle.stopSignal": {"lifecycle": {"stopSignal": "SIGUSR1"}},
    "spec.containers[0].livenessProbe.grpc.mode": {"livenessProbe": {"grpc": {"port": 1, "mode": "TLS"}}},
}

ALL_REFUSED = (
    {f"spec.{field}": {"spec": {field: value}} for field, value in REFUSED_IN_THE_SPEC.items()}
    | {f"spec.containers[0].{field}": {field: value} for field, value in REFUSED_IN_THE_CONTAINER.items()}
    | REFUSED_DEEPER
)


@pytest.mark.parametrize(("path", "pod"), ALL_REFUSED.items(), ids=ALL_REFUSED)
def test_what_changes_how_the_program_runs_is_refused(translated: Translate, path: str, pod: dict[str, Any]) -> None:
    translation = translated(**pod)
    assert translation.request is None
    assert [finding.path for finding in translation.findings] == [path]
    assert translation.findings[0].reason


def test_every_row_that_refuses_is_tried_above() -> None:
    assert set(REFUSED_IN_THE_SPEC) == {row.field for row in POD_ROWS if row.treatment is Treatment.REFUSED}
    assert set(REFUSED_IN_THE_CONTAINER) == {row.field for row in CONTAINER_ROWS if row.treatment is Treatment.REFUSED}


DEGRADED: dict[str, dict[str, Any]] = {
    "spec.terminationGracePeriodSeconds": {"spec": {"terminationGracePeriodSeconds": 600}},
    "spec.hostname": {"spec": {"hostname": "db-0"}},
    "spec.subdomain": {"spec": {"subdomain": "db"}},
    "spec.shareProcessNamespace": {"spec": {"shareProcessNamespace": True}},
    "spec.containers[0].ports[0].hostPort": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "spec.containers[0].livenessProbe.httpGet.host": {"livenessProbe": {"httpGet": {"port": 1, "host": "example.com"}}},
    "spec.containers[0].livenessProbe.tcpSocket.host": {"livenessProbe": {"tcpSocket": {"port": 1, "host": "db"}}},
    "spec.containers[0].livenessProbe.httpGet.protocol": {
        "livenessProbe": {"httpGet": {"port": 1, "protocol": "HTTP2"}}
    },
    "spec.containers[0].livenessProbe.terminationGracePeriodSeconds": {
        "livenessProbe": {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 5}
    },
}


@pytest.mark.parametrize(("path", "pod"), DEGRADED.items(), ids=DEGRADED)
def test_what_only_loses_something_is_degraded(translated: Translate, path: str, pod: dict[str, Any]) -> None:
    translation = translated(**pod)
    assert translation.request is not None
    assert [(finding.outcome, finding.path) for finding in translation.findings] == [(Outcome.DEGRADED, path)]


HARMLESS: dict[str, dict[str, Any]] = {
    "empty lists": {"spec": {"volumes": [], "initContainers": [], "imagePullSecrets": []}, "env": [], "envFrom": []},
    "empty objects": {"spec": {"dnsConfig": {}, "resources": {}}, "lifecycle": {}, "securityContext": {}},
    "security defaults": {
        "spec": {"securityContext": {"runAsNonRoot": False, "fsGroupChangePolicy": "Always"}},
        "securityContext": {
            "privileged": False,
            "allowPrivilegeEscalation": True,
            "readOnlyRootFilesystem": False,
            "runAsNonRoot": False,
            "procMount": "Default",
            "capabilities": {},
        },
    },
    "false": {
        "spec": {
            "hostNetwork": False,
            "hostPID": False,
            "hostIPC": False,
            "hostUsers": True,
            "setHostnameAsFQDN": False,
        },
        "stdin": False,
        "tty": False,
    },
    "the scheduler's business": {
        "spec": {
            "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
            "priorityClassName": "high",
            "schedulingGates": [{"name": "example.com/gate"}],
            "readinessGates": [{"conditionType": "example.com/ready"}],
        }
    },
    "ports": {"ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]},
    "the program's own host": {"livenessProbe": {"httpGet": {"port": 80, "host": "localhost"}}},
}


@pytest.mark.parametrize("pod", HARMLESS.values(), ids=HARMLESS)
def test_what_changes_nothing_is_not_reported(translated: Translate, pod: dict[str, Any]) -> None:
    translation = translated(**pod)
    assert translation.findings == ()
    assert translation.request is not None


@pytest.mark.parametrize(
    ("value", "empty"),
    [(None, True), ("", True), ([], True), ({}, True), (Lifecycle(), True), (0, False), (False, False), ([0], False)],
)
def test_numbers_and_booleans_are_always_something(value: object, empty: bool) -> None:
    assert is_empty(value) is empty
