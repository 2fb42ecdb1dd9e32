"""What every request of the public API passes: log, faults, key, rate limit, tenancy, body; then its handler.

One place, so that no route can forget a step.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from scvk.saladcloud.models.document import Operation
from scvk.simulator.api.bodies import read_body
from scvk.simulator.api.distortion import Memory, distort
from scvk.simulator.api.faults import ANSWER_KINDS, REACH, Fault, FaultKind, Faults
from scvk.simulator.api.ratelimit import SlidingWindow
from scvk.simulator.api.requests import LoggedRequest, RequestLog
from scvk.simulator.cloud.platform import Organization, Platform, Project
from scvk.simulator.config import ApiKey
from scvk.simulator.problems import Forbidden, NotFound, Problem, TooManyRequests, Unauthorized, problem_body

KEY_HEADER = "Salad-Api-Key"
_HTML = (
    "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n"
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(slots=True)
class Call:
    """A request that may be served. `body` is valid by the document; None for operations without one."""

    request: Request
    organization: Organization
    body: Any = None

    def path(self, name: str) -> str:
        """A path parameter, decoded."""
        return str(self.request.path_params[name])

    @property
    def project(self) -> Project:
        """The project in the path. Raises NotFound."""
        return self.organization.project(self.path("project_name"))

    @property
    def group_name(self) -> str:
        """The group in the path."""
        return self.path("container_group_name")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns: status, JSON body or None, headers, media type."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] | None = None
    media_type: str = "application/json"

    def response(self) -> Response:
        """As Starlette sends it."""
        if self.body is None:
            return Response(status_code=self.status, headers=self.headers)
        return self.response_with(msgspec.json.encode(self.body))

    def response_with(self, content: bytes) -> Response:
        """The same with another body, encoded already."""
        return Response(content, self.status, self.headers, self.media_type)


Handler = Callable[[Call], Answer | Awaitable[Answer]]


class ConnectionDroppedError(ConnectionError):
    """Raised through the application where there is no connection to cut: in-process transports."""


class _Dropped(Response):
    """Cuts the client's connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        transport = scope.get("state", {}).get("transport")
        if transport is None:
            raise ConnectionDroppedError("a fault cut the connection")
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass  # the server must see the end before we return, or it would try to answer for us


class Gate:
    """Builds endpoints around handlers."""

    def __init__(
        self,
        platform: Platform,
        api_keys: tuple[ApiKey, ...],
        requests_per_minute: int,
        faults: Faults,
        log: RequestLog,
        monotonic: Callable[[], float],
    ) -> None:
        self._platform = platform
        self._keys = api_keys
        self._windows = [SlidingWindow(requests_per_minute, monotonic) for _ in api_keys]
        self._faults = faults
        self._log = log
        self._memory = Memory(monotonic)

    def endpoint(self, operation: Operation, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of one operation."""

        async def serve(request: Request) -> Response:
            template = request.scope.get("root_path", "") + operation.path
            logged = self._log.begin(self._platform.clock.now(), request.method, template, operation.id)
            try:
                response = await self._serve(request, operation, handler, logged)
            except Problem as problem:
                response = _refusal(problem).response()
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            if not isinstance(response, _Dropped):
                logged.status = response.status_code
            return response

        return serve

    async def _serve(self, request: Request, operation: Operation, handler: Handler, logged: LoggedRequest) -> Response:
        key_index = self._authenticate(request)
        logged.api_key = key_index
        wait_s = self._windows[key_index].take()
        if wait_s is not None:
            raise TooManyRequests("Too many requests with this API key in the last minute.", wait_s)
        fault = self._faults.strike(operation.id)
        if fault is not None:
            logged.fault = str(fault.kind)
            if fault.when == "before" and fault.kind not in ANSWER_KINDS:
                return await _fail(request, fault)
            if fault.when == "before" and fault.kind is FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds or 0)
        try:
            answer = await self._answer(request, operation, handler, key_index)
        except Problem as problem:
            answer = _refusal(problem)  # an answer as any other: it can come late or be lost
        if fault is not None and fault.kind not in ANSWER_KINDS:
            return await _fail(request, fault)
        if fault is not None and fault.when == "after" and fault.kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds or 0)
        return self._respond(request, operation, answer, fault)

    async def _answer(self, request: Request, operation: Operation, handler: Handler, key_index: int) -> Answer:
        """What the platform has to say. Raises Problem."""
        call = Call(request, self._organization(key_index, request.path_params["organization_name"]))
        if operation.path_violations({n: str(v) for n, v in request.path_params.items()}):
            raise NotFound("No such resource.")
        if operation.request is not None:
            call.body = await read_body(request, operation)
        answer = handler(call)
        return answer if isinstance(answer, Answer) else await answer

    def _respond(self, request: Request, operation: Operation, answer: Answer, fault: Fault | None) -> Response:
        """The answer, remembered, or as an answer fault has it."""
        if answer.body is None or answer.status >= 400:
            return answer.response()
        remembers = operation.id in REACH[FaultKind.STALE]
        if fault is not None and fault.kind is FaultKind.STALE and remembers:
            stale = self._memory.recall(request.url.path, fault.seconds)
            if stale is not None:
                return answer.response_with(stale)
        content = msgspec.json.encode(answer.body)
        if fault is not None:
            content = msgspec.json.encode(distort(fault, msgspec.json.decode(content)))
        if remembers:
            self._memory.keep(request.url.path, content)
        return answer.response_with(content)

    def _authenticate(self, request: Request) -> int:
        """The index of the key. Raises Unauthorized."""
        given = request.headers.get(KEY_HEADER, "").encode("utf-8", "surrogateescape")
        for index, known in enumerate(self._keys):
            if hmac.compare_digest(given, known.key.encode()):
                return index
        raise Unauthorized("The API key is missing or not valid.")

    def _organization(self, key_index: int, name: str) -> Organization:
        reachable = self._keys[key_index].organizations
        organization = self._platform.organizations.get(name)
        if organization is None or (reachable is not None and name not in reachable):
            raise Forbidden("The API key does not reach this organization.")
        return organization


def _refusal(problem: Problem) -> Answer:
    return Answer(problem.status, problem.render(), problem.headers)


async def _fail(request: Request, fault: Fault) -> Response:
    match fault.kind:
        case FaultKind.STATUS:
            status = fault.status or 500
            headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else None
            return Answer(status, problem_body(status, "A fault that was asked for."), headers).response()
        case FaultKind.HTML:
            status = fault.status or 502
            return Response(_HTML.format(status=status), status, media_type="text/html")
        case FaultKind.GARBAGE:
            return Response(b'{"items": [{"id": ', 200, media_type="application/json")
        case FaultKind.DROP:
            return _Dropped()
        case FaultKind.HANG:
            await _hang(request, fault.seconds)
            return _Dropped()
        case _:
            raise AssertionError(f"{fault.kind} does not replace answers")


async def _hang(request: Request, seconds: float | None) -> None:
    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass  # the rest of the body

    try:
        async with asyncio.timeout(seconds):
            await disconnected()
    except TimeoutError:
        pass  # long enough


# The framework runs handlers that are no coroutines in a thread, which is worth nothing here.
async def http_problem(_request: Request, error: Exception) -> Response:
    """Unknown routes and methods, as the framework reports them."""
    assert isinstance(error, HTTPException)
    body = problem_body(error.status_code, error.detail)
    return Answer(error.status_code, body, dict(error.headers or {})).response()


async def internal_problem(_request: Request, _error: Exception) -> Response:
    """A defect of the simulator: the server's log gets the traceback, the client a problem."""
    return Answer(500, problem_body(500, "The simulator has a defect; its log has the details.")).response()
