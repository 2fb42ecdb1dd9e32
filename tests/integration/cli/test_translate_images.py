"""`scvk translate --look-up-images` against a real registry that wants a login."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scvk.cli.app import execute
from tests.integration.docker_registry import DockerRegistry, docker_registry
from tests.unit.registry.images import Image

LOGIN = ("someone", "very-secret")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry"), LOGIN) as registry:
        registry.push(Image([], {"Entrypoint": ["/bin/serve"], "Cmd": ["--default"]}), "team/app", "v1")
        yield registry


def manifest(registry: DockerRegistry, password: str, tag: str = "v1") -> str:
    config = {"auths": {registry.host: {"username": LOGIN[0], "password": password}}}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps(config)},
    }
    container = {"name": "c", "image": f"{registry.host}/team/app:{tag}", "args": ["--mine"]}
    spec = {"imagePullSecrets": [{"name": "login"}], "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    return f"{json.dumps(secret)}\n---\n{json.dumps(pod)}\n"


def translated(
    text: str, registry: DockerRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> dict[str, Any]:
    file = tmp_path / "pod.yaml"
    file.write_text(text, encoding="utf-8")
    words = ["translate", "-o", "json", "--insecure-registry", registry.host, *options, str(file)]
    assert execute(words) == 0
    out, err = capsys.readouterr()
    assert LOGIN[1] not in out + err
    [pod] = json.loads(out)["pods"]
    assert isinstance(pod, dict)
    return pod


def test_the_entrypoint_is_read_with_the_pods_login(
    registry: DockerRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = translated(manifest(registry, LOGIN[1]), registry, tmp_path, capsys, "--look-up-images")
    assert pod["needs"] == []
    assert pod["request"]["container"]["command"] == ["/bin/serve", "--mine"]


def test_without_the_option_nobody_is_asked(
    registry: DockerRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = translated(manifest(registry, LOGIN[1]), registry, tmp_path, capsys)
    assert [need["kind"] for need in pod["needs"]] == ["Image"]
    assert pod["request"] is None


def test_why_an_image_could_not_be_read_stands_among_the_needs(
    registry: DockerRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = translated(manifest(registry, LOGIN[1], "v2"), registry, tmp_path, capsys, "--look-up-images")
    [need] = pod["needs"]
    assert need["name"] == f"{registry.host}/team/app:v2"
    assert "has no such tag" in need["reason"]
    assert pod["request"] is None
