"""What a registry that means ill gets: bounded attention, no login of others, and an error with words."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from scvk.registry import (
    AddressPolicy,
    AddressRefused,
    Limits,
    Login,
    RegistryClient,
    RegistryError,
    TooLarge,
    Unauthorized,
    Unreachable,
    Unreadable,
    parse_reference,
)
from tests.unit.registry.images import Image, digest_of, index, member, tar
from tests.unit.registry.scripted_registry import STRICT, ScriptedRegistry, redirect, token

NAME = "registry.example.com/app"
BASE = "https://registry.example.com/v2/app"
LAYER = tar(member("etc/hello", b"hi"))
IMAGE = Image([LAYER])
LOGIN = Login("someone", "secret-password")
LIMITS = Limits(manifest_bytes=20_000, config_bytes=20_000, token_bytes=1000, answer_s=5)


@pytest.fixture
def registry() -> ScriptedRegistry:
    registry = ScriptedRegistry()
    registry.serve(IMAGE, "app", "latest")
    return registry


async def pull(client: RegistryClient, name: str, login: Login | None) -> None:
    image = await client.image(parse_reference(name), login)
    await image.repository.download(image.layers[0], io.BytesIO())


async def failure(
    registry: ScriptedRegistry,
    policy: AddressPolicy = STRICT,
    limits: Limits = LIMITS,
    login: Login | None = LOGIN,
    *,
    name: str = NAME,
) -> RegistryError:
    """The error of an image with its first layer."""
    async with registry.client(policy, limits) as client:
        with pytest.raises(RegistryError) as caught:
            await pull(client, name, login)
    assert "secret-password" not in repr(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


class Endless(httpx2.AsyncByteStream):
    """More and more bytes; counts them."""

    def __init__(self, pause_s: float = 0) -> None:
        self._pause_s = pause_s
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self._pause_s)
            self.sent += 1000
            yield b" " * 1000


@pytest.mark.parametrize("path", ["manifests/latest", f"blobs/{next(iter(IMAGE.blobs))}", f"blobs/{digest_of(LAYER)}"])
async def test_an_endless_answer_is_cut(registry: ScriptedRegistry, path: str) -> None:
    endless = Endless()
    registry.routes[f"{BASE}/{path}"] = httpx2.Response(200, stream=endless)
    assert isinstance(await failure(registry), TooLarge)
    assert endless.sent < 300_000


async def test_a_trickling_answer_ends_with_its_time(registry: ScriptedRegistry) -> None:
    registry.routes[f"{BASE}/manifests/latest"] = httpx2.Response(200, stream=Endless(pause_s=0.02))
    error = await failure(registry, limits=replace(LIMITS, manifest_bytes=10**9, answer_s=0.1))
    assert isinstance(error, Unreachable)


async def test_a_trickling_layer_ends_with_its_time(registry: ScriptedRegistry) -> None:
    big = Image([b"x" * 10**6])
    registry.serve(big, "app", "latest")
    registry.routes[f"{BASE}/blobs/{digest_of(b'x' * 10**6)}"] = httpx2.Response(200, stream=Endless(pause_s=0.02))
    error = await failure(registry, limits=replace(LIMITS, layer_s=0.1))
    assert isinstance(error, Unreachable)


async def test_compressed_answers_are_not_unpacked(registry: ScriptedRegistry) -> None:
    answer = httpx2.Response(200, stream=Endless(), headers={"Content-Encoding": "gzip"})
    registry.routes[f"{BASE}/manifests/latest"] = answer
    assert isinstance(await failure(registry), Unreadable)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        (replace(LIMITS, layer_bytes=10), TooLarge),
        (replace(LIMITS, image_bytes=10), TooLarge),
        (replace(LIMITS, layers=0), TooLarge),
        (replace(LIMITS, manifest_bytes=10), TooLarge),
    ],
)
async def test_sizes_that_are_announced_are_believed_when_too_large(
    registry: ScriptedRegistry, limits: Limits, kind: type[RegistryError]
) -> None:
    assert isinstance(await failure(registry, limits=limits), kind)


@pytest.mark.parametrize(
    "path", [f"manifests/{IMAGE.digest}", f"blobs/{next(iter(IMAGE.blobs))}", f"blobs/{digest_of(LAYER)}"]
)
async def test_content_that_does_not_match_its_digest(registry: ScriptedRegistry, path: str) -> None:
    original = registry.routes[f"{BASE}/{path}"]
    assert isinstance(original, bytes)
    registry.routes[f"{BASE}/{path}"] = original[:-1] + b" "
    error = await failure(registry, name=f"{NAME}@{IMAGE.digest}")
    assert isinstance(error, Unreadable)
    assert "does not match its digest" in str(error)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"schemaVersion": 1}',
        b'{"schemaVersion": 2}',
        b'{"schemaVersion": 2, "config": {"digest": "sha256:../../x", "size": 1}, "layers": []}',
        b'{"schemaVersion": 2, "config": {"digest": "sha256:' + b"0" * 64 + b'", "size": -1}, "layers": []}',
        b'{"schemaVersion": 2, "manifests": [{"digest": "x", "size": 1}]}',
        b'{"schemaVersion": 2, "config": ' + b"[" * 10_000,
        b"\xff\xfe",
    ],
)
async def test_manifests_that_are_none(registry: ScriptedRegistry, manifest: bytes) -> None:
    registry.routes[f"{BASE}/manifests/latest"] = manifest
    assert isinstance(await failure(registry), Unreadable)


async def test_a_list_of_lists_is_not_followed(registry: ScriptedRegistry) -> None:
    inner = index({"linux/amd64": IMAGE})
    outer = json.loads(inner)
    outer["manifests"][0]["digest"] = digest_of(inner)
    registry.routes[f"{BASE}/manifests/latest"] = json.dumps(outer).encode()
    registry.routes[f"{BASE}/manifests/{digest_of(inner)}"] = inner
    assert isinstance(await failure(registry), Unreadable)


@pytest.mark.parametrize("config", [b'{"config": {"Cmd": "sh"}}', b'{"config": {"Cmd": ["a\\u0000b"]}}', b"no"])
async def test_configurations_that_are_none(registry: ScriptedRegistry, config: bytes) -> None:
    manifest = json.loads(IMAGE.manifest)
    manifest["config"]["digest"] = digest_of(config)
    registry.routes[f"{BASE}/manifests/latest"] = json.dumps(manifest).encode()
    registry.routes[f"{BASE}/blobs/{digest_of(config)}"] = config
    assert isinstance(await failure(registry), Unreadable)


@pytest.mark.parametrize("path", ["manifests/latest", f"blobs/{digest_of(LAYER)}"])
@pytest.mark.parametrize("target", ["https://evil.example/x", "https://registry.example.com/elsewhere"])
async def test_a_login_does_not_follow_a_redirect(registry: ScriptedRegistry, path: str, target: str) -> None:
    original = registry.routes[f"{BASE}/{path}"]
    assert isinstance(original, bytes)
    registry.guard(LOGIN.basic(), 'Basic realm="r"')
    registry.routes[f"{BASE}/{path}"] = redirect(target)
    registry.routes[target] = original
    async with registry.client(STRICT, LIMITS) as client:
        image = await client.image(parse_reference(NAME), LOGIN)
        await image.repository.download(image.layers[0], io.BytesIO())
    assert not any("Authorization" in r.headers for r in registry.requests if str(r.url) == target)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("http://evil.example/x", AddressRefused),
        ("file:///etc/passwd", Unreadable),
        ("ftp://evil.example/x", AddressRefused),
        ("https://[not-an-address/x", Unreadable),
        ("https://registry.example.com/v2/app/manifests/latest", Unreadable),
    ],
    ids=["plain HTTP", "a file", "ftp", "nonsense", "itself"],
)
async def test_redirects_that_are_not_followed(
    registry: ScriptedRegistry, target: str, kind: type[RegistryError]
) -> None:
    registry.routes[f"{BASE}/manifests/latest"] = redirect(target)
    assert type(await failure(registry)) is kind
    assert len(registry.requests) <= LIMITS.redirects + 1
    assert {request.url.host for request in registry.requests} == {"registry.example.com"}


@pytest.mark.parametrize(
    ("realm", "kind"),
    [
        ("http://auth.example.com/token", AddressRefused),
        ("http://127.0.0.1/token", AddressRefused),
        ("file:///etc/passwd", Unreadable),
        ("https://user:password@auth.example.com/token", AddressRefused),
        ("/token", Unreadable),
        ("", Unreadable),
        ("https://[x/", Unreadable),
    ],
)
async def test_realms_that_get_no_login(registry: ScriptedRegistry, realm: str, kind: type[RegistryError]) -> None:
    registry.guard("Bearer x", f'Bearer realm="{realm}",service="s"')
    assert type(await failure(registry)) is kind
    assert registry.logins() == []
    assert {request.url.host for request in registry.requests} == {"registry.example.com"}


async def test_a_realm_must_not_redirect(registry: ScriptedRegistry) -> None:
    registry.guard("Bearer x", 'Bearer realm="https://auth.example.com/token"')
    registry.routes["https://auth.example.com/token"] = redirect("https://evil.example/token")
    registry.routes["https://evil.example/token"] = token(token="x")
    assert isinstance(await failure(registry), Unreadable)
    assert "evil.example" not in {request.url.host for request in registry.requests}


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b'{"token": ""}', b'{"token": "a\\r\\nX-Evil: 1"}', b'{"token": "\xc3\xa9"}', b'{"token": 5}'],
)
async def test_tokens_that_are_none(registry: ScriptedRegistry, answer: bytes) -> None:
    registry.guard("Bearer x", 'Bearer realm="https://auth.example.com/token"')
    registry.routes["https://auth.example.com/token"] = answer
    assert isinstance(await failure(registry), Unreadable)


async def test_a_token_of_endless_length(registry: ScriptedRegistry) -> None:
    registry.guard("Bearer x", 'Bearer realm="https://auth.example.com/token"')
    registry.routes["https://auth.example.com/token"] = httpx2.Response(200, stream=Endless())
    assert isinstance(await failure(registry), TooLarge)


async def test_a_registry_that_never_is_content_is_asked_twice(registry: ScriptedRegistry) -> None:
    registry.guard("Bearer never", 'Bearer realm="https://auth.example.com/token"')
    registry.routes["https://auth.example.com/token"] = token(token="x")
    assert isinstance(await failure(registry), Unauthorized)
    assert len(registry.requests) == 3


async def test_no_login_goes_over_plain_http_unless_the_host_is_listed(registry: ScriptedRegistry) -> None:
    plain = AddressPolicy(plain_http=frozenset({"plain.example:5000"}))
    url = "http://plain.example:5000/v2/app/manifests/latest"
    registry.routes[url] = httpx2.Response(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    await failure(registry, plain, name="plain.example:5000/app")
    assert registry.logins() == [("plain.example", LOGIN.basic())]
    registry.requests.clear()
    await failure(registry, STRICT, name="plain.example:5000/app")
    assert [str(request.url)[:5] for request in registry.requests] == ["https"]


async def test_words_of_a_registry_are_cut_and_printable(registry: ScriptedRegistry) -> None:
    registry.routes[f"{BASE}/manifests/latest"] = index({"\u001b[31m" + "x" * 5000 + "/amd64": IMAGE})
    error = await failure(registry)
    assert len(str(error)) < 400
    assert str(error).isprintable()
