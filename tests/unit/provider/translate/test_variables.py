"""The environment of the group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.inputs import SecretContents
from scvk.provider.ownership import RESERVED_NAMES
from scvk.provider.translate import Outcome, Translation

Translate = Callable[..., Translation]


def test_literal_values_are_passed_on_expanded_with_the_marks(translated: Translate) -> None:
    request = translated(
        env=[{"name": "HOST", "value": "a"}, {"name": "URL", "value": "http://$(HOST)"}, {"name": "HOST", "value": "b"}]
    ).request
    assert request is not None
    assert request.container.environment_variables == {
        "HOST": "b",
        "URL": "http://a",
        "SCVK_CLUSTER_ID": "c1",
        "SCVK_POD_NAMESPACE": "shop",
        "SCVK_POD_NAME": "web",
        "SCVK_POD_UID": "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11",
        "SCVK_ATTEMPT": "1",
        "SCVK_NODE": "node-a",
    }


@pytest.mark.parametrize(
    "value", ["", "s3cret\nline", "s3cret\r", "s3cret\u2028", "s3cret" * 167], ids=["empty", "lf", "cr", "ls", "long"]
)
def test_values_that_saladcloud_does_not_take_travel_in_the_wrapper_and_are_not_shown(
    translated: Translate, value: str
) -> None:
    translation = translated(command=["run"], env=[{"name": "A", "value": "a"}, {"name": "TOKEN", "value": value}])
    assert translation.request is not None
    variables = translation.request.container.environment_variables or {}
    assert variables["A"] == "a"
    assert "TOKEN" not in variables
    assert [(finding.outcome, finding.path, finding.reason_code) for finding in translation.findings] == [
        (Outcome.EMULATED, "spec.containers[0].env[1]", "VariableInStartUp"),
        (Outcome.EMULATED, "spec.containers[0]", "StartUpWrapper"),
    ]
    assert "TOKEN" in translation.findings[0].reason
    assert "s3cret" not in repr(translation)


@pytest.mark.parametrize("name", ["", "A=B"])
def test_what_is_no_name_is_refused(translated: Translate, name: str) -> None:
    (finding,) = translated(env=[{"name": name, "value": "s3cret"}]).findings
    assert (finding.path, finding.reason_code) == ("spec.containers[0].env[0]", "InvalidEnvironmentVariableName")


def test_a_null_character_is_refused(translated: Translate) -> None:
    (finding,) = translated(env=[{"name": "A", "value": "s3cret\0"}]).findings
    assert (finding.outcome, finding.path) == (Outcome.REFUSED, "spec.containers[0].env[0]")
    assert "s3cret" not in finding.reason


@pytest.mark.parametrize("field", ["status.podIP", "status.podIPs"])
def test_the_address_that_no_pod_has_is_degraded(translated: Translate, field: str) -> None:
    translation = translated(env=[{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": field}}}])
    assert translation.request is not None
    assert [(finding.outcome, finding.path) for finding in translation.findings] == [
        (Outcome.DEGRADED, "spec.containers[0].env[0].valueFrom.fieldRef")
    ]


def test_variables_from_secrets_are_named_as_such(translated: Translate) -> None:
    objects = InputObjects(secrets={"db": SecretContents("db", "Opaque", {"password": b"s3cret"})})
    translation = translated(
        objects=objects,
        command=["run", "$(URL)"],
        env=[
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
            {"name": "URL", "value": "db://$(PASSWORD)@host"},
            {"name": "MODE", "value": "fast"},
        ],
    )
    assert translation.secret_variables == {"PASSWORD", "URL"}
    assert translation.secret_command == {1}


def test_the_longest_value_passes(translated: Translate) -> None:
    assert translated(env=[{"name": "A", "value": "x" * 1000}]).request is not None


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_pod_may_not_set_the_marks(translated: Translate, name: str) -> None:
    translation = translated(env=[{"name": name, "value": "x"}])
    assert [(finding.path, finding.reason_code) for finding in translation.findings] == [
        ("spec.containers[0].env[0]", "ReservedEnvironmentVariable")
    ]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"envFrom": [{"prefix": "P_"}]}, "spec.containers[0].envFrom[0]"),
        (
            {"env": [{"name": "A", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}}]},
            "spec.containers[0].env[0].valueFrom",
        ),
    ],
)
def test_values_from_where_there_is_nothing_to_read_are_refused(
    translated: Translate, fields: dict[str, Any], path: str
) -> None:
    assert [(finding.path, finding.reason_code) for finding in translated(**fields).findings] == [
        (path, "UnsupportedEnvironmentSource")
    ]
