"""Volumes are refused by name; only the token that the API server adds passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.provider.translate import Translation

Translate = Callable[..., Translation]

TOKEN: dict[str, Any] = {"serviceAccountToken": {"path": "token"}}
ROOT_CA: dict[str, Any] = {"configMap": {"name": "kube-root-ca.crt"}}


@pytest.mark.parametrize(
    ("source", "kind", "remedy"),
    [
        ({"emptyDir": {}}, "emptyDir", "into the image"),
        ({}, "emptyDir", "into the image"),
        ({"configMap": {"name": "c"}}, "configMap", "into the image"),
        ({"secret": {"secretName": "s"}}, "secret", "into the image"),
        ({"persistentVolumeClaim": {"claimName": "p"}}, "persistentVolumeClaim", "over the network"),
        ({"hostPath": {"path": "/"}}, "hostPath", "over the network"),
        ({"nfs": {"server": "a", "path": "/"}}, "nfs", "over the network"),
    ],
)
def test_a_volume_is_refused_by_name_and_kind(
    translated: Translate, source: dict[str, Any], kind: str, remedy: str
) -> None:
    translation = translated(
        spec={"volumes": [{"name": "data", **source}]}, volumeMounts=[{"name": "data", "mountPath": "/data"}]
    )
    assert translation.request is None
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == ("spec.volumes[0]", "UnsupportedVolume")
    assert f"data ({kind})" in finding.reason
    assert remedy in finding.reason


@pytest.mark.parametrize(
    ("name", "sources", "passes"),
    [
        ("kube-api-access-x", [TOKEN, ROOT_CA], True),
        ("kube-api-access-x", [TOKEN, ROOT_CA, {"configMap": {"name": "openshift-service-ca.crt"}}], True),
        ("kube-api-access-x", [TOKEN, {"secret": {"name": "s"}}], False),
        ("kube-api-access-x", [TOKEN, {"configMap": {"name": "mine"}}], False),
        ("kube-api-access-x", [ROOT_CA], False),
        ("kube-api-access-x", [], False),
        ("token", [TOKEN, ROOT_CA], False),
    ],
)
def test_only_the_injected_token_passes(
    translated: Translate, name: str, sources: list[dict[str, Any]], passes: bool
) -> None:
    translation = translated(spec={"volumes": [{"name": name, "projected": {"sources": sources}}]})
    assert (translation.request is not None) is passes


def test_a_mount_without_a_volume_is_refused(translated: Translate) -> None:
    translation = translated(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    assert [finding.path for finding in translation.findings] == ["spec.containers[0].volumeMounts[0]"]
