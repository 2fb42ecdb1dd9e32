"""Request bodies: bounded, JSON, and valid by the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from starlette.requests import Request

from scvk.saladcloud.models.document import Operation
from scvk.simulator.api.pruning import prune
from scvk.simulator.problems import InvalidRequest, TooLarge, UnsupportedMedia

# More than a pod can be (1.5 MB), whose environment a request repeats; checking a larger one would hold up all others.
LARGEST_BODY = 2 * 1024 * 1024
_JSON_TYPES = ("application/json", "application/merge-patch+json")
_MOST_ERRORS = 50


async def read_body(request: Request, operation: Operation) -> Any:
    """The decoded and valid body of a request, without members that the document does not know.

    Raises TooLarge, UnsupportedMedia, InvalidRequest.
    """
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type not in _JSON_TYPES:
        raise UnsupportedMedia(f"The body must be JSON, not {media_type[:100]}.")
    body = _decode(await _read(request))
    violations = operation.request_violations(body)
    if violations:
        errors: dict[str, list[str]] = {}
        for violation in violations[:_MOST_ERRORS]:
            errors.setdefault(violation.path or "body", []).append(violation.message)
        raise InvalidRequest("; ".join(map(str, violations[:_MOST_ERRORS])), errors)
    return body if operation.request is None else prune(operation.request.schema, body)


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise TooLarge(f"The body is larger than {LARGEST_BODY} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def _decode(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_number)
        # A lone surrogate (\ud800) is JSON, but no text: it could not be answered again.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        # The error's text could repeat a secret of the body; its class and place are enough.
        where = f" at position {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidRequest.at("body", f"is no JSON{where}") from None
    return value


def _number(text: str) -> int | float:
    """`1.0` is a whole number, in JSON Schema as in answers: clients with strict types read no `1.0` for it."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
