"""The capability of a provider to show what a pod's program wrote: what `kubectl logs` stands on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lightkube.resources.core_v1 import Pod


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What is asked for.

    `tail_lines`: only so many of the last lines (0: none); None: all. `since`: none that are older. `follow`: go on
    with new lines until the container has ended. `previous`: of the run before, if there was one.
    """

    container: str
    tail_lines: int | None = None
    since: datetime | None = None
    follow: bool = False
    previous: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, without its line break."""

    time: datetime
    text: str = field(repr=False)


class NoLog(Exception):
    """There is no log to show; the text says why, in words for the user. No fault of anybody's: HTTP 400."""


class LogSource(Protocol):
    """A provider whose pods have logs."""

    def logs(self, pod: Pod, request: LogRequest, latest: Callable[[], Pod | None]) -> AsyncGenerator[LogLine, None]:
        """Yield lines in the order of their time, each once; those that come late come when they come.

        `latest` returns the pod as it is now, None when it is gone: a follower ends by it. Raises NoLog before the
        first line, and TemporaryProviderError when the cloud does not answer. To be closed when it is left early.
        """
        ...
