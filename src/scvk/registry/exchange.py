"""One GET to a registry, a realm or where they redirect to: bounded, and with the login on the first hop only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from scvk.registry.errors import AddressRefused, TooLarge, Unreachable, Unreadable, quoted
from scvk.registry.limits import Limits
from scvk.registry.policy import AddressPolicy

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOST = re.compile(r"[A-Za-z0-9._-]+|[A-Fa-f0-9:.]+")
_CHUNK = 256 * 1024
# Content must arrive as its digest says, not compressed once more on the way.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "scvk"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: httpx2.Headers
    body: bytes


class Exchange:
    """Sends requests. Everything it raises is a RegistryError."""

    def __init__(self, http: httpx2.AsyncClient, policy: AddressPolicy, limits: Limits) -> None:
        self._http = http
        self._policy = policy
        self._limits = limits
        self._places = asyncio.Semaphore(limits.connections)

    def base_url(self, api_host: str) -> httpx2.URL:
        """The root of a registry's API: HTTPS, unless the policy lists the host for plain HTTP."""
        try:
            url = httpx2.URL(f"https://{api_host}")
        except httpx2.InvalidURL as error:
            raise Unreadable(f"{quoted(api_host)!r} is no host: {error}") from error
        plain = self._policy.speaks_plain_http(url.host, url.port)
        return url.copy_with(scheme="http") if plain else url

    async def get(
        self, url: httpx2.URL, headers: Mapping[str, str], most_bytes: int, what: str, *, redirects: bool = True
    ) -> Answer:
        """The whole answer of any status, within `most_bytes` and the limit's `answer_s`."""
        try:
            async with (
                asyncio.timeout(self._limits.answer_s),
                self.open(url, headers, what, redirects=redirects) as response,
            ):
                body = bytearray()
                async for chunk in self.read(response, most_bytes, what):
                    body += chunk
                return Answer(response.status_code, response.headers, bytes(body))
        except TimeoutError:
            raise Unreachable(f"{what}: {url.host} did not answer within {self._limits.answer_s:g} s") from None

    @asynccontextmanager
    async def open(
        self, url: httpx2.URL, headers: Mapping[str, str], what: str, *, redirects: bool = True
    ) -> AsyncIterator[httpx2.Response]:
        """An answer whose body is still to be read, after redirects. `headers` go to `url` alone."""
        async with self._places:
            response = await self._send(url, headers, what)
            try:
                for _ in range(self._limits.redirects):
                    if not redirects or response.status_code not in _REDIRECTS:
                        break
                    target = self._target(url, response, what)
                    await response.aclose()
                    url = target
                    # Whoever is pointed to gets no login; blobs lie behind signed addresses that need none.
                    response = await self._send(url, {}, what)
                if response.status_code in _REDIRECTS:
                    why = "too many times" if redirects else "where none is allowed"
                    raise Unreadable(f"{what}: {url.host} redirects {why}")
                yield response
            finally:
                await response.aclose()

    async def read(self, response: httpx2.Response, most_bytes: int, what: str) -> AsyncIterator[bytes]:
        """The body in pieces. Raises TooLarge beyond `most_bytes`."""
        host = response.request.url.host
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise Unreadable(f"{what}: {host} compressed the answer though it was told not to")
        count = 0
        try:
            async for chunk in response.aiter_raw(_CHUNK):
                count += len(chunk)
                if count > most_bytes:
                    raise TooLarge(f"{what}: {host} sent more than {most_bytes} bytes")
                yield chunk
        except httpx2.HTTPError as error:
            raise Unreachable(f"{what}: {host} broke off: {_words(error)}") from error

    def _check(self, url: httpx2.URL, what: str) -> None:
        """Only HTTPS, and plain HTTP to hosts that are listed for it. Raises AddressRefused, Unreadable."""
        # httpx2 takes more for a host than there is, such as %5Bx.
        if not _HOST.fullmatch(url.host):
            raise Unreadable(f"{what}: {quoted(url.host)!r} is no host")
        if url.scheme == "https":
            return
        if url.scheme != "http":
            raise AddressRefused(f"{what}: {quoted(url.scheme)} is not HTTPS")
        if not self._policy.speaks_plain_http(url.host, url.port):
            raise AddressRefused(f"{what}: {url.host} must not be asked over plain HTTP")

    def _target(self, url: httpx2.URL, response: httpx2.Response, what: str) -> httpx2.URL:
        try:
            target = url.join(response.headers.get("Location", ""))
        except (httpx2.InvalidURL, ValueError) as error:
            raise Unreadable(f"{what}: {url.host} redirects to no address") from error
        if target.userinfo:
            target = target.copy_with(userinfo=b"")
        return target

    async def _send(self, url: httpx2.URL, headers: Mapping[str, str], what: str) -> httpx2.Response:
        self._check(url, what)
        try:
            request = self._http.build_request("GET", url, headers={**_HEADERS, **headers})
            return await self._http.send(request, stream=True, follow_redirects=False)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{what}: {url.host} cannot be reached: {_words(error)}") from error
        except (httpx2.InvalidURL, ValueError) as error:
            raise Unreadable(f"{what}: {url.host} gave an address that is none") from error


def _words(error: Exception) -> str:
    return quoted(str(error)) or type(error).__name__
