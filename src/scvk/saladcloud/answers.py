"""What an answer means: a value, or which error. Decided once, here, from status, headers and body.

The rule behind the table: only a JSON object is the platform speaking. Anything else (HTML, an empty 404)
may come from an edge, a proxy or a wrong URL, and says nothing about the object.

    status        JSON object                                anything else
    429           RateLimited                                RateLimited
    5xx 408 425   ServerError                                ServerError
    401           Unauthorized                               Unauthorized if empty, else UnreadableAnswer
    403           QuotaExceeded if about a quota, else Un-   Unauthorized if empty, else UnreadableAnswer
                  authorized
    404           NotFound                                   UnreadableAnswer
    400 409 422   NameConflict if `type` says so, Quota-     UnreadableAnswer
                  Exceeded if about a quota, else
                  InvalidRequest (409: Refused)
    other 4xx     Refused                                    UnreadableAnswer
    1xx 2xx 3xx   UnreadableAnswer: not what was asked for   UnreadableAnswer
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from scvk.saladcloud.errors import (
    Call,
    InvalidRequest,
    NameConflict,
    NotFound,
    QuotaExceeded,
    RateLimited,
    Refused,
    SaladCloudError,
    ServerError,
    Unauthorized,
    UnreadableAnswer,
    Words,
)
from scvk.saladcloud.models import Violation
from scvk.saladcloud.retry_after import retry_after_seconds
from scvk.saladcloud.wording import one_line

T = TypeVar("T")

MAX_FIELDS = 50
"""How many wrong fields are taken from a problem."""
_FIELD_PATHS = ("path", "field", "pointer", "name", "property", "propertyName")
_FIELD_MESSAGES = ("message", "detail", "error", "errorMessage", "description")
_TITLE = re.compile(rb"<title[^>]*>(.{1,300}?)</title", re.IGNORECASE | re.DOTALL)


def value_of(call: Call, status: int, body: bytes, type_: type[T], *, secrets: Collection[str] = ()) -> T:
    """Return a successful answer's body as `type_`. Raises UnreadableAnswer where it is none."""
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        reason = one_line(f"not of the expected shape: {error}", secrets=secrets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reason = _no_json(body, secrets)
    raise UnreadableAnswer(call, status=status, reason=reason)


def checked_acceptance(call: Call, status: int, body: bytes) -> None:
    """Accept the answer of an action, which needs no body. Raises UnreadableAnswer for a page of an edge."""
    if body.strip() and not _is_json(body):
        raise UnreadableAnswer(call, status=status, reason=_no_json(body, ()))


def error_of(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    secrets: Collection[str] = (),
) -> SaladCloudError:
    """Return the error that an answer means which is no success.

    `headers` has lower-case names, or is case-insensitive. `now` is aware, for a Retry-After that is a
    date. None of `secrets` (the API key, values of the request) stands in the error's texts, even if the
    answer repeats them.
    """
    problem = _json_object(body)
    words = _words(problem or {}, secrets)
    if status == 429:
        return RateLimited(call, retry_after_seconds(headers.get("retry-after"), now), status=status, words=words)
    if status >= 500 or status in {408, 425}:
        if problem is None:
            words = Words(title=_html_title(body, secrets))
        return ServerError(call, retry_after_seconds(headers.get("retry-after"), now), status=status, words=words)
    if status in {401, 403} and problem is None and not body.strip():
        return Unauthorized(call, status=status)
    if status < 400 or problem is None:
        return UnreadableAnswer(call, status=status, reason=_not_asked_for(status, problem, body, secrets))
    return _judgement(call, status, problem, words, secrets)


def _judgement(
    call: Call, status: int, problem: Mapping[str, Any], words: Words, secrets: Collection[str]
) -> SaladCloudError:
    if status == 404:
        return NotFound(call, status=status, words=words)
    if status != 401 and _about_a_quota(problem):
        return QuotaExceeded(call, status=status, words=words)
    if status in {401, 403}:
        return Unauthorized(call, status=status, words=words)
    if status in {400, 409, 422} and _is_name_conflict(problem):
        return NameConflict(call, status=status, words=words)
    if status in {400, 422}:
        return InvalidRequest(call, _fields(problem.get("errors"), secrets), status=status, words=words)
    return Refused(call, status=status, words=words)


def _json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _words(problem: Mapping[str, Any], secrets: Collection[str]) -> Words:
    type_, title, detail, message = (
        one_line(problem.get(key), secrets=secrets) for key in ("type", "title", "detail", "message")
    )
    return Words(type_, title, detail or message)


def _is_name_conflict(problem: Mapping[str, Any]) -> bool:
    # The document does not say how `type` is spelt in full: "name_conflict", or the end of a URI.
    return "name_conflict" in str(problem.get("type", "")).lower().replace("-", "_")


def _about_a_quota(problem: Mapping[str, Any]) -> bool:
    # No documented type either: the word is looked for in all three texts. To take another refusal for a
    # quota's only costs a hint; both are decisions, and both are tried again later.
    return any("quota" in str(problem.get(key, "")).lower() for key in ("type", "title", "detail"))


def _fields(errors: Any, secrets: Collection[str]) -> tuple[Violation, ...]:
    """Read `errors` of a problem: `{path: [message, …]}` as ASP.NET has it, or a list of objects or texts."""
    found: list[Violation] = []
    for path, message in _pairs(errors):
        if len(found) == MAX_FIELDS:
            break
        found.append(Violation(one_line(path, secrets=secrets), one_line(message, secrets=secrets) or "invalid"))
    return tuple(found)


def _pairs(errors: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(errors, dict):
        for path, messages in errors.items():
            for message in messages if isinstance(messages, list) else [messages]:
                yield str(path).removeprefix("$."), message
    elif isinstance(errors, list):
        for item in errors:
            if isinstance(item, dict):
                yield _first_text(item, _FIELD_PATHS), _first_text(item, _FIELD_MESSAGES)
            else:
                yield "", item


def _first_text(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((item[key] for key in keys if isinstance(item.get(key), str)), "")


def _not_asked_for(status: int, problem: object, body: bytes, secrets: Collection[str]) -> str:
    if 300 <= status < 400:
        return "a redirect, which is not followed: check the API's URL"
    return _no_json(body, secrets) if problem is None else "not what was asked for"


def _no_json(body: bytes, secrets: Collection[str]) -> str:
    if not body.strip():
        return "an empty body"
    if body.lstrip()[:1] == b"<":
        title = _html_title(body, secrets)
        return f"an HTML page, {title!r}" if title else "an HTML page"
    return "no JSON object" if _is_json(body) else "broken JSON"


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _html_title(body: bytes, secrets: Collection[str]) -> str:
    found = _TITLE.search(body[:65536])
    return one_line(found[1].decode(errors="replace"), secrets=secrets) if found else ""
