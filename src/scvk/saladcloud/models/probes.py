"""Startup, liveness and readiness probes of a container.

The document asks for all five numbers of a probe in a request; exactly one of the four handlers is given, a
rule that the document does not state. Header values are hidden in `repr`: they carry tokens.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from scvk.saladcloud.models.base import Model


class ProbeScheme(StrEnum):
    """The schemes of an HTTP probe known today."""

    HTTP = "http"
    HTTPS = "https"


class ProbeHttpHeader(Model, frozen=True, kw_only=True):
    """One header of an HTTP probe: name of 1 to 256, value of 1 to 1024 characters."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"value"})

    name: str | None = None
    value: str | None = None


class ProbeHttp(Model, frozen=True, kw_only=True):
    """A GET request: all four fields are required in requests, with 1 to 50 headers."""

    headers: tuple[ProbeHttpHeader, ...] | None = None
    path: str | None = None
    port: int | None = None
    scheme: str | None = None


class ProbeTcp(Model, frozen=True, kw_only=True):
    """A TCP connection to `port`, 0 to 65535."""

    port: int | None = None


class ProbeGrpc(Model, frozen=True, kw_only=True):
    """The gRPC health check of `service` (may be empty) at `port`: both required in requests."""

    port: int | None = None
    service: str | None = None


class ProbeExec(Model, frozen=True, kw_only=True):
    """A command of 1 to 100 items of 1 to 2048 characters: status 0 is success."""

    command: tuple[str, ...] | None = None


class Probe(Model, frozen=True, kw_only=True):
    """A startup, liveness or readiness probe.

    In a request all five numbers are required: `failure_threshold` 1 to 20, `initial_delay_seconds` 0 to
    1200, `period_seconds` 1 to 120, `success_threshold` 1 to 10, `timeout_seconds` 1 to 60.
    """

    exec: ProbeExec | None = None
    failure_threshold: int | None = None
    grpc: ProbeGrpc | None = None
    http: ProbeHttp | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    tcp: ProbeTcp | None = None
    timeout_seconds: int | None = None
