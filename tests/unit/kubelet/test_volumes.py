"""The files of volumes, as the kubelet makes them (MakePayload, CollectData and the atomic writer have these cases)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Volume

from scvk.kubelet.inputs import VolumeFile
from scvk.kubelet.volumes import is_injected_token, unavailable_sources
from tests.unit.kubelet.given_objects import files_of, mounting, objects, resolved

KNOWN = objects(
    config_maps={"settings": {"a.conf": "a=1\n", "b.conf": ""}},
    binary={"settings": {"blob": b"\x00\xff"}},
    secrets={"keys": {"tls.key": b"\x00key", "tls.crt": b"crt"}},
)


def contents(files: dict[str, VolumeFile]) -> dict[str, bytes]:
    return {path: file.content for path, file in files.items()}


def test_every_key_of_a_config_map_is_a_file_byte_for_byte() -> None:
    files = files_of({"configMap": {"name": "settings"}}, KNOWN)
    assert contents(files) == {"a.conf": b"a=1\n", "b.conf": b"", "blob": b"\x00\xff"}
    assert {(file.mode, file.secret) for file in files.values()} == {(0o644, False)}


def test_every_key_of_a_secret_is_a_secret_file() -> None:
    files = files_of({"secret": {"secretName": "keys", "defaultMode": 0o400}}, KNOWN)
    assert contents(files) == {"tls.key": b"\x00key", "tls.crt": b"crt"}
    assert {(file.mode, file.secret) for file in files.values()} == {(0o400, True)}
    assert "x00key" not in repr(files)


@pytest.mark.parametrize(
    ("kind", "source", "keys"),
    [
        ("configMap", {"name": "settings"}, ("a.conf", "blob")),
        ("secret", {"secretName": "keys"}, ("tls.crt", "tls.key")),
    ],
)
def test_items_choose_keys_paths_and_modes(kind: str, source: dict[str, Any], keys: tuple[str, str]) -> None:
    items = [{"key": keys[0], "path": "sub/dir//one", "mode": 0o600}, {"key": keys[1], "path": "./two"}]
    files = files_of({kind: {**source, "items": items, "defaultMode": 0o755}}, KNOWN)
    assert {path: oct(file.mode) for path, file in files.items()} == {"sub/dir/one": "0o600", "two": "0o755"}


def test_one_key_may_be_several_files() -> None:
    items = [{"key": "a.conf", "path": "one"}, {"key": "a.conf", "path": "two"}]
    assert contents(files_of({"configMap": {"name": "settings", "items": items}}, KNOWN)) == {
        "one": b"a=1\n",
        "two": b"a=1\n",
    }


def test_fields_of_the_pod_are_files() -> None:
    files = files_of(
        {
            "downwardAPI": {
                "defaultMode": 0o600,
                "items": [
                    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}, "mode": 0o644},
                    {"path": "deep/cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu"}},
                    {"path": "nothing"},
                ],
            }
        },
        metadata={"labels": {"app": "web"}},
    )
    assert contents(files) == {"labels": b'app="web"', "deep/cpu": b"16", "nothing": b""}
    assert [file.mode for file in files.values()] == [0o600, 0o644, 0o600]


def test_a_projected_volume_puts_sources_together_and_the_last_one_counts() -> None:
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "a.conf", "path": "x"}, {"key": "b.conf", "path": "y"}]}},
        {"secret": {"name": "keys", "items": [{"key": "tls.crt", "path": "x", "mode": 0o440}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"serviceAccountToken": {"path": "token"}},
    ]
    files = files_of({"projected": {"sources": sources}}, KNOWN)
    assert [(file.path, file.content, file.mode, file.secret) for file in files.values()] == [
        ("name", b"web", 0o644, False),
        ("x", b"crt", 0o440, True),
        ("y", b"", 0o644, False),
    ]


@pytest.mark.parametrize(
    "volume",
    [
        pytest.param({"configMap": {"name": "absent", "optional": True}}, id="config map"),
        pytest.param({"secret": {"secretName": "absent", "optional": True}}, id="secret"),
        pytest.param({"projected": {"sources": [{"secret": {"name": "absent", "optional": True}}]}}, id="projected"),
        pytest.param(
            {"secret": {"secretName": "absent", "optional": True, "items": [{"key": "k", "path": "p"}]}}, id="items"
        ),
    ],
)
def test_an_optional_object_that_is_not_there_is_an_empty_volume_with_a_word(volume: dict[str, Any]) -> None:
    resolution = resolved(mounting(volume), KNOWN)
    assert resolution.missing == ()
    assert resolution.inputs.volumes == {"files": ()}
    (notice,) = resolution.inputs.notices
    assert notice.reason in ("OptionalConfigMapNotFound", "OptionalSecretNotFound")
    assert notice.path.startswith("spec.volumes[0].")


def test_an_optional_key_that_is_not_there_is_left_out_with_a_word() -> None:
    items = [{"key": "absent", "path": "p"}, {"key": "tls.crt", "path": "q"}]
    resolution = resolved(mounting({"secret": {"secretName": "keys", "optional": True, "items": items}}), KNOWN)
    assert [file.path for file in resolution.inputs.volumes["files"]] == ["q"]
    assert [(notice.reason, notice.path) for notice in resolution.inputs.notices] == [
        ("OptionalSecretKeyNotFound", "spec.volumes[0].secret.items[0]")
    ]


@pytest.mark.parametrize(
    ("volume", "path"),
    [
        ({"configMap": {"name": "absent"}}, "configMap"),
        ({"secret": {"secretName": "absent"}}, "secret"),
        ({"secret": {"secretName": "keys", "items": [{"key": "absent", "path": "p"}]}}, "secret.items[0]"),
        ({"projected": {"sources": [{"configMap": {"name": "absent"}}]}}, "projected.sources[0].configMap"),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "spec.nodeName"}}]}},
            "downwardAPI.items[0]",
        ),
        ({"secret": {"secretName": "keys", "items": [{"key": "tls.crt", "path": "../up"}]}}, "secret.items[0]"),
    ],
)
def test_what_is_missing_keeps_the_volume_from_being_mounted(volume: dict[str, Any], path: str) -> None:
    (missing,) = resolved(mounting(volume), KNOWN).missing
    assert (missing.path, missing.event_reason) == (f"spec.volumes[0].{path}", "FailedMount")
    assert missing.reason == "ContainerCreating"
    assert missing.message.startswith('MountVolume.SetUp failed for volume "files" : ')
    assert missing.path in missing.message


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("a", True),
        ("a/b/c", True),
        (".hidden", True),
        ("a..b", True),
        ("a/..b", True),
        ("a/" * 2047 + "b", True),
        ("a" * 255, True),
        ("with space", True),
        ("", False),
        (".", False),
        ("/a", False),
        ("..", False),
        ("..data", False),
        ("../a", False),
        ("a/../b", False),
        ("a/..", False),
        ("a" * 256, False),
        ("é" * 128, False),
        ("a/" * 2048 + "b", False),
    ],
)
def test_a_path_stays_in_the_volume_and_clear_of_the_kubelets_own(path: str, good: bool) -> None:
    items = [{"key": "a.conf", "path": path}]
    resolution = resolved(mounting({"configMap": {"name": "settings", "items": items}}), KNOWN)
    assert (resolution.missing == ()) is good
    assert bool(resolution.inputs.volumes["files"]) is good


def test_a_file_cannot_be_the_folder_of_another() -> None:
    items = [{"key": "a.conf", "path": "x/y/z"}, {"key": "b.conf", "path": "x"}]
    (missing,) = resolved(mounting({"configMap": {"name": "settings", "items": items}}), KNOWN).missing
    assert "x cannot be a file and the folder of x/y/z" in missing.message


@given(st.text(max_size=12))
def test_any_path_is_a_clean_one_or_refused(path: str) -> None:
    items = [{"key": "a.conf", "path": path}]
    resolution = resolved(mounting({"configMap": {"name": "settings", "items": items}}), KNOWN)
    for file in resolution.inputs.volumes["files"]:
        assert file.path
        assert not file.path.startswith("/")
        assert not {"", ".", ".."} & set(file.path.split("/"))


@pytest.mark.parametrize("volume", [{"emptyDir": {}}, {}, {"hostPath": {"path": "/"}}])
def test_volumes_of_other_kinds_have_no_files(volume: dict[str, Any]) -> None:
    assert resolved(mounting(volume)).inputs.volumes == {}


INJECTED = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        ],
    },
}


def test_the_token_volume_of_the_api_server_is_left_out_in_silence() -> None:
    resolution = resolved(mounting(INJECTED))
    assert is_injected_token(msgspec.convert(INJECTED, Volume))
    assert (resolution.missing, resolution.inputs.volumes, resolution.inputs.notices) == ((), {}, ())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "mine"}, id="another name"),
        pytest.param({"projected": {"sources": [{"secret": {"name": "keys"}}]}}, id="no token"),
        pytest.param(
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"secret": {"name": "keys"}}]}},
            id="more",
        ),
    ],
)
def test_a_volume_that_only_looks_like_it_is_one_of_the_pods(change: dict[str, Any]) -> None:
    assert not is_injected_token(msgspec.convert({**INJECTED, **change}, Volume))


def test_sources_that_only_a_cluster_has_are_named() -> None:
    volume = {
        "name": "v",
        "projected": {
            "sources": [
                {"secret": {"name": "keys"}},
                {"serviceAccountToken": {"path": "t"}},
                {"clusterTrustBundle": {"path": "p", "name": "b"}},
                {"podCertificate": {"keyType": "ED25519", "signerName": "s", "credentialBundlePath": "c"}},
            ]
        },
    }
    assert unavailable_sources(msgspec.convert(volume, Volume), "spec.volumes[2]") == (
        ("spec.volumes[2].projected.sources[1].serviceAccountToken", "serviceAccountToken"),
        ("spec.volumes[2].projected.sources[2].clusterTrustBundle", "clusterTrustBundle"),
        ("spec.volumes[2].projected.sources[3].podCertificate", "podCertificate"),
    )
