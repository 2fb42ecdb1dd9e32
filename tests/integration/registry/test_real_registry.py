"""The client against a registry that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scvk.registry import (
    AddressPolicy,
    ImageNotFound,
    ImageStore,
    Login,
    RegistryClient,
    Unauthorized,
    parse_reference,
)
from scvk.registry.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.integration.docker_registry import DockerRegistry, docker_registry
from tests.unit.registry.images import COMPRESSIONS, Image, index, member, tar

HERE = AddressPolicy(loopback=True)
LAYERS = [
    COMPRESSIONS["gzip"](tar(member("etc/a", b"1"), member("etc/b", b"2" * 300_000))),
    COMPRESSIONS["zstd"](tar(member("etc/.wh.a"), member("etc/c", b"3"))),
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("private"), ("someone", "secret")) as registry:
        yield registry


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
async def test_an_image_is_pulled_and_unpacked(registry: DockerRegistry, tmp_path: Path, media_type: str) -> None:
    name = registry.push(Image(LAYERS, {"Cmd": ["/bin/x"]}, media_type), "team/app", "v1")
    async with RegistryClient(HERE) as client, ImageStore(tmp_path) as store:
        by_digest = await client.image(parse_reference(name))
        by_tag = await client.image(parse_reference(f"{registry.host}/team/app:v1"))
        stored = await store.pull(by_digest)
        assert by_digest.digest == by_tag.digest
        assert by_digest.config.command == ("/bin/x",)
        assert {path.name: path.stat().st_size for path in (stored.root / "etc").iterdir()} == {"b": 300_000, "c": 1}


@pytest.mark.parametrize(("media_type", "inner"), [(OCI_INDEX, OCI_MANIFEST), (DOCKER_LIST, DOCKER_MANIFEST)])
async def test_a_list_of_images(registry: DockerRegistry, media_type: str, inner: str) -> None:
    images = {name: Image([], {"Cmd": [name]}, inner) for name in ("linux/arm64", "linux/amd64")}
    for image in images.values():
        registry.push(image, "many", "one")
    registry.push_list(index(images, media_type), media_type, "many", "all")
    async with RegistryClient(HERE) as client:
        assert (await client.image(parse_reference(f"{registry.host}/many:all"))).config.command == ("linux/amd64",)


async def test_names_and_tags_that_are_not_there(registry: DockerRegistry) -> None:
    registry.push(Image([]), "there")
    async with RegistryClient(HERE) as client:
        for name in ("not-there", "there:no-such-tag", f"there@sha256:{'0' * 64}"):
            with pytest.raises(ImageNotFound):
                await client.image(parse_reference(f"{registry.host}/{name}"))


async def test_a_password_is_wanted(private: DockerRegistry, tmp_path: Path) -> None:
    name = parse_reference(private.push(Image(LAYERS), "team/app"))
    async with RegistryClient(HERE) as client, ImageStore(tmp_path) as store:
        stored = await store.pull(await client.image(name, Login("someone", "secret")))
        assert (stored.root / "etc/c").read_bytes() == b"3"
        for login in (None, Login("someone", "wrong"), Login("nobody", "secret")):
            with pytest.raises(Unauthorized):
                await client.image(name, login)
