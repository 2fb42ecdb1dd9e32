"""Logs in to one repository of one registry, when it asks for it.

Nothing is sent before the registry's 401 says what it wants: a login in HTTP's basic form, or a token from a realm
that it names. The realm may be anywhere (Docker Hub's is at auth.docker.io), as for Docker itself: a registry that
wants the login of its own users gets it anyway. But it is only spoken to over HTTPS unless its host is listed for
plain HTTP, its address is under the same policy, and it must not redirect.
"""

from __future__ import annotations

from collections.abc import Sequence

import httpx2
import msgspec

from scvk.registry.challenges import Challenge, challenges
from scvk.registry.errors import AddressRefused, ImageNotFound, Unauthorized, Unreachable, Unreadable
from scvk.registry.exchange import Answer, Exchange
from scvk.registry.limits import Limits
from scvk.registry.login import Login

_MAX_SCOPE = 1024


class _Token(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None


class Authentication:
    """The `Authorization` header for one repository; asks at most one realm for each call of `answer`."""

    def __init__(self, exchange: Exchange, limits: Limits, login: Login | None, repository: str) -> None:
        self._exchange = exchange
        self._limits = limits
        self._login = login
        self._repository = repository
        self.header: str | None = None

    async def answer(self, url: httpx2.URL, headers: httpx2.Headers, what: str) -> None:
        """Set `header` as the 401 with these headers from `url` wants it.

        Raises Unauthorized when there is no login or none that helps, AddressRefused, Unreadable, Unreachable.
        """
        offered = challenges(headers.get_list("WWW-Authenticate"))
        bearer = _first(offered, "bearer")
        if bearer is not None:
            self.header = f"Bearer {await self._token(bearer, what)}"
            return
        if _first(offered, "basic") is None:
            raise Unreadable(f"{what}: {url.host} wants a login but names no way that is known here")
        if self._login is None:
            raise Unauthorized(f"{what}: {url.host} wants a user name and a password, and none are given")
        self.header = self._login.basic()

    async def _token(self, challenge: Challenge, what: str) -> str:
        try:
            realm = httpx2.URL(challenge.parameters.get("realm", ""))
        except httpx2.InvalidURL as error:
            raise Unreadable(f"{what}: the registry's token realm is no address") from error
        if not realm.host:
            raise Unreadable(f"{what}: the registry's token realm is no address")
        if realm.userinfo:
            raise AddressRefused(f"{what}: the registry's token realm has a login of its own in its address")
        scope = challenge.parameters.get("scope") or f"repository:{self._repository}:pull"
        query = {"scope": scope[:_MAX_SCOPE]}
        if challenge.parameters.get("service"):
            query["service"] = challenge.parameters["service"][:_MAX_SCOPE]
        headers = {"Authorization": self._login.basic()} if self._login is not None else {}
        answer = await self._exchange.get(
            realm.copy_merge_params(query),
            headers,
            self._limits.token_bytes,
            f"{what}: token from {realm.host}",
            redirects=False,
        )
        return self._read_token(answer, realm.host, what)

    def _read_token(self, answer: Answer, host: str, what: str) -> str:
        if answer.status in {400, 401, 403, 404}:
            if self._login is None:
                raise Unauthorized(f"{what}: {host} gives no token without a user name and a password")
            raise Unauthorized(f"{what}: {host} does not accept the user name and password")
        if answer.status != 200:
            raise Unreachable(f"{what}: {host} answered {answer.status} instead of a token")
        try:
            read = msgspec.json.decode(answer.body, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unreadable(f"{what}: {host} gave something else than a token") from error
        token = read.token or read.access_token or ""
        # It becomes part of a header: visible ASCII only (RFC 6750, section 2.1).
        if not token or not all("!" <= c <= "~" for c in token):
            raise Unreadable(f"{what}: {host} gave something else than a token")
        return token


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def refusal(answer: Answer, host: str, what: str, *, logged_in: bool) -> Exception:
    """The error for an answer that is neither a success nor to be tried with a login.

    Statuses and codes: OCI distribution specification 1.1, "Error Codes". Which code goes with a missing tag or
    name differs between registries, so words of the registry go into the message.
    """
    try:
        listed = msgspec.json.decode(answer.body, type=_Errors).errors[:1]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        listed = []
    code = listed[0].code if listed else ""
    match answer.status:
        case 404 if code == "NAME_UNKNOWN":
            return ImageNotFound(f"{what}: {host} has no repository of this name")
        case 404 if code == "MANIFEST_UNKNOWN":
            return ImageNotFound(f"{what}: {host} has no such tag or digest, or no such repository")
        case 404:
            return ImageNotFound(f"{what}: {host} does not have it")
        case 401 | 403 if logged_in:
            return Unauthorized(f"{what}: {host} does not accept the user name and password for this repository")
        case 401 | 403:
            return Unauthorized(f"{what}: {host} denies access; there is no such repository, or it wants a login")
        case 429:
            return Unreachable(f"{what}: {host} has had too many requests (429)")
        case status if 200 <= status < 500:
            return Unreadable(f"{what}: {host} answered {status}, which no registry should")
        case status:
            return Unreachable(f"{what}: {host} answered {status}")


def _first(offered: Sequence[Challenge], scheme: str) -> Challenge | None:
    return next((challenge for challenge in offered if challenge.scheme == scheme), None)
