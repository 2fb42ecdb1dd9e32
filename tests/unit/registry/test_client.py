"""What is read from a well-behaved registry, and how its no is understood."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx2
import pytest

from scvk.registry import (
    ImageConfig,
    ImageNotFound,
    Login,
    Platform,
    RegistryError,
    RemoteImage,
    Unauthorized,
    Unreachable,
    Unreadable,
    parse_reference,
)
from scvk.registry.challenges import challenges
from scvk.registry.manifest import DOCKER_LIST, OCI_INDEX
from tests.unit.registry.images import Image, docker_image, index, member, tar
from tests.unit.registry.scripted_registry import ScriptedRegistry, guarded, redirect, token

NAME = "registry.example.com/team/app"
MANIFESTS = "https://registry.example.com/v2/team/app/manifests"
IMAGE = Image(
    [tar(member("etc/hello", b"hi"))],
    {
        "Entrypoint": ["/entry"],
        "Cmd": ["a", "b"],
        "Env": ["A=1", "B=x=y", "EMPTY="],
        "WorkingDir": "/work",
        "User": "app:staff",
        "StopSignal": "SIGQUIT",
    },
)
REALM = 'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:team/app:pull"'
LOGIN = Login("someone", "pass:wörd")
BASIC = "Basic " + base64.b64encode("someone:pass:wörd".encode()).decode()


@pytest.fixture
def registry() -> ScriptedRegistry:
    registry = ScriptedRegistry()
    registry.serve(IMAGE, "team/app", "v1")
    return registry


async def pull(
    registry: ScriptedRegistry, name: str = f"{NAME}:v1", login: Login | None = None, **more: Any
) -> RemoteImage:
    async with registry.client() as client:
        return await client.image(parse_reference(name), login, **more)


async def failure(registry: ScriptedRegistry, name: str = f"{NAME}:v1", login: Login | None = None) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        await pull(registry, name, login)
    return caught.value


async def test_an_image_has_its_configuration_and_layers(registry: ScriptedRegistry) -> None:
    image = await pull(registry)
    assert image.digest == IMAGE.digest
    assert image.config == ImageConfig(
        ("/entry",), ("a", "b"), {"A": "1", "B": "x=y", "EMPTY": ""}, "/work", "app:staff", "SIGQUIT"
    )
    assert [layer.digest for layer in image.layers] == list(IMAGE.blobs)[1:]
    assert registry.logins() == []


async def test_an_image_is_read_by_digest(registry: ScriptedRegistry) -> None:
    assert (await pull(registry, f"{NAME}@{IMAGE.digest}")).config.command == ("a", "b")


async def test_a_layers_bytes_arrive(registry: ScriptedRegistry) -> None:
    sink = io.BytesIO()
    async with registry.client() as client:
        image = await client.image(parse_reference(f"{NAME}:v1"))
        await image.repository.download(image.layers[0], sink)
    assert sink.getvalue() == IMAGE.blobs[image.layers[0].digest]


async def test_names_without_registry_are_read_from_docker_hub() -> None:
    registry = ScriptedRegistry()
    registry.serve(docker_image([], Cmd=["sh"]), "library/busybox", "latest", host="registry-1.docker.io")
    assert (await pull(registry, "busybox")).config.command == ("sh",)


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
async def test_of_a_list_the_image_for_the_platform_is_taken(registry: ScriptedRegistry, media_type: str) -> None:
    arm, none = Image([], {"Cmd": ["arm"]}), Image([], {"Cmd": ["attestation"]})
    registry.serve(arm, "team/app")
    registry.routes[f"{MANIFESTS}/many"] = index(
        {"unknown/unknown": none, "linux/arm64": arm, "linux/amd64": IMAGE}, media_type
    )
    assert (await pull(registry, f"{NAME}:many")).digest == IMAGE.digest
    assert (await pull(registry, f"{NAME}:many", platform=Platform("linux", "arm64"))).config.command == ("arm",)


async def test_a_list_without_the_platform_says_which_there_are(registry: ScriptedRegistry) -> None:
    registry.routes[f"{MANIFESTS}/many"] = index({"linux/arm64": IMAGE, "windows/amd64": IMAGE})
    error = await failure(registry, f"{NAME}:many")
    assert isinstance(error, ImageNotFound)
    assert str(error).endswith("there is no image for linux/amd64, only for: linux/arm64, windows/amd64")


async def test_a_token_is_fetched_from_the_realm_and_sent_to_the_registry_only(registry: ScriptedRegistry) -> None:
    registry.guard("Bearer t0ken", REALM)
    registry.routes["https://auth.example.com/token"] = guarded(token(token="t0ken"), BASIC, "Basic")
    await pull(registry, login=LOGIN)
    (asked,) = [request.url for request in registry.requests if request.url.host == "auth.example.com"]
    assert dict(asked.params) == {"scope": "repository:team/app:pull", "service": "registry.example.com"}
    assert registry.logins() == [
        ("auth.example.com", BASIC),
        ("registry.example.com", "Bearer t0ken"),
        ("registry.example.com", "Bearer t0ken"),
    ]


async def test_without_login_the_realm_is_asked_for_an_anonymous_token(registry: ScriptedRegistry) -> None:
    registry.guard("Bearer anonymous", REALM)
    registry.routes["https://auth.example.com/token"] = token(access_token="anonymous")
    await pull(registry)
    assert {host for host, _ in registry.logins()} == {"registry.example.com"}


async def test_basic_authentication(registry: ScriptedRegistry) -> None:
    registry.guard(BASIC, 'Basic realm="registry"')
    await pull(registry, login=LOGIN)


async def test_a_login_that_nobody_asks_for_is_not_sent(registry: ScriptedRegistry) -> None:
    await pull(registry, login=LOGIN)
    assert registry.logins() == []


async def test_a_token_that_ran_out_is_renewed_for_a_layer(registry: ScriptedRegistry) -> None:
    registry.guard("Bearer first", REALM)
    registry.routes["https://auth.example.com/token"] = token(token="first")
    sink = io.BytesIO()
    async with registry.client() as client:
        image = await client.image(parse_reference(f"{NAME}:v1"))
        registry.routes["https://auth.example.com/token"] = token(token="second")
        registry.serve(IMAGE, "team/app")
        registry.guard("Bearer second", REALM)
        await image.repository.download(image.layers[0], sink)
    assert sink.getvalue()


@pytest.mark.parametrize(
    ("challenge", "login", "words"),
    [
        ('Basic realm="r"', None, "wants a user name and a password"),
        ('Basic realm="r"', Login("someone", "wrong"), "does not accept the user name and password"),
        (REALM, None, "gives no token without a user name"),
        (REALM, Login("someone", "wrong"), "auth.example.com does not accept the user name and password"),
    ],
    ids=["basic without login", "basic with a wrong one", "token without login", "token with a wrong one"],
)
async def test_a_missing_or_wrong_login(
    registry: ScriptedRegistry, challenge: str, login: Login | None, words: str
) -> None:
    registry.guard("Basic never", challenge)
    registry.routes["https://auth.example.com/token"] = httpx2.Response(401)
    error = await failure(registry, login=login)
    assert isinstance(error, Unauthorized)
    assert words in str(error)
    assert "wrong" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "NAME_UNKNOWN", ImageNotFound, "no repository of this name"),
        (404, "MANIFEST_UNKNOWN", ImageNotFound, "no such tag or digest"),
        (404, None, ImageNotFound, "does not have it"),
        (403, "DENIED", Unauthorized, "no such repository, or it wants a login"),
        (429, "TOOMANYREQUESTS", Unreachable, "too many requests"),
        (500, None, Unreachable, "500"),
        (204, None, Unreadable, "204"),
        (418, None, Unreadable, "418"),
    ],
)
async def test_answers_that_are_no_success(
    registry: ScriptedRegistry, status: int, code: str | None, kind: type[RegistryError], words: str
) -> None:
    body = json.dumps({"errors": [{"code": code, "message": "…"}]}) if code else "<html>"
    registry.routes[f"{MANIFESTS}/v1"] = httpx2.Response(status, text=body)
    error = await failure(registry)
    assert type(error) is kind
    assert error.transient == (kind is Unreachable)
    assert words in str(error)
    assert NAME in str(error)


async def test_redirects_are_followed_to_a_blobs_storage(registry: ScriptedRegistry) -> None:
    config, data = next(iter(IMAGE.blobs.items()))
    registry.routes[f"https://registry.example.com/v2/team/app/blobs/{config}"] = redirect(
        "https://storage.example.net/x?signature=1"
    )
    registry.routes["https://storage.example.net/x"] = data
    assert (await pull(registry)).config.user == "app:staff"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic", [("basic", {})]),
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        ('bearer realm="https://a/b?c=d,e", Service=s', [("bearer", {"realm": "https://a/b?c=d,e", "service": "s"})]),
        (r'Bearer realm="a\"b"', [("bearer", {"realm": 'a"b'})]),
        ('Negotiate, Basic realm="x", Bearer realm="y"', [("basic", {"realm": "x"}), ("bearer", {"realm": "y"})]),
        ("Digest nonce=1", []),
        ("", []),
        ("Bearer " + "a=" * 100_000, [("bearer", {})]),
    ],
)
def test_challenges(header: str, found: list[tuple[str, dict[str, str]]]) -> None:
    seen = [(challenge.scheme, dict(challenge.parameters)) for challenge in challenges([header])]
    assert [scheme for scheme, _ in seen] == [scheme for scheme, _ in found]
    if len(header) < 1000:
        assert seen == found
