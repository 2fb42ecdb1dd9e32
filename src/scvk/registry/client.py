"""Reads images from registries: the manifest for one platform, its configuration, its layers.

Own code over httpx2 rather than a library: python-dxf and oras are blocking, over another HTTP client and without
bounds or a check of addresses; there is no kept asyncio one.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import httpx2

from scvk.registry.authentication import Authentication, refusal
from scvk.registry.config import ImageConfig, read_config
from scvk.registry.connecting import GuardedBackend, GuardedTransport
from scvk.registry.errors import TooLarge, Unreachable, Unreadable
from scvk.registry.exchange import Answer, Exchange
from scvk.registry.limits import Limits
from scvk.registry.login import Login
from scvk.registry.manifest import ACCEPT, Descriptor, Index, Manifest, Platform, read_manifest
from scvk.registry.policy import AddressPolicy
from scvk.registry.reference import ImageReference

# No login, plain HTTP or private address unless somebody allows it.
_STRICT = AddressPolicy()
_LIMITS = Limits()
_PLATFORM = Platform()


class Sink(Protocol):
    """Where a layer's bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take the next piece."""


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """One image for one platform at its registry; `digest` is that of its own manifest, which names all the rest."""

    reference: ImageReference
    digest: str
    config: ImageConfig
    layers: tuple[Descriptor, ...]
    repository: Repository


class RegistryClient:
    """Constructing it has no effect; enter it before use. One serves many images and logins at once.

    `transport` replaces the network in tests, and with it the check of addresses after resolution.
    """

    def __init__(
        self,
        policy: AddressPolicy = _STRICT,
        limits: Limits = _LIMITS,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.limits = limits
        transport = transport or GuardedTransport(GuardedBackend(policy), limits.connections)
        timeout = httpx2.Timeout(limits.silence_s, connect=limits.connect_s)
        self._http = httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
        self._exchange = Exchange(self._http, policy, limits)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, traceback)

    async def image(
        self, reference: ImageReference, login: Login | None = None, platform: Platform = _PLATFORM
    ) -> RemoteImage:
        """The image behind a reference. Costs 2 or 3 requests, and 2 more where the registry wants a login.

        Raises any RegistryError but StoreUnusable.
        """
        repository = Repository(self._exchange, self.limits, reference, login)
        what = str(reference)
        digest, manifest = await repository.manifest(reference.selector)
        if isinstance(manifest, Index):
            digest, manifest = await repository.manifest(manifest.choose(platform, what).digest)
            if isinstance(manifest, Index):
                raise Unreadable(f"{what}: its list of images names a further list")
        if len(manifest.layers) > self.limits.layers:
            raise TooLarge(f"{what}: it has {len(manifest.layers)} layers; at most {self.limits.layers} are read")
        if sum(layer.size for layer in manifest.layers) > self.limits.image_bytes:
            raise TooLarge(f"{what}: its layers have more than {self.limits.image_bytes} bytes")
        config = read_config(await repository.small_blob(manifest.config, self.limits.config_bytes), what)
        return RemoteImage(reference, digest, config, manifest.layers, repository)


class Repository:
    """One repository of one registry, with one login: what the images of `RegistryClient` read their layers from."""

    def __init__(self, exchange: Exchange, limits: Limits, reference: ImageReference, login: Login | None) -> None:
        self._exchange = exchange
        self._limits = limits
        self._what = str(reference)
        self._login = login
        self._base = exchange.base_url(reference.api_host).join(f"/v2/{reference.repository}/")
        self._authentication = Authentication(exchange, limits, login, reference.repository)

    async def manifest(self, selector: str) -> tuple[str, Manifest | Index]:
        """A manifest by tag or digest, and its digest. A digest that was asked for is checked."""
        answer = await self._get(f"manifests/{selector}", self._limits.manifest_bytes, {"Accept": ACCEPT})
        digest = selector if ":" in selector else "sha256:" + hashlib.sha256(answer.body).hexdigest()
        self._check(hashlib.new(digest.partition(":")[0], answer.body).hexdigest(), digest)
        return digest, read_manifest(answer.body, self._what)

    async def small_blob(self, descriptor: Descriptor, most_bytes: int) -> bytes:
        """A blob as a whole, its digest checked."""
        answer = await self._get(f"blobs/{descriptor.digest}", most_bytes, {})
        self._check(hashlib.new(descriptor.digest.partition(":")[0], answer.body).hexdigest(), descriptor.digest)
        return answer.body

    async def download(self, layer: Descriptor, sink: Sink) -> None:
        """Write a layer to `sink`, as it is transferred; only when this returns are size and digest as promised.

        Raises any RegistryError; what `sink` raises passes through.
        """
        if layer.size > self._limits.layer_bytes:
            raise TooLarge(f"{self._what}: a layer has {layer.size} bytes; at most {self._limits.layer_bytes} are read")
        url = self._base.join(f"blobs/{layer.digest}")
        try:
            async with asyncio.timeout(self._limits.layer_s):
                if await self._stream(url, layer, sink):
                    return
                # The token had run out, or none was needed before.
                if not await self._stream(url, layer, sink, last=True):
                    raise Unreachable(f"{self._what}: {url.host} asked for a login twice")
        except TimeoutError:
            raise Unreachable(f"{self._what}: a layer did not arrive within {self._limits.layer_s:g} s") from None

    async def _stream(self, url: httpx2.URL, layer: Descriptor, sink: Sink, *, last: bool = False) -> bool:
        """False when a login was found out that should be tried."""
        algorithm, _, _ = layer.digest.partition(":")
        digest = hashlib.new(algorithm)
        async with self._exchange.open(url, self._headers({}), self._what) as response:
            if response.status_code != 200:
                body = bytearray()
                async for chunk in self._exchange.read(response, self._limits.token_bytes, self._what):
                    body += chunk
                refused = Answer(response.status_code, response.headers, bytes(body))
            else:
                async for chunk in self._exchange.read(response, layer.size, self._what):
                    digest.update(chunk)
                    sink.write(chunk)
                self._check(digest.hexdigest(), layer.digest)
                return True
        if refused.status == 401 and not last:
            await self._authentication.answer(url, refused.headers, self._what)
            return False
        raise refusal(refused, url.host, self._what, logged_in=self._login is not None)

    async def _get(self, path: str, most_bytes: int, headers: dict[str, str]) -> Answer:
        url = self._base.join(path)
        answer = await self._exchange.get(url, self._headers(headers), most_bytes, self._what)
        if answer.status == 401:
            await self._authentication.answer(url, answer.headers, self._what)
            answer = await self._exchange.get(url, self._headers(headers), most_bytes, self._what)
        if answer.status != 200:
            raise refusal(answer, url.host, self._what, logged_in=self._login is not None)
        return answer

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        header = self._authentication.header
        return headers if header is None else {**headers, "Authorization": header}

    def _check(self, found: str, promised: str) -> None:
        if found != promised.partition(":")[2]:
            raise Unreadable(f"{self._what}: content does not match its digest {promised}")
