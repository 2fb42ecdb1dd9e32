"""Every field of a pod has a row that says what becomes of it, and the rows do what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import (
    ConfigMapVolumeSource,
    Container,
    ContainerPort,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    GRPCAction,
    HTTPGetAction,
    KeyToPath,
    Lifecycle,
    LifecycleHandler,
    PodSecurityContext,
    PodSpec,
    Probe,
    ProjectedVolumeSource,
    ResourceRequirements,
    SecretVolumeSource,
    SecurityContext,
    TCPSocketAction,
    Volume,
    VolumeMount,
    VolumeProjection,
)

from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.container_fields import CONTAINER_ROWS, LIFECYCLE_ROWS
from scvk.provider.translate.fields import Row, Treatment, is_empty
from scvk.provider.translate.input_fields import (
    HOOK_ROWS,
    PORT_ROWS,
    RESOURCE_ROWS,
    VARIABLE_ROWS,
    VARIABLE_SOURCE_ROWS,
    VARIABLES_ROWS,
)
from scvk.provider.translate.pod_fields import POD_ROWS
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.probes import GRPC_ROWS, HTTP_GET_ROWS, PROBE_ROWS, TCP_SOCKET_ROWS
from scvk.provider.translate.security import CONTAINER_SECURITY_ROWS, POD_SECURITY_ROWS
from scvk.provider.translate.volume_sources import (
    CONFIG_MAP_ROWS,
    DOWNWARD_API_ROWS,
    FIELD_FILE_ROWS,
    KEY_ROWS,
    PROJECTED_ROWS,
    PROJECTION_ROWS,
    SECRET_ROWS,
)
from scvk.provider.translate.volumes import EMPTY_DIR_ROWS, VOLUME_MOUNT_ROWS, VOLUME_ROWS

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
    (EnvVar, VARIABLE_ROWS),
    (EnvVarSource, VARIABLE_SOURCE_ROWS),
    (EnvFromSource, VARIABLES_ROWS),
    (ContainerPort, PORT_ROWS),
    (ResourceRequirements, RESOURCE_ROWS),
    (LifecycleHandler, HOOK_ROWS),
    (Volume, VOLUME_ROWS),
    (VolumeMount, VOLUME_MOUNT_ROWS),
    (EmptyDirVolumeSource, EMPTY_DIR_ROWS),
    (ConfigMapVolumeSource, CONFIG_MAP_ROWS),
    (SecretVolumeSource, SECRET_ROWS),
    (DownwardAPIVolumeSource, DOWNWARD_API_ROWS),
    (ProjectedVolumeSource, PROJECTED_ROWS),
    (VolumeProjection, PROJECTION_ROWS),
    (KeyToPath, KEY_ROWS),
    (DownwardAPIVolumeFile, FIELD_FILE_ROWS),
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
    "hostIPC": True,
    "hostNetwork": True,
    "hostPID": True,
    "nodeSelector": {"kubernetes.io/os": "windows"},
    "os": {"name": "windows"},
    "resourceClaims": [{"name": "gpu"}],
}

REFUSED_IN_THE_CONTAINER: dict[str, Any] = {
    "imagePullPolicy": "Never",
    "restartPolicyRules": [{"action": "Restart"}],
    "volumeDevices": [{"name": "disk", "devicePath": "/dev/xvda"}],
}

REFUSED_DEEPER: dict[str, dict[str, Any]] = {
    "spec.nodeSelector": {"spec": {"nodeSelector": {"node.kubernetes.io/windows-build": "10.0.20348"}}},
    "spec.securityContext.windowsOptions": {"spec": {"securityContext": {"windowsOptions": {"hostProcess": True}}}},
    "spec.containers[0].restartPolicy": {"spec": {"restartPolicy": "Never"}, "restartPolicy": "Always"},
    "spec.containers[0].securityContext.privileged": {"securityContext": {"privileged": True}},
    "spec.containers[0].securityContext.windowsOptions": {
        "securityContext": {"windowsOptions": {"runAsUserName": "a"}}
    },
    "spec.containers[0].lifecycle.postStart.httpGet": {"lifecycle": {"postStart": {"httpGet": {"port": 80}}}},
    "spec.containers[0].livenessProbe.grpc.mode": {"livenessProbe": {"grpc": {"port": 1, "mode": "TLS"}}},
}

ALL_REFUSED = (
    {f"spec.{field}": {"spec": {field: value}} for field, value in REFUSED_IN_THE_SPEC.items()}
    | {f"spec.containers[0].{field}": {field: value} for field, value in REFUSED_IN_THE_CONTAINER.items()}
    | REFUSED_DEEPER
)


@pytest.mark.parametrize(("path", "pod"), ALL_REFUSED.items(), ids=ALL_REFUSED)
def test_what_the_program_cannot_run_without_is_refused(translated: Translate, path: str, pod: dict[str, Any]) -> None:
    translation = translated(**pod)
    assert translation.request is None
    assert [finding.path for finding in translation.findings] == [path]
    assert translation.findings[0].reason


def test_every_row_that_refuses_is_tried_above() -> None:
    assert set(REFUSED_IN_THE_SPEC) == {row.field for row in POD_ROWS if row.treatment is Treatment.REFUSED}
    assert set(REFUSED_IN_THE_CONTAINER) == {row.field for row in CONTAINER_ROWS if row.treatment is Treatment.REFUSED}


DEGRADED_IN_THE_SPEC: dict[str, Any] = {
    "dnsConfig": {"nameservers": ["1.1.1.1"]},
    "dnsPolicy": "None",
    "ephemeralContainers": [{"name": "debug", "image": "busybox"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
    "hostUsers": False,
    "hostname": "db-0",
    "hostnameOverride": "web",
    "runtimeClassName": "gvisor",
    "setHostnameAsFQDN": True,
    "shareProcessNamespace": True,
    "subdomain": "db",
    "terminationGracePeriodSeconds": 600,
}

DEGRADED_IN_THE_CONTAINER: dict[str, Any] = {"stdin": True, "stdinOnce": True, "tty": True}

DEGRADED_SECURITY: dict[str, Any] = {
    "appArmorProfile": {"type": "Unconfined"},
    "runAsGroup": 0,
    "runAsNonRoot": True,
    "runAsUser": 0,
    "seLinuxOptions": {"level": "s0"},
    "seccompProfile": {"type": "RuntimeDefault"},
}
DEGRADED_POD_SECURITY: dict[str, Any] = {
    **DEGRADED_SECURITY,
    "fsGroup": 0,
    "supplementalGroups": [0],
    "sysctls": [{"name": "net.core.somaxconn", "value": "1"}],
}
DEGRADED_CONTAINER_SECURITY: dict[str, Any] = {
    **DEGRADED_SECURITY,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "procMount": "Unmasked",
    "readOnlyRootFilesystem": True,
}

DEGRADED_DEEPER: dict[str, dict[str, Any]] = {
    "spec.containers[0].lifecycle.preStop": {"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}},
    "spec.containers[0].lifecycle.stopSignal": {"lifecycle": {"stopSignal": "SIGUSR1"}},
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

DEGRADED = (
    {f"spec.{field}": {"spec": {field: value}} for field, value in DEGRADED_IN_THE_SPEC.items()}
    | {f"spec.containers[0].{field}": {field: value} for field, value in DEGRADED_IN_THE_CONTAINER.items()}
    | {
        f"spec.securityContext.{field}": {"spec": {"securityContext": {field: value}}}
        for field, value in DEGRADED_POD_SECURITY.items()
    }
    | {
        f"spec.containers[0].securityContext.{field}": {"securityContext": {field: value}}
        for field, value in DEGRADED_CONTAINER_SECURITY.items()
    }
    | DEGRADED_DEEPER
)


@pytest.mark.parametrize(("path", "pod"), DEGRADED.items(), ids=DEGRADED)
def test_what_only_loses_something_is_degraded(translated: Translate, path: str, pod: dict[str, Any]) -> None:
    translation = translated(**pod)
    assert translation.request is not None
    assert [(finding.outcome, finding.path) for finding in translation.findings] == [(Outcome.DEGRADED, path)]


@pytest.mark.parametrize(
    ("tried", "rows"),
    [
        (DEGRADED_IN_THE_SPEC, POD_ROWS),
        (DEGRADED_IN_THE_CONTAINER, CONTAINER_ROWS),
        (DEGRADED_POD_SECURITY, POD_SECURITY_ROWS),
        (DEGRADED_CONTAINER_SECURITY, CONTAINER_SECURITY_ROWS),
    ],
    ids=["spec", "container", "pod security", "container security"],
)
def test_every_row_that_degrades_is_tried_above(tried: dict[str, Any], rows: tuple[Row, ...]) -> None:
    assert set(tried) == {row.field for row in rows if row.treatment is Treatment.DEGRADED}


def test_the_strict_operator_has_refused_what_would_be_degraded(translated: Translate) -> None:
    pod = {"spec": {"hostname": "db-0"}, "tty": True}
    strict = translated(policy=Policy(strict=True), **pod)
    assert strict.request is None
    assert [(each.outcome, each.path) for each in strict.findings] == [
        (Outcome.REFUSED, each.path) for each in translated(**pod).findings
    ]
    assert all("--strict" in each.reason for each in strict.findings)
    assert translated(policy=Policy(strict=True)).request is not None


HARMLESS: dict[str, dict[str, Any]] = {
    "empty lists": {"spec": {"volumes": [], "initContainers": [], "imagePullSecrets": []}, "env": [], "envFrom": []},
    "empty objects": {"spec": {"dnsConfig": {}, "resources": {}}, "lifecycle": {}, "securityContext": {}},
    "security defaults": {
        "spec": {"securityContext": {"runAsNonRoot": False, "windowsOptions": {}, "fsGroupChangePolicy": "Always"}},
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
    "the pod's own restart policy": {"spec": {"restartPolicy": "Never"}, "restartPolicy": "Never"},
    "the kubelet's business": {"spec": {"activeDeadlineSeconds": 60}},
    "the scheduler's business": {
        "spec": {
            "nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"},
            "priority": 1000,
            "runtimeClassName": "",
            "overhead": {"cpu": "100m"},
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
