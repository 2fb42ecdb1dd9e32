"""Look-ups of images: remembered, bounded, and never in the way of other registries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from scvk.provider import image_configs
from scvk.provider.image_configs import ImageConfigs, Known, NotKnown, UnderWay
from scvk.registry import (
    AddressPolicy,
    ImageConfig,
    ImageReference,
    Login,
    RegistryClient,
    RemoteImage,
    Unauthorized,
    parse_reference,
)
from tests.unit.registry.images import Image
from tests.unit.registry.scripted_registry import ScriptedRegistry, redirect, token

NAME = parse_reference("registry.example.com/app")
BASE = "https://registry.example.com/v2/app"
CONFIG = {"Entrypoint": ["/serve"], "Cmd": ["--all"], "User": "app", "WorkingDir": "/srv"}
IMAGE = Image([], config=CONFIG)
LOGIN = Login("someone", "s3cret")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def looking_up(registry: ScriptedRegistry, clock: Callable[[], float] = Clock()) -> AsyncIterator[ImageConfigs]:  # noqa: B008
    async with registry.client(AddressPolicy(), image_configs.LIMITS) as client:
        configs = ImageConfigs(client, clock)
        try:
            yield configs
        finally:
            await configs.aclose()


@pytest.fixture
def registry() -> ScriptedRegistry:
    registry = ScriptedRegistry()
    registry.serve(IMAGE, "app", "latest")
    return registry


async def ask(configs: ImageConfigs, reference: ImageReference = NAME, *logins: Login) -> object:
    return await configs.look_up(reference, logins, patience_s=5)


async def test_an_image_says_what_it_runs(registry: ScriptedRegistry) -> None:
    async with looking_up(registry) as configs:
        assert await ask(configs) == Known(
            ImageConfig(entrypoint=("/serve",), command=("--all",), user="app", working_dir="/srv")
        )


@pytest.mark.parametrize(("selector", "again"), [(":latest", True), (f"@{IMAGE.digest}", False)])
async def test_a_tag_is_asked_for_again_after_a_while_and_a_digest_never(
    registry: ScriptedRegistry, selector: str, again: bool
) -> None:
    clock = Clock()
    name = parse_reference(f"registry.example.com/app{selector}")
    async with looking_up(registry, clock) as configs:
        await ask(configs, name)
        spent = len(registry.requests)
        clock.now += image_configs.TAG_KEPT_S - 1
        await ask(configs, name)
        assert len(registry.requests) == spent
        clock.now += 2
        await ask(configs, name)
        assert (len(registry.requests) > spent) is again


async def test_many_who_ask_at_once_cost_one_look_up(registry: ScriptedRegistry) -> None:
    async with looking_up(registry) as configs:
        answers = await asyncio.gather(*(ask(configs) for _ in range(20)))
    assert all(isinstance(answer, Known) for answer in answers)
    assert len(registry.requests) == 2


async def test_logins_are_tried_in_their_order_and_belong_to_the_answer(registry: ScriptedRegistry) -> None:
    registry.guard(LOGIN.basic(), 'Basic realm="r"')
    async with looking_up(registry) as configs:
        assert isinstance(await ask(configs, NAME, Login("other", "x"), LOGIN), Known)
        without = await ask(configs)
        assert isinstance(without, NotKnown)
        assert without.reason_code == "ErrImagePull"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx2.Response(404), "ErrImagePull"),
        (httpx2.Response(403), "ErrImagePull"),
        (httpx2.Response(503), "RegistryUnavailable"),
        (httpx2.Response(429), "RegistryUnavailable"),
        (b"<html>", "ImageInspectError"),
        (b"x" * (image_configs.LIMITS.manifest_bytes + 1), "ImageInspectError"),
        (redirect("http://169.254.169.254/latest/meta-data"), "ImageInspectError"),
        (redirect(f"{BASE}/manifests/latest"), "ImageInspectError"),
    ],
    ids=["not there", "denied", "down", "throttled", "no registry", "huge", "redirected inwards", "in a circle"],
)
async def test_a_registry_that_does_not_tell_is_quoted_and_left_alone_for_a_while(
    registry: ScriptedRegistry, answer: bytes | httpx2.Response, code: str
) -> None:
    registry.routes[f"{BASE}/manifests/latest"] = answer
    clock = Clock()
    async with looking_up(registry, clock) as configs:
        found = await ask(configs, NAME, LOGIN)
        assert isinstance(found, NotKnown)
        assert found.reason_code == code
        assert "registry.example.com" in found.reason
        assert "s3cret" not in found.reason
        spent = len(registry.requests)
        assert await ask(configs, NAME, LOGIN) == found
        assert len(registry.requests) == spent
        clock.now += image_configs.FAILURE_KEPT_S
        await ask(configs, NAME, LOGIN)
        assert len(registry.requests) > spent
    assert {request.url.host for request in registry.requests} == {"registry.example.com"}


@pytest.mark.parametrize("realm", ["http://169.254.169.254/token", "http://127.0.0.1:8001/token", "file:///etc/passwd"])
async def test_a_token_realm_inside_gets_neither_login_nor_visit(registry: ScriptedRegistry, realm: str) -> None:
    registry.guard("Bearer x", f'Bearer realm="{realm}"')
    async with looking_up(registry) as configs:
        assert isinstance(await ask(configs, NAME, LOGIN), NotKnown)
    assert registry.logins() == []
    assert {request.url.host for request in registry.requests} == {"registry.example.com"}


async def test_a_foreign_realm_gets_the_login_over_https_only_and_may_not_pass_it_on(
    registry: ScriptedRegistry,
) -> None:
    registry.guard("Bearer good", 'Bearer realm="https://auth.example.com/token"')
    registry.routes["https://auth.example.com/token"] = token(token="good")
    async with looking_up(registry) as configs:
        assert isinstance(await ask(configs, NAME, LOGIN), Known)
    assert [host for host, login in registry.logins() if login == LOGIN.basic()] == ["auth.example.com"]
    registry.routes["https://auth.example.com/token"] = redirect("https://evil.example.com/token")
    async with looking_up(registry) as configs:
        assert isinstance(await ask(configs, NAME, LOGIN), NotKnown)
    assert "evil.example.com" not in {request.url.host for request in registry.requests}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:5000", "localhost:5000", "169.254.169.254", "10.0.0.1", "192.168.1.1:443", "100.64.0.1", "[::1]:5000"],
)
async def test_addresses_inside_are_refused_before_anything_is_sent(host: str) -> None:
    async with RegistryClient(limits=image_configs.LIMITS) as client:
        configs = ImageConfigs(client, Clock())
        found = await ask(configs, parse_reference(f"{host}/app"))
        await configs.aclose()
    assert isinstance(found, NotKnown)
    assert found.reason_code == "ImageInspectError"
    assert "must not be connected to" in found.reason


class Slow:
    """A reader that answers for `registry.example.com` at once, and for all others never."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def image(self, reference: ImageReference, _login: Login | None = None, /) -> object:
        self.asked.append(reference.registry)
        if reference.registry != "registry.example.com":
            await asyncio.Event().wait()
        return Found()


class Found:
    config = ImageConfig(entrypoint=("/serve",))


async def test_slow_registries_hold_up_nobody_else() -> None:
    reader = Slow()
    configs = ImageConfigs(reader, Clock())  # type: ignore[arg-type]
    for number in range(20):
        reference = parse_reference(f"slow.example.com/app{number}")
        assert await configs.look_up(reference, (), patience_s=0) == UnderWay()
    assert await ask(configs) == Known(Found.config)
    assert reader.asked.count("slow.example.com") == image_configs.AT_ONCE_FOR_ONE_REGISTRY
    await configs.aclose()


async def test_a_look_up_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_configs, "LOOK_UP_S", 0.01)
    configs = ImageConfigs(Slow(), Clock())  # type: ignore[arg-type]
    found = await ask(configs, parse_reference("slow.example.com/app"))
    assert isinstance(found, NotKnown)
    assert found.reason_code == "RegistryUnavailable"


async def test_no_more_than_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_configs, "MOST_WAITING", 3)
    configs = ImageConfigs(Slow(), Clock())  # type: ignore[arg-type]
    for number in range(10):
        await configs.look_up(parse_reference(f"r{number}.example.com/app"), (), patience_s=0)
    assert len(configs._under_way) == 3
    await configs.aclose()
    assert configs._under_way == {}


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_configs, "MOST_REMEMBERED", 3)
    configs = ImageConfigs(Slow(), Clock())  # type: ignore[arg-type]
    for number in range(10):
        await ask(configs, parse_reference(f"registry.example.com/app{number}"))
    assert len(configs._remembered) == 3


async def test_a_failure_that_nobody_foresaw_ends_nothing() -> None:
    class Broken:
        async def image(self, _reference: ImageReference, _login: Login | None = None, /) -> object:
            raise ZeroDivisionError("s3cret")

    found = await ask(ImageConfigs(Broken(), Clock()))  # type: ignore[arg-type]
    assert isinstance(found, NotKnown)
    assert "s3cret" not in found.reason


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", True),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", True),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", True),
        ("registry.example.com", False),
    ],
)
async def test_why_the_keys_of_aws_are_no_login_is_told(host: str, told: bool) -> None:
    class Closed:
        async def image(self, reference: ImageReference, login: Login | None = None, /) -> RemoteImage:  # noqa: ARG002
            raise Unauthorized(f"{reference}: it wants a user name and a password, and none are given")

    configs = ImageConfigs(Closed(), Clock())
    answer = await ask(configs, parse_reference(f"{host}/app"))
    await configs.aclose()
    assert isinstance(answer, NotKnown)
    assert ("AWS ECR takes no keys, only a token that AWS' own API makes of them" in answer.reason) is told
