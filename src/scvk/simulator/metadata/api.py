"""The metadata service's routes, as SaladCloud's "SaladCloud IMDS" OpenAPI document 0.9.0-alpha.3 has them.

GET  /v1/status          {"ready": bool, "started": bool}
GET  /v1/deletion-cost   {"deletion_cost": int}
PUT  /v1/deletion-cost   the same; 204
POST /v1/reallocate      {"reason": text of 1 to 1000 characters}; 204
POST /v1/recreate        204
POST /v1/restart         204
GET  /v1/token           404: the simulator issues no identity

Every request needs the header `Metadata: true` and must not have been forwarded, else 403. Errors are
`application/problem+json`. The request's state holds the `instance`, and `later`, which
calls a function when the answer is out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from scvk.simulator.cloud.events import InstanceEvent
from scvk.simulator.cloud.instance import Instance

_FORBIDDEN_HEADERS = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
_LARGEST_BODY = 65536


class DeletionCost(msgspec.Struct, frozen=True):
    """`DeletionCost`."""

    deletion_cost: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Reallocate(msgspec.Struct, frozen=True):
    """`ReallocatePrototype`."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


def metadata_app() -> Starlette:
    """The application for all instances."""
    return Starlette(
        routes=[
            Route("/v1/status", _guarded(_status), methods=["GET"]),
            Route("/v1/deletion-cost", _guarded(_get_deletion_cost), methods=["GET"]),
            Route("/v1/deletion-cost", _guarded(_replace_deletion_cost), methods=["PUT"]),
            Route("/v1/reallocate", _guarded(_reallocate), methods=["POST"]),
            Route("/v1/recreate", _guarded(_recreate), methods=["POST"]),
            Route("/v1/restart", _guarded(_restart), methods=["POST"]),
            Route("/v1/token", _guarded(_token), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_problem},
    )


Handler = Callable[[Request, Instance], Awaitable[Response]]


def _guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        if request.headers.get("metadata", "").lower() != "true":
            return _problem(403, "The header 'Metadata: true' is missing.")
        if any(name in request.headers for name in _FORBIDDEN_HEADERS):
            return _problem(403, "Forwarded requests are not answered.")
        try:
            return await handler(request, request.state.instance)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except (msgspec.MsgspecError, UnicodeError) as error:
            return _problem(400, str(error))

    return serve


async def _status(_request: Request, instance: Instance) -> Response:
    probes = instance.definition.probes
    started = instance.started or probes.startup is None
    ready = started if probes.readiness is None else instance.ready
    return _json({"ready": ready, "started": started})


async def _get_deletion_cost(_request: Request, instance: Instance) -> Response:
    return _json(DeletionCost(instance.deletion_cost))


async def _replace_deletion_cost(request: Request, instance: Instance) -> Response:
    instance.deletion_cost = msgspec.json.decode(await _body(request), type=DeletionCost).deletion_cost
    return Response(status_code=204)


async def _reallocate(request: Request, instance: Instance) -> Response:
    msgspec.json.decode(await _body(request), type=Reallocate)
    request.state.later(lambda: instance.interrupt(InstanceEvent.REALLOCATED_BY_USER))
    return Response(status_code=204)


async def _recreate(request: Request, instance: Instance) -> Response:
    request.state.later(instance.recreate)
    return Response(status_code=204)


async def _restart(request: Request, instance: Instance) -> Response:
    request.state.later(instance.restart)
    return Response(status_code=204)


async def _token(_request: Request, _instance: Instance) -> Response:
    return _problem(404, "The simulator issues no identity tokens.")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise msgspec.ValidationError(f"the body is larger than {_LARGEST_BODY} bytes")
    return body


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _problem(status: int, detail: str) -> Response:
    phrase = HTTPStatus(status).phrase
    code = phrase.lower().replace(" ", "-")
    body = {"type": "about:blank", "title": phrase, "status": status, "code": code, "detail": detail}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


def _http_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, error.detail)
