"""One request and its answer: waits for its turn, sends, reads within bounds, raises only our errors.

No retries: the loops above are level-triggered and ask again from what is true then. No redirects: the API
key would travel with them. The key stands in a header of each request and nowhere else; errors are raised
outside of `except` blocks, so that they do not carry httpx2's exceptions, whose request holds that header.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

import httpx2

from scvk.saladcloud.answers import error_of
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.errors import (
    AnswerLost,
    Call,
    NotSent,
    RateLimited,
    SaladCloudError,
    ServerError,
    UnreadableAnswer,
)
from scvk.saladcloud.wording import one_line

T = TypeVar("T")

API_KEY_HEADER = "Salad-Api-Key"
REQUEST_DEADLINE_S = 60.0
"""From the first byte out to the last byte in. A long listing takes seconds, a hung edge for ever."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A listing with the environment of thousands of groups fits; more is no answer of this API."""
CONNECT_TIMEOUT_S = 5.0
IDLE_TIMEOUT_S = 30.0
"""For reads, writes, and for a free connection."""
KEEP_ALIVE_S = 4.0
"""How long an idle connection is kept: less than any server does (uvicorn: 5 s), so that no request is sent into one
that the server is just closing, and less than the pace of polling."""
MAX_CONNECTIONS = 20
"""Four requests a second of a few seconds each, with room for slow ones."""

_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """How one request went. `status` None: no answer; `error` None: success; times in seconds.

    `size` is the bytes of a successful answer's body, as decoded from the transfer.
    """

    call: Call
    request_class: RequestClass
    status: int | None
    error: SaladCloudError | None
    waited: float
    seconds: float
    size: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status of success, which its body may yet belie."""

    status: int
    body: bytes


def http_client(user_agent: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """Return an HTTP client with a time-out on everything, which follows no redirects.

    `transport` replaces the network, for tests and for a simulator in the same process.
    """
    return httpx2.AsyncClient(
        headers={"User-Agent": user_agent, "Accept": "application/json"},
        timeout=httpx2.Timeout(IDLE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        limits=httpx2.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_S,
        ),
        follow_redirects=False,
        transport=transport,
    )


class Exchanger:
    """Sends requests to one API with one key.

    Raises ValueError for an `api_url` that is no plain http or https URL and for an `api_key` that no
    header can carry; neither text is repeated in full.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        api_url: str,
        api_key: str,
        budget: RequestBudget,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        deadline_s: float = REQUEST_DEADLINE_S,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        observer: Callable[[RequestOutcome], None] | None = None,
    ) -> None:
        if not _HEADER_SAFE.fullmatch(api_key):
            raise ValueError("the API key is empty or has spaces, line breaks or letters that are not ASCII")
        self._http = http
        self._api_url = _checked_url(api_url)
        self._api_key = api_key
        self._budget = budget
        self._clock = clock
        self._now = now
        self._deadline_s = deadline_s
        self._max_answer_bytes = max_answer_bytes
        self._observer = observer
        self.newest: dict[str, RequestOutcome] = {}
        """How the newest request of each operation went."""

    async def send(
        self,
        call: Call,
        request_class: RequestClass,
        read: Callable[[Answer], T],
        *,
        content: bytes | None = None,
        media_type: str | None = None,
        secrets: Collection[str] = (),
    ) -> T:
        """Wait for a turn, send one request and return what `read` makes of a success.

        Raises a SaladCloudError otherwise, as `read` may. It shows none of `secrets`, nor the API key.
        """
        asked = self._clock()
        await self._budget.acquire(request_class)
        started = self._clock()
        outcome = await self._answer_or_error(call, content, media_type, {*secrets, self._api_key})
        result = _read(read, outcome) if isinstance(outcome, Answer) else outcome
        error = result if isinstance(result, SaladCloudError) else None
        size = len(outcome.body) if isinstance(outcome, Answer) else 0
        seconds = self._clock() - started
        told = RequestOutcome(call, request_class, outcome.status, error, started - asked, seconds, size)
        self.newest[call.operation] = told
        if self._observer is not None:
            self._observer(told)
        if isinstance(error, RateLimited) or (isinstance(error, ServerError) and error.retry_after is not None):
            self._budget.throttled(error.retry_after)
        if isinstance(result, SaladCloudError):
            raise result
        return result

    async def _answer_or_error(
        self, call: Call, content: bytes | None, media_type: str | None, secrets: Collection[str]
    ) -> Answer | SaladCloudError:
        try:
            async with asyncio.timeout(self._deadline_s):
                status, headers, body = await self._exchange(call, content, media_type)
        except TimeoutError:
            return AnswerLost(call, reason=f"not within {self._deadline_s:.0f} s")
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as failure:
            return NotSent(call, reason=_reason(failure, secrets))
        except httpx2.DecodingError as failure:
            return UnreadableAnswer(call, reason=_reason(failure, secrets))
        except (httpx2.HTTPError, httpx2.StreamError) as failure:
            return AnswerLost(call, reason=_reason(failure, secrets))
        if body is None:
            mebibytes = self._max_answer_bytes // (1024 * 1024)
            return UnreadableAnswer(call, status=status, reason=f"larger than {mebibytes} MiB")
        if 200 <= status < 300:
            return Answer(status, body)
        return error_of(call, status, headers, body, now=self._now(), secrets=secrets)

    async def _exchange(
        self, call: Call, content: bytes | None, media_type: str | None
    ) -> tuple[int, httpx2.Headers, bytes | None]:
        headers = {API_KEY_HEADER: self._api_key}
        if media_type is not None:
            headers["Content-Type"] = media_type
        url = _url(self._api_url + call.path)
        request = self._http.build_request(call.method, url, headers=headers, content=content)
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            return response.status_code, response.headers, await self._bounded(response)
        finally:
            await response.aclose()

    async def _bounded(self, response: httpx2.Response) -> bytes | None:
        """Return the body, or None as soon as it is too large."""
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_answer_bytes:
                return None
        return bytes(body)


def _read(read: Callable[[Answer], T], answer: Answer) -> T | SaladCloudError:
    try:
        return read(answer)
    except SaladCloudError as error:
        return error


def _reason(failure: Exception, secrets: Collection[str]) -> str:
    return one_line(f"{type(failure).__name__} {failure}", secrets=secrets)


@lru_cache(maxsize=2048)
def _url(text: str) -> httpx2.URL:
    """Return the URL. The same few are asked for again and again, and httpx2 takes 50 µs to read one."""
    return httpx2.URL(text)


def _checked_url(api_url: str) -> str:
    parts = urlsplit(api_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the API's URL must begin with https:// (or http://) and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the API's URL can have no user, password, query or fragment")
    try:
        httpx2.URL(api_url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"the API's URL is malformed: {error}") from error
    return api_url.rstrip("/")
