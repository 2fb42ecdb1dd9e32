"""The REST client: what each operation sends, and what each failure becomes."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import looptime
import msgspec
import pytest

from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import PUBLIC_API_URL, SaladCloudClient
from scvk.saladcloud.errors import (
    AnswerLost,
    InvalidRequest,
    NotFound,
    NotSent,
    RateLimited,
    SaladCloudError,
    ServerError,
    UnreadableAnswer,
)
from scvk.saladcloud.exchange import RequestOutcome, http_client
from scvk.saladcloud.models import (
    ContainerGroupInstancePatch,
    ContainerGroupPatch,
    ContainerGroupPrototype,
    CpuAvailabilityPrototype,
    CreateContainer,
    CreateContainerResources,
    GpuAvailabilityPrototype,
    LogEntryQuery,
    Violation,
    document,
)

API_KEY = "salad_cloud_key_0123456789"
UUID = "ab3a4591-efc3-46c0-b06a-3d820c0ec100"
PROJECT = "/organizations/acme/projects/default/containers"
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GROUP = {"id": UUID, "name": "web"}

Handler = Callable[[httpx2.Request], httpx2.Response | Awaitable[httpx2.Response]]
Operation = Callable[[SaladCloudClient], Awaitable[Any]]


def prototype(name: str = "web", **environment: str) -> ContainerGroupPrototype:
    return ContainerGroupPrototype(
        name=name,
        container=CreateContainer(
            image="nginx",
            resources=CreateContainerResources(cpu=1, memory=1024),
            environment_variables=environment or None,
        ),
        replicas=1,
        restart_policy="always",
        autostart_policy=True,
    )


def client_of(handler: Handler, **options: Any) -> SaladCloudClient:
    def clock() -> float:
        return asyncio.get_running_loop().time()

    settings: dict[str, Any] = {"organization": "acme", "project": "default", "api_key": API_KEY}
    return SaladCloudClient(
        http_client("agent/1", transport=httpx2.MockTransport(handler)),  # type: ignore[arg-type]
        budget=RequestBudget(clock),
        clock=clock,
        now=lambda: TIME,
        **{**settings, **options},
    )


async def outcome_of(
    handler: Handler, operation: Operation | None = None, **options: Any
) -> tuple[Any, SaladCloudClient]:
    """Return what an operation (by default, getting a group) returned or raised, and the client."""
    async with client_of(handler, **options) as client:
        try:
            return await (operation or (lambda c: c.get_container_group("web")))(client), client
        except SaladCloudError as error:
            return error, client


OPERATIONS: list[Any] = [
    pytest.param("list_container_groups", (), "GET", PROJECT, None, {"items": []}, "observe"),
    pytest.param("create_container_group", (prototype(),), "POST", PROJECT, "json", GROUP, "create"),
    pytest.param("get_container_group", ("web",), "GET", f"{PROJECT}/web", None, GROUP, "observe"),
    pytest.param(
        "update_container_group",
        ("web", ContainerGroupPatch(replicas=0)),
        "PATCH",
        f"{PROJECT}/web",
        {"replicas": 0},
        GROUP,
        "create",
    ),
    pytest.param("delete_container_group", ("web",), "DELETE", f"{PROJECT}/web", None, None, "delete"),
    pytest.param("start_container_group", ("web",), "POST", f"{PROJECT}/web/start", None, None, "create"),
    pytest.param("stop_container_group", ("web",), "POST", f"{PROJECT}/web/stop", None, None, "delete"),
    pytest.param(
        "list_container_group_instances",
        ("web",),
        "GET",
        f"{PROJECT}/web/instances",
        None,
        {"instances": []},
        "observe",
    ),
    pytest.param(
        "get_container_group_instance",
        ("web", UUID),
        "GET",
        f"{PROJECT}/web/instances/{UUID}",
        None,
        {"id": UUID},
        "observe",
    ),
    pytest.param(
        "update_container_group_instance",
        ("web", UUID, ContainerGroupInstancePatch(deletion_cost=7)),
        "PATCH",
        f"{PROJECT}/web/instances/{UUID}",
        {"deletion_cost": 7},
        {"id": UUID},
        "create",
    ),
    *(
        pytest.param(
            f"{action}_container_group_instance",
            ("web", UUID),
            "POST",
            f"{PROJECT}/web/instances/{UUID}/{action}",
            None,
            None,
            "create",
        )
        for action in ("reallocate", "recreate", "restart")
    ),
    pytest.param("get_system_logs", ("web",), "GET", f"{PROJECT}/web/system-logs", None, {"items": []}, "observe"),
    pytest.param(
        "query_log_entries",
        (LogEntryQuery(query="a = 1", start_time=TIME, end_time=TIME, page_size=100),),
        "POST",
        "/organizations/acme/log-entries",
        {
            "query": "a = 1",
            "start_time": "2026-01-02T03:04:05Z",
            "end_time": "2026-01-02T03:04:05Z",
            "page_size": 100,
        },
        {"items": []},
        "observe",
    ),
    pytest.param("list_gpu_classes", (), "GET", "/organizations/acme/gpu-classes", None, {"items": []}, "observe"),
    pytest.param(
        "get_quotas",
        (),
        "GET",
        "/organizations/acme/quotas",
        None,
        {"container_groups_quotas": {}},
        "observe",
    ),
    pytest.param(
        "get_cpu_availability",
        (CpuAvailabilityPrototype(cpu=2),),
        "POST",
        "/organizations/acme/availability/sce-cpu-availability",
        {"cpu": 2},
        {"on_call_cpu": 1},
        "observe",
    ),
    pytest.param(
        "get_gpu_availability",
        (GpuAvailabilityPrototype(gpu_classes=(UUID,)),),
        "POST",
        "/organizations/acme/availability/sce-gpu-availability",
        {"gpu_classes": [UUID]},
        {"on_call_gpu": 1},
        "observe",
    ),
]


@pytest.mark.parametrize(("operation", "arguments", "method", "path", "body", "answer", "request_class"), OPERATIONS)
async def test_an_operation_sends_what_the_document_says(
    operation: str,
    arguments: tuple[Any, ...],
    method: str,
    path: str,
    body: Any,
    answer: Any,
    request_class: str,
) -> None:
    seen: list[httpx2.Request] = []
    outcomes: list[RequestOutcome] = []
    described = document().operation(operation)

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        status = next(int(status) for status in described.responses if status.startswith("2"))
        return httpx2.Response(status, content=b"" if answer is None else msgspec.json.encode(answer))

    async with client_of(handler, observer=outcomes.append) as client:
        result = await getattr(client, operation)(*arguments)

    (request,) = seen
    assert (request.method, str(request.url)) == (method, PUBLIC_API_URL + path)
    assert (request.headers["Salad-Api-Key"], request.headers["User-Agent"]) == (API_KEY, "agent/1")
    assert (result is None) is (answer is None)
    if body is None:
        assert request.content == b""
    else:
        sent = msgspec.json.decode(request.content)
        assert body == "json" or sent == body
        assert described.request_violations(sent) == []
        assert described.request is not None
        assert request.headers["Content-Type"] == described.request.media_type
    (outcome,) = outcomes
    assert (outcome.call.operation, outcome.request_class, outcome.error) == (operation, request_class, None)


def test_every_operation_on_container_groups_has_a_method() -> None:
    wanted = {
        operation
        for operation in document().operations
        if not any(word in operation for word in ("queue", "inference", "webhook"))
    }
    assert wanted == {parameters.values[0] for parameters in OPERATIONS}


def answering(status: int, body: bytes = b"", **headers: str) -> Handler:
    return lambda _: httpx2.Response(status, content=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def failing(failure: type[httpx2.RequestError]) -> Handler:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise failure(f"lost {API_KEY}", request=request)

    return handler


def breaking_off(request: httpx2.Request) -> httpx2.Response:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"id": '
        raise httpx2.ReadError("gone", request=request)

    return httpx2.Response(200, content=body())


def badly_compressed(_: httpx2.Request) -> httpx2.Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"no gzip"

    return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, content=body())


async def create(client: SaladCloudClient) -> None:
    await client.create_container_group(prototype())


FAILURES = [
    pytest.param(failing(httpx2.ConnectError), NotSent, None, False, id="connection refused"),
    pytest.param(failing(httpx2.ConnectTimeout), NotSent, None, False, id="connect timed out"),
    pytest.param(failing(httpx2.PoolTimeout), NotSent, None, False, id="no free connection"),
    pytest.param(failing(httpx2.ProxyError), NotSent, None, False, id="proxy refused"),
    pytest.param(failing(httpx2.ReadTimeout), AnswerLost, None, True, id="read timed out"),
    pytest.param(failing(httpx2.WriteTimeout), AnswerLost, None, True, id="write timed out"),
    pytest.param(failing(httpx2.ReadError), AnswerLost, None, True, id="connection dropped"),
    pytest.param(failing(httpx2.RemoteProtocolError), AnswerLost, None, True, id="protocol broken"),
    pytest.param(breaking_off, AnswerLost, None, True, id="answer cut"),
    pytest.param(answering(200, b"<html>"), UnreadableAnswer, 200, True, id="200 HTML"),
    pytest.param(answering(200, b'{"id": "1"}'), UnreadableAnswer, 200, True, id="200 of another shape"),
    pytest.param(answering(200, b"{" + b" " * 2000), UnreadableAnswer, 200, True, id="too large"),
    pytest.param(badly_compressed, UnreadableAnswer, None, True, id="broken gzip"),
    pytest.param(answering(302, location="https://evil.test/"), UnreadableAnswer, 302, True, id="redirect"),
    pytest.param(answering(404, b"{}"), NotFound, 404, False, id="404"),
    pytest.param(answering(404, b"<html>"), UnreadableAnswer, 404, True, id="404 HTML"),
    pytest.param(answering(429), RateLimited, 429, False, id="429"),
    pytest.param(answering(500, b"<html>"), ServerError, 500, True, id="500"),
]


@pytest.mark.parametrize(("handler", "error", "status", "may_have_happened"), FAILURES)
async def test_each_failure_has_its_error(
    handler: Handler, error: type[SaladCloudError], status: int | None, may_have_happened: bool
) -> None:
    seen, _ = await outcome_of(handler, create, max_answer_bytes=1000)
    assert type(seen) is error
    assert (seen.status, seen.may_have_happened) == (status, may_have_happened)
    assert str(seen).startswith("create container group web: ")


@pytest.mark.parametrize(("handler", "error", "status", "may_have_happened"), FAILURES)
async def test_reading_never_has_an_effect(
    handler: Handler, error: type[SaladCloudError], status: int | None, may_have_happened: bool
) -> None:
    seen, _ = await outcome_of(handler, max_answer_bytes=1000)
    assert (type(seen), seen.may_have_happened) == (error, False)


@pytest.mark.parametrize(("handler", "error", "status", "may_have_happened"), FAILURES)
async def test_no_error_carries_the_api_key(
    handler: Handler, error: type[SaladCloudError], status: int | None, may_have_happened: bool
) -> None:
    def echoing(request: httpx2.Request) -> httpx2.Response | Awaitable[httpx2.Response]:
        response = handler(request)
        if isinstance(response, httpx2.Response) and response.status_code >= 400:
            text = msgspec.json.encode({"title": API_KEY, "detail": f"key {API_KEY}", "errors": [API_KEY]})
            return httpx2.Response(response.status_code, content=text)
        return response

    seen, _ = await outcome_of(echoing, create, max_answer_bytes=1000)
    assert isinstance(seen, SaladCloudError)
    assert seen.__cause__ is None
    assert seen.__context__ is None
    shown = "".join(traceback.format_exception(seen)) + repr(seen) + repr(vars(seen))
    assert API_KEY not in shown


async def test_values_of_the_environment_do_not_return_in_errors() -> None:
    handler = answering(400, b'{"detail": "PASSWORD=hunter2-hunter2 is bad", "errors": {"x": ["hunter2-hunter2"]}}')
    seen, _ = await outcome_of(handler, lambda c: c.create_container_group(prototype(PASSWORD="hunter2-hunter2")))
    assert isinstance(seen, InvalidRequest)
    assert "hunter2" not in str(seen) + repr(seen)


def test_a_hung_answer_ends_at_the_deadline() -> None:
    async def hanging(_: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(3600)
        return httpx2.Response(200)

    async def test() -> None:
        began = asyncio.get_running_loop().time()
        seen, _ = await outcome_of(hanging, create, deadline_s=60)
        assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=0.1)
        assert isinstance(seen, AnswerLost)
        assert seen.may_have_happened

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(test())


INVALID: list[Any] = [
    pytest.param(lambda c: c.create_container_group(prototype("W")), {"name"}, id="name in a body"),
    pytest.param(
        lambda c: c.create_container_group(prototype(FOO="a\n", BAR="b" * 1001)),
        {"container.environment_variables.FOO", "container.environment_variables.BAR"},
        id="environment",
    ),
    pytest.param(lambda c: c.get_container_group("../quotas"), {"container_group_name"}, id="name in a path"),
    pytest.param(lambda c: c.get_container_group(""), {"container_group_name"}, id="empty name"),
    pytest.param(lambda c: c.get_container_group_instance("web", "1"), {"container_group_instance_id"}, id="id"),
    pytest.param(lambda c: c.update_container_group("web", ContainerGroupPatch(replicas=-1)), {"replicas"}, id="patch"),
    pytest.param(
        lambda c: c.query_log_entries(LogEntryQuery(query="x" * 20_001, start_time=TIME, end_time=TIME, page_size=101)),
        {"query", "page_size"},
        id="log query",
    ),
]


@pytest.mark.parametrize(("operation", "paths"), INVALID)
async def test_what_the_document_forbids_is_not_sent_and_costs_nothing(operation: Operation, paths: set[str]) -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        raise AssertionError("nothing may be sent")

    seen, client = await outcome_of(handler, operation)
    assert isinstance(seen, InvalidRequest)
    assert {field.path for field in seen.fields} == paths
    assert (seen.status, seen.may_have_happened, seen.decided) == (None, False, True)
    assert sum(client.budget.snapshot().granted.values()) == 0


async def test_an_organization_that_the_document_forbids_is_told() -> None:
    seen, _ = await outcome_of(answering(200), organization="Acme/..")
    assert isinstance(seen, InvalidRequest)
    assert seen.fields == (Violation("organization_name", "does not match ^[a-z][a-z0-9-]{0,61}[a-z0-9]$"),)


@pytest.mark.parametrize(
    ("handler", "throttlings", "pause"),
    [
        pytest.param(answering(429, retry_after="30"), 1, 30, id="429 with Retry-After"),
        pytest.param(answering(429), 1, 5, id="429 without"),
        pytest.param(answering(503, retry_after="30"), 1, 30, id="503 with Retry-After"),
        pytest.param(answering(503), 0, 0, id="503 without"),
    ],
)
async def test_a_throttled_request_shrinks_the_budget(handler: Handler, throttlings: int, pause: float) -> None:
    _, client = await outcome_of(handler)
    snapshot = client.budget.snapshot()
    assert snapshot.throttlings == throttlings
    assert snapshot.paused_for == pytest.approx(pause, abs=0.5)


async def test_a_request_is_sent_once_in_the_class_that_was_asked_for() -> None:
    outcomes: list[RequestOutcome] = []
    seen, client = await outcome_of(
        answering(500),
        lambda c: c.get_container_group("web", request_class=RequestClass.INTERACTIVE),
        observer=outcomes.append,
    )
    assert client.budget.snapshot().granted[RequestClass.INTERACTIVE] == 1
    (outcome,) = outcomes
    assert (outcome.status, outcome.error, outcome.request_class) == (500, seen, RequestClass.INTERACTIVE)
    assert outcome.seconds >= 0 <= outcome.waited


async def test_a_success_that_cannot_be_read_is_observed_as_an_error() -> None:
    outcomes: list[RequestOutcome] = []
    seen, _ = await outcome_of(answering(200, b"<html>"), observer=outcomes.append)
    assert [(outcome.status, outcome.error) for outcome in outcomes] == [(200, seen)]


@pytest.mark.parametrize("key", ["", "key\n", "a key", "schlüssel"])
async def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="API key") as caught:
        await _construct(api_key=key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "api.salad.com",
        "ftp://api.salad.com",
        "https://",
        "https://u:p@a.test",
        "https://a.test/?x=1",
        "https://[::1",
    ],
)
async def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the standard library words some of them)
        await _construct(api_url=url)


async def _construct(**options: Any) -> None:
    async with http_client("agent/1") as http:
        settings = {"api_key": API_KEY, "organization": "acme", "project": "default", **options}
        SaladCloudClient(http, budget=RequestBudget(lambda: 0.0), **settings)


async def test_a_url_may_end_in_a_slash() -> None:
    seen: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200, json=GROUP)

    await outcome_of(handler, api_url="http://127.0.0.1:8080/api/public/")
    assert seen == [f"http://127.0.0.1:8080/api/public{PROJECT}/web"]


async def test_a_connection_has_a_time_out_on_everything() -> None:
    async with http_client("agent/1") as http:
        timeout = http.timeout
        assert (timeout.connect, timeout.read, timeout.write, timeout.pool) == (5, 30, 30, 30)
        assert http.follow_redirects is False
