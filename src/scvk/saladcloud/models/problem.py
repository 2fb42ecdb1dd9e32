"""Problem details: how the platform says no (RFC 9457, and the `errors` object that ASP.NET adds to it)."""

from __future__ import annotations

from typing import Any

from scvk.saladcloud.models.base import Model


class ProblemDetails(Model, frozen=True, kw_only=True):
    """The body of an error. Nothing is required; `errors` (of any shape) is about single fields."""

    detail: str | None = None
    errors: Any = None
    instance: str | None = None
    status: int | None = None
    title: str | None = None
    type: str | None = None
