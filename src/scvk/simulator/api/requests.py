"""The log of requests: what clients asked for, without their secrets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from scvk.simulator.logs.entries import format_time

_KEPT = 20_000


@dataclass(slots=True)
class LoggedRequest:
    """One request.

    `api_key` is the key's index in the configuration, None without a valid one; `status` is None while it is
    not answered, or when it never was.
    """

    number: int
    time: datetime
    method: str
    path: str
    operation: str | None
    api_key: int | None = None
    status: int | None = None
    fault: str | None = None

    def render(self) -> dict[str, Any]:
        """For the control API."""
        return {
            "number": self.number,
            "time": format_time(self.time),
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "api_key": self.api_key,
            "status": self.status,
            "fault": self.fault,
        }


class RequestLog:
    """The newest requests; numbers rise for ever, also over a `clear`."""

    def __init__(self) -> None:
        self._requests: deque[LoggedRequest] = deque(maxlen=_KEPT)
        self._next_number = 0

    def begin(self, time: datetime, method: str, path: str, operation: str | None) -> LoggedRequest:
        """Note a request; the caller fills in what becomes of it."""
        self._next_number += 1
        request = LoggedRequest(self._next_number, time, method, path, operation)
        self._requests.append(request)
        return request

    def since(self, number: int = 0) -> list[LoggedRequest]:
        """Requests with a number above `number`, oldest first."""
        newer = list(takewhile(lambda request: request.number > number, reversed(self._requests)))
        newer.reverse()
        return newer

    def clear(self) -> None:
        """Forget all."""
        self._requests.clear()
