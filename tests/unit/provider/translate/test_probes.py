"""What probes ask."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.policy import DEFAULT_POLICY, Policy
from scvk.saladcloud.models import body_of

Translate = Callable[..., Translation]

KUBELET_HEADERS = [{"name": "User-Agent", "value": "kube-probe/1.37"}, {"name": "Accept", "value": "*/*"}]
DEFAULTS = {
    "initial_delay_seconds": 0,
    "period_seconds": 10,
    "timeout_seconds": 1,
    "success_threshold": 1,
    "failure_threshold": 3,
}


def test_the_version_is_the_kubernetes_version_in_use_where_none_is_known() -> None:
    major, minor, *_ = version("lightkube-models").split(".")
    assert DEFAULT_POLICY.kubernetes_version == (major, minor)


def test_a_probe_without_headers_sends_what_a_kubelet_of_the_cluster_sends(translated: Translate) -> None:
    policy = Policy(kubernetes_version=("1", "34"))
    translation = translated(readinessProbe={"httpGet": {"port": 80}}, policy=policy)
    assert translation.request is not None
    assert body_of(translation.request)["readiness_probe"]["http"]["headers"] == [
        {"name": "User-Agent", "value": "kube-probe/1.34"},
        {"name": "Accept", "value": "*/*"},
    ]


def test_the_probes_of_the_walkthrough(translated: Translate) -> None:
    translation = translated(
        livenessProbe={
            "tcpSocket": {"port": 80},
            "initialDelaySeconds": 10,
            "failureThreshold": 2,
            "periodSeconds": 10,
        },
        readinessProbe={
            "httpGet": {"path": "/", "port": 80},
            "initialDelaySeconds": 30,
            "failureThreshold": 2,
            "periodSeconds": 10,
        },
        startupProbe={
            "tcpSocket": {"port": 80},
            "initialDelaySeconds": 20,
            "failureThreshold": 90,
            "periodSeconds": 10,
        },
    )
    assert translation.request is not None
    body = body_of(translation.request)
    assert body["liveness_probe"] == {
        "tcp": {"port": 80},
        "initial_delay_seconds": 10,
        "period_seconds": 10,
        "timeout_seconds": 1,
        "success_threshold": 1,
        "failure_threshold": 2,
    }
    assert body["readiness_probe"] == {
        "http": {"path": "/", "port": 80, "scheme": "http", "headers": KUBELET_HEADERS},
        "initial_delay_seconds": 30,
        "period_seconds": 10,
        "timeout_seconds": 1,
        "success_threshold": 1,
        "failure_threshold": 2,
    }
    assert body["startup_probe"] == {
        "tcp": {"port": 80},
        "initial_delay_seconds": 20,
        "period_seconds": 45,
        "timeout_seconds": 1,
        "success_threshold": 1,
        "failure_threshold": 20,
    }
    assert [(each.outcome, each.path) for each in translation.findings] == [
        (Outcome.DEGRADED, "spec.containers[0].startupProbe")
    ]


@pytest.mark.parametrize("kind", ["startup", "liveness", "readiness"])
@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ({"tcpSocket": {"port": "web"}}, {"tcp": {"port": 8080}}),
        ({"grpc": {"port": 50051}}, {"grpc": {"port": 50051, "service": ""}}),
        ({"grpc": {"port": 50051, "service": "db"}}, {"grpc": {"port": 50051, "service": "db"}}),
        ({"grpc": {"port": 50051, "mode": "Plaintext"}}, {"grpc": {"port": 50051, "service": ""}}),
        (
            {"exec": {"command": ["curl", "$(HOST):$(PORT)", "$(URL)"]}},
            {"exec": {"command": ["curl", "$(HOST):80", "http://$(PORT)"]}},
        ),
        (
            {"httpGet": {"port": 80}},
            {"http": {"path": "/", "port": 80, "scheme": "http", "headers": KUBELET_HEADERS}},
        ),
        (
            {
                "httpGet": {
                    "port": "web",
                    "path": "healthz",
                    "scheme": "HTTPS",
                    "httpHeaders": [{"name": "Host", "value": "a"}, {"name": "X", "value": "b"}],
                }
            },
            {
                "http": {
                    "path": "/healthz",
                    "port": 8080,
                    "scheme": "https",
                    "headers": [{"name": "Host", "value": "a"}, {"name": "X", "value": "b"}],
                }
            },
        ),
    ],
)
def test_every_handler_is_carried_over_in_every_probe(
    translated: Translate, kind: str, handler: dict[str, Any], expected: dict[str, Any]
) -> None:
    translation = translated(
        **{f"{kind}Probe": handler},
        ports=[{"name": "web", "containerPort": 8080}],
        env=[{"name": "PORT", "value": "80"}, {"name": "URL", "value": "http://$(PORT)"}],
    )
    assert translation.findings == ()
    assert translation.request is not None
    assert body_of(translation.request)[f"{kind}_probe"] == {**expected, **DEFAULTS}


@pytest.mark.parametrize(
    ("handler", "path", "code"),
    [
        ({}, "", "UnsupportedProbe"),
        ({"tcpSocket": {"port": "nope"}}, ".tcpSocket.port", "UnknownPort"),
        ({"tcpSocket": {"port": "80"}}, ".tcpSocket.port", "UnknownPort"),
        ({"httpGet": {"port": 0}}, ".httpGet.port", "UnknownPort"),
        ({"grpc": {"port": 65536}}, ".grpc.port", "UnknownPort"),
        ({"grpc": {"port": 1, "service": "a\nb"}}, ".grpc.service", "UnsupportedProbe"),
        ({"httpGet": {"port": 1, "path": "/a\nb"}}, ".httpGet.path", "UnsupportedProbe"),
        ({"httpGet": {"port": 1, "scheme": "FTP"}}, ".httpGet.scheme", "UnsupportedProbe"),
        (
            {"httpGet": {"port": 1, "httpHeaders": [{"name": "T", "value": "s3cret" * 200}]}},
            ".httpGet.httpHeaders[0].value",
            "UnsupportedProbe",
        ),
        (
            {"httpGet": {"port": 1, "httpHeaders": [{"name": "T", "value": "v"}] * 51}},
            ".httpGet.httpHeaders",
            "UnsupportedProbe",
        ),
        ({"exec": {}}, ".exec.command", "UnsupportedProbe"),
        ({"exec": {"command": ["sh", "-c", "s3cret" * 2**16]}}, ".exec.command", "UnsupportedProbe"),
    ],
)
def test_what_cannot_be_asked_is_refused(translated: Translate, handler: dict[str, Any], path: str, code: str) -> None:
    translation = translated(livenessProbe=handler)
    assert translation.request is None
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == (f"spec.containers[0].livenessProbe{path}", code)
    assert "s3cret" not in finding.reason


def test_an_empty_header_is_left_out_with_a_word(translated: Translate) -> None:
    translation = translated(livenessProbe={"httpGet": {"port": 80, "httpHeaders": [{"name": "Accept", "value": ""}]}})
    assert translation.request is not None
    assert [(each.outcome, each.path) for each in translation.findings] == [
        (Outcome.DEGRADED, "spec.containers[0].livenessProbe.httpGet.httpHeaders[0]")
    ]
    assert body_of(translation.request)["liveness_probe"]["http"]["headers"] == KUBELET_HEADERS


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["sh", "-c", "echo s3cret\nexit 1"], id="multi-line"),
        pytest.param(["test", "s3cret", ""], id="empty"),
        pytest.param(["true", "s3cret" * 400], id="over-long"),
        pytest.param(["true", *["s3cret"] * 100], id="too many"),
    ],
)
def test_a_command_that_saladcloud_does_not_take_goes_through_a_shell(
    translated: Translate, command: list[str]
) -> None:
    translation = translated(livenessProbe={"exec": {"command": command}})
    assert translation.request is not None
    assert body_of(translation.request)["liveness_probe"]["exec"]["command"][:2] == ["sh", "-c"]
    (finding,) = translation.findings
    assert (finding.outcome, finding.path) == (Outcome.EMULATED, "spec.containers[0].livenessProbe.exec.command")
    assert "s3cret" not in finding.reason
