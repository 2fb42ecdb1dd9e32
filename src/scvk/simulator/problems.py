"""Refusals, in the form the API answers them: the `ProblemDetails` object of the OpenAPI document.

Problem
├── InvalidRequest    400, names the fields
├── NameConflict      400, `type: name_conflict`
├── QuotaExceeded     400
├── Unauthorized      401
├── Forbidden         403
├── NotFound          404
├── MethodNotAllowed  405
├── TooLarge          413
├── UnsupportedMedia  415
└── TooManyRequests   429, with `Retry-After`
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

_PHRASES = {int(known): known.phrase for known in HTTPStatus}
_LONGEST_DETAIL = 2000  # `ProblemDetails.detail`, OpenAPI document


class Problem(Exception):
    """A refusal. `errors` maps a field's path in the request body to what is wrong with it."""

    status = 500
    kind = "about:blank"

    def __init__(self, detail: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail[:_LONGEST_DETAIL]
        self.errors = errors

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        return {}

    def render(self) -> dict[str, Any]:
        """The answer's body."""
        return problem_body(self.status, self.detail, self.kind, self.errors)


def problem_body(
    status: int, detail: str, kind: str = "about:blank", errors: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """A `ProblemDetails` object; `errors` is an addition, as ASP.NET makes it for validation problems."""
    body: dict[str, Any] = {
        "type": kind,
        "title": _PHRASES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = {path: list(messages) for path, messages in errors.items()}
    return body


class InvalidRequest(Problem):
    """The body breaks a rule."""

    status = 400
    kind = "invalid_request"

    @classmethod
    def at(cls, path: str, message: str) -> InvalidRequest:
        """One field's problem."""
        return cls(f"{path or 'body'}: {message}", {path: [message]})


class NameConflict(Problem):
    """The name was used before in this project."""

    status = 400
    kind = "name_conflict"


class QuotaExceeded(Problem):
    """More replicas than the organization may have."""

    status = 400
    kind = "quota_exceeded"


class Unauthorized(Problem):
    """No API key, or an unknown one."""

    status = 401
    kind = "unauthorized"


class Forbidden(Problem):
    """An organization that does not exist or is not the key's: the answer does not tell which."""

    status = 403
    kind = "forbidden"


class NotFound(Problem):
    """No such thing."""

    status = 404
    kind = "not_found"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    kind = "method_not_allowed"


class TooLarge(Problem):
    """A body beyond what the service reads."""

    status = 413
    kind = "too_large"


class UnsupportedMedia(Problem):
    """A body that does not claim to be JSON."""

    status = 415
    kind = "unsupported_media_type"


class TooManyRequests(Problem):
    """The key's minute, or an action's, is used up; `retry_after_s` is when it will not be."""

    status = 429
    kind = "too_many_requests"

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` in whole seconds, at least 1."""
        return {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))}
