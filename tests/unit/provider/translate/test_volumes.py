"""Volumes: files and empty directories are made at the start, the token passes in silence, the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.provider.translate import Outcome, Translation
from scvk.provider.translate.fields import Treatment
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.volumes import VOLUME_ROWS

Translate = Callable[..., Translation]

TOKEN: dict[str, Any] = {"serviceAccountToken": {"path": "token"}}
ROOT_CA: dict[str, Any] = {"configMap": {"name": "kube-root-ca.crt", "optional": True}}
MOUNT = {"name": "data", "mountPath": "/data"}


def said(translation: Translation, *outcomes: Outcome) -> list[tuple[str, str]]:
    return [(each.path, each.reason_code) for each in translation.findings if each.outcome in outcomes]


def with_volume(translated: Translate, source: dict[str, Any], *mounts: dict[str, Any], **more: Any) -> Translation:
    spec = {"volumes": [{"name": "data", **source}], **more}
    return translated(command=["run"], spec=spec, volumeMounts=list(mounts or [MOUNT]))


@pytest.mark.parametrize("kind", [row.field for row in VOLUME_ROWS if row.treatment is Treatment.REFUSED])
def test_other_volumes_are_refused_by_name_and_kind_mounted_or_not(kind: str) -> None:
    row = next(row for row in VOLUME_ROWS if row.field == kind)
    assert row.reason_code == "UnsupportedVolume"


@pytest.mark.parametrize(
    ("source", "kind", "remedy"),
    [
        ({"persistentVolumeClaim": {"claimName": "p"}}, "persistentVolumeClaim", "over the network"),
        ({"hostPath": {"path": "/"}}, "hostPath", "into the image"),
        ({"nfs": {"server": "a", "path": "/"}}, "nfs", "over the network"),
        ({"csi": {"driver": "d"}}, "csi", "over the network"),
        ({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}, "ephemeral", "over the network"),
        ({"image": {"reference": "busybox"}}, "image", "COPY --from"),
    ],
)
@pytest.mark.parametrize("mounts", [[MOUNT], []], ids=["mounted", "not mounted"])
def test_a_volume_is_refused_by_name_and_kind(
    translated: Translate, source: dict[str, Any], kind: str, remedy: str, mounts: list[dict[str, Any]]
) -> None:
    translation = translated(spec={"volumes": [{"name": "data", **source}]}, volumeMounts=mounts)
    assert translation.request is None
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == ("spec.volumes[0]", "UnsupportedVolume")
    assert f"data ({kind})" in finding.reason
    assert remedy in finding.reason


@pytest.mark.parametrize(
    "source",
    [
        {"emptyDir": {}},
        {},
        {"configMap": {"name": "c", "optional": True}},
        {"secret": {"secretName": "s", "optional": True}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"projected": {"sources": [ROOT_CA]}},
    ],
    ids=["emptyDir", "none", "configMap", "secret", "downwardAPI", "projected"],
)
def test_files_and_empty_directories_are_made_at_the_start(translated: Translate, source: dict[str, Any]) -> None:
    translation = with_volume(translated, source)
    assert translation.request is not None
    assert said(translation, *Outcome) == [
        ("spec.volumes[0]", "VolumeInStartUp"),
        ("spec.containers[0]", "StartUpWrapper"),
    ]


def test_a_volume_that_nothing_mounts_has_no_effect(translated: Translate) -> None:
    translation = translated(spec={"volumes": [{"name": "data", "emptyDir": {}}]})
    assert translation.request is not None
    assert said(translation, *Outcome) == [("spec.volumes[0]", "UnmountedVolume")]


@pytest.mark.parametrize(
    "source", [{"hostPath": {"path": "/"}}, {"csi": {"driver": "d"}}, {"emptyDir": {"sizeLimit": "1Gi"}}]
)
def test_volumes_that_only_containers_mount_which_do_not_run_are_left_out(
    translated: Translate, source: dict[str, Any]
) -> None:
    proxy = {"name": "proxy", "image": "envoy", "volumeMounts": [MOUNT]}
    main = {"name": "main", "image": "nginx"}
    translation = translated(
        spec={"volumes": [{"name": "data", **source}], "containers": [proxy, main]},
        annotations={"salad.com/container": "main"},
    )
    assert translation.request is not None
    assert said(translation, *Outcome) == [("spec.containers[0]", "NotRun")]
    both = {**main, "volumeMounts": [MOUNT]}
    shared = translated(
        spec={"volumes": [{"name": "data", **source}], "containers": [proxy, both]},
        annotations={"salad.com/container": "main"},
    )
    assert any(path.startswith("spec.volumes[0]") for path, _ in said(shared, *Outcome))


@pytest.mark.parametrize(
    ("source", "mount", "path"),
    [
        ({"emptyDir": {"sizeLimit": "1Gi"}}, {}, "spec.volumes[0].emptyDir.sizeLimit"),
        ({"emptyDir": {"medium": "Memory"}}, {}, "spec.volumes[0].emptyDir.medium"),
        ({"emptyDir": {"mode": 0o700}}, {}, "spec.volumes[0].emptyDir.mode"),
        (
            {"emptyDir": {}},
            {"mountPropagation": "Bidirectional"},
            "spec.containers[0].volumeMounts[0].mountPropagation",
        ),
        ({"projected": {"sources": [TOKEN]}}, {}, "spec.volumes[0].projected.sources[0].serviceAccountToken"),
        (
            {"configMap": {"name": "c", "optional": True, "defaultUser": 5}},
            {},
            "spec.volumes[0].configMap.defaultUser",
        ),
    ],
)
def test_what_a_volume_loses_is_degraded(
    translated: Translate, source: dict[str, Any], mount: dict[str, Any], path: str
) -> None:
    translation = with_volume(translated, source, {**MOUNT, **mount})
    assert translation.request is not None
    assert [where for where, _ in said(translation, Outcome.DEGRADED)] == [path]


@pytest.mark.parametrize("mount", [{"readOnly": True}, {"mountPropagation": "None"}])
@pytest.mark.parametrize("source", [{"emptyDir": {"sizeLimit": "0"}}, {"emptyDir": {"medium": ""}}])
def test_what_a_volume_does_not_lose_is_not_degraded(
    translated: Translate, source: dict[str, Any], mount: dict[str, Any]
) -> None:
    assert said(with_volume(translated, source, {**MOUNT, **mount}), Outcome.DEGRADED, Outcome.REFUSED) == []


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({"configMap": {"name": "c", "optional": True, "items": [{"key": "k", "path": "p", "user": 5}]}}, "configMap"),
        ({"secret": {"secretName": "s", "optional": True, "items": [{"key": "k", "path": "p", "user": 5}]}}, "secret"),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}, "user": 5}]}},
            "downwardAPI",
        ),
        (
            {"projected": {"sources": [{"configMap": {"name": "c", "items": [{"key": "k", "path": "p", "user": 5}]}}]}},
            "projected.sources[0].configMap",
        ),
    ],
    ids=["configMap", "secret", "downwardAPI", "projected"],
)
def test_whom_a_single_file_belongs_to_is_told(translated: Translate, source: dict[str, Any], path: str) -> None:
    assert said(with_volume(translated, source), Outcome.DEGRADED) == [
        (f"spec.volumes[0].{path}.items[0].user", "UnsupportedVolume")
    ]


def test_huge_pages_are_refused(translated: Translate) -> None:
    translation = with_volume(translated, {"emptyDir": {"medium": "HugePages-2Mi"}})
    assert said(translation, Outcome.REFUSED) == [("spec.volumes[0].emptyDir.medium", "UnsupportedVolume")]


def test_shared_memory_needs_no_wrapper(translated: Translate) -> None:
    source = {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}
    translation = with_volume(translated, source, {"name": "data", "mountPath": "/dev/shm"})
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.command == ("run",)


@pytest.mark.parametrize(
    ("sources", "silent"),
    [
        ([TOKEN, ROOT_CA], True),
        ([TOKEN, ROOT_CA, {"configMap": {"name": "openshift-service-ca.crt"}}], True),
        ([TOKEN, {"configMap": {"name": "mine", "optional": True}}], False),
        ([ROOT_CA], False),
    ],
)
def test_only_the_injected_token_passes_in_silence(
    translated: Translate, sources: list[dict[str, Any]], silent: bool
) -> None:
    volume = {"name": "kube-api-access-x", "projected": {"sources": sources}}
    mount = {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    translation = translated(command=["run"], spec={"volumes": [volume]}, volumeMounts=[mount])
    assert translation.request is not None
    assert (translation.findings == ()) is silent


def test_a_mount_without_a_volume_is_refused(translated: Translate) -> None:
    translation = translated(command=["run"], volumeMounts=[MOUNT])
    assert said(translation, *Outcome) == [("spec.containers[0].volumeMounts[0]", "UnsupportedVolume")]


def test_a_directory_shared_with_a_container_that_is_not_run_lacks_what_that_one_writes(translated: Translate) -> None:
    mount = {"name": "secrets", "mountPath": "/vault/secrets"}
    agent = {"name": "vault-agent", "image": "hashicorp/vault", "volumeMounts": [mount]}
    main = {"name": "main", "image": "nginx", "command": ["run"], "volumeMounts": [mount]}
    translation = translated(
        policy=Policy(ignored_containers=("vault-agent",)),
        spec={"containers": [main, agent], "volumes": [{"name": "secrets", "emptyDir": {}}]},
    )
    told = [each.reason for each in translation.findings if each.outcome is Outcome.DEGRADED]
    assert any("shared with a container that is not run" in reason for reason in told)
