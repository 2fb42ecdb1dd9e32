"""Where a container's output is sent besides SaladCloud's own log entries: one of six sinks.

Tokens, passwords and header values are hidden in `repr`. All fields may be missing when read, since an
answer may keep credentials to itself; each docstring says what a request requires. Strings have 1 to 1000
characters.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from scvk.saladcloud.models.base import Model


class HttpSinkFormat(StrEnum):
    """How log lines are written to an HTTP sink: the members known today."""

    JSON = "json"
    JSON_LINES = "json_lines"


class HttpSinkCompression(StrEnum):
    """How bodies sent to an HTTP sink are compressed: the members known today."""

    NONE = "none"
    GZIP = "gzip"


class AxiomSink(Model, frozen=True, kw_only=True):
    """Axiom: all three fields are required."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"api_token"})

    api_token: str | None = None
    dataset: str | None = None
    host: str | None = None


class DatadogTag(Model, frozen=True, kw_only=True):
    """A Datadog tag: both fields are required."""

    name: str | None = None
    value: str | None = None


class DatadogSink(Model, frozen=True, kw_only=True):
    """Datadog: all three fields are required, with at most 1000 tags."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"api_key"})

    api_key: str | None = None
    host: str | None = None
    tags: tuple[DatadogTag, ...] | None = None


class HttpSinkHeader(Model, frozen=True, kw_only=True):
    """A header of the requests to an HTTP sink: both fields are required."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"value"})

    name: str | None = None
    value: str | None = None


class HttpSink(Model, frozen=True, kw_only=True):
    """An HTTP endpoint: `host`, `port`, `format`, `compression` required; in an update `headers` too."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"password"})

    compression: str | None = None
    format: str | None = None
    headers: tuple[HttpSinkHeader, ...] | None = None
    host: str | None = None
    password: str | None = None
    path: str | None = None
    port: int | None = None
    user: str | None = None


class NewRelicSink(Model, frozen=True, kw_only=True):
    """New Relic: both fields are required."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"ingestion_key"})

    host: str | None = None
    ingestion_key: str | None = None


class SplunkSink(Model, frozen=True, kw_only=True):
    """Splunk's HTTP event collector: both fields are required."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"token"})

    host: str | None = None
    token: str | None = None


class TcpSink(Model, frozen=True, kw_only=True):
    """A TCP endpoint: both fields are required, `port` 1 to 65535."""

    host: str | None = None
    port: int | None = None


class ContainerLogging(Model, frozen=True, kw_only=True):
    """The sink of a container: at most one of the six."""

    axiom: AxiomSink | None = None
    datadog: DatadogSink | None = None
    http: HttpSink | None = None
    new_relic: NewRelicSink | None = None
    splunk: SplunkSink | None = None
    tcp: TcpSink | None = None
