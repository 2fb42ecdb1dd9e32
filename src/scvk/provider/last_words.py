"""What a program said at its end, read from its log: the message and the reason that its pod shows.

As a kubelet does it: the termination message that the start-up wrapper handed over comes first; where there is none,
the program failed and the pod says `FallbackToLogsOnError`, the end of the log: 80 lines and 2 KiB at most
(pkg/kubelet/container/runtime.go and kuberuntime_container.go, read at v1.37.2). A wrapper that failed
says so in a line of its own: then the program never ran, and the pod shows CreateContainerError.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lightkube.models.core_v1 import Container

from scvk.provider.annotations import TERMINATION_MESSAGE
from scvk.provider.program_log.lines import text_of
from scvk.provider.translate.start_up import (
    START_UP_FAILED_EXIT_CODE,
    failure_of,
    is_wrapper_line,
    termination_message_of,
)
from scvk.provider.translate.termination_path import DEFAULT_PATH
from scvk.saladcloud.models import ContainerGroup, LogEntry

CREATE_ERROR = "CreateContainerError"

MOST_LINES = 80
MOST_LOG_BYTES = 2048
MOST_MESSAGE_BYTES = 4096
_FALLBACK = "FallbackToLogsOnError"
_WRAPPER_VARIABLES = "SCVK_START_UP_"


@dataclass(frozen=True, slots=True)
class LastWords:
    """What the log told of one end. `message` is empty where it told nothing that belongs on the pod.

    `failure` is why the start-up wrapper could not start the program, or an init container failed.
    """

    message: str = field(default="", repr=False)
    failure: str = ""
    exit_code: int | None = None

    @property
    def never_ran(self) -> bool:
        """Whether it was the wrapper that failed, and not what it ran."""
        return bool(self.failure) and self.exit_code == START_UP_FAILED_EXIT_CODE


@dataclass(frozen=True, slots=True)
class FailedInit:
    """An init container that ended otherwise than with 0."""

    name: str
    exit_code: int


def failed_init_of(failure: str) -> FailedInit | None:
    """Return the init container that a wrapper's failure speaks of, None where it is about something else."""
    found = _INIT.search(failure)
    return FailedInit(found[1], int(found[2])) if found else None


_INIT = re.compile(r"the init container ([a-z0-9-]{1,63}) ended with exit code ([0-9]{1,3})\b")


@dataclass(frozen=True, slots=True)
class Wish:
    """Why the log of an end is to be read. `worth_waiting`: the pod's end is not told before, for a while."""

    worth_waiting: bool


def wish_of(container: Container, group: ContainerGroup, annotations: dict[str, str], exit_code: int) -> Wish | None:
    """Say whether the log of an end may tell something that belongs on the pod; None where it cannot."""
    collects = (container.terminationMessagePath or DEFAULT_PATH) != DEFAULT_PATH
    wanted = annotations.get(TERMINATION_MESSAGE.key, "").strip().lower()
    collects = wanted == "true" or (collects and wanted != "false")
    wrapped = any(name.startswith(_WRAPPER_VARIABLES) for name in group.container.environment_variables or ())
    if exit_code != 0 and (wrapped or container.terminationMessagePolicy == _FALLBACK):
        return Wish(worth_waiting=True)
    # A default of the namespace may collect it too: that is worth a look, and no waiting.
    return Wish(worth_waiting=collects) if wrapped else None


def last_words(entries: Sequence[LogEntry], container: Container, exit_code: int) -> LastWords:
    """Return what the entries of one run, the oldest first, tell of its end."""
    lines = [text_of(entry) for entry in entries]
    failures = [failure for line in lines if (failure := failure_of(line)) is not None] if exit_code != 0 else []
    message = (termination_message_of(lines) or "").encode()[-MOST_MESSAGE_BYTES:].decode("utf-8", "ignore")
    if not message and exit_code != 0 and container.terminationMessagePolicy == _FALLBACK:
        own = [line for line in lines if not is_wrapper_line(line)][-MOST_LINES:]
        message = "\n".join(own).encode()[-MOST_LOG_BYTES:].decode("utf-8", "ignore")
    return LastWords(message, failures[-1] if failures else "", exit_code)


def told_anything(words: LastWords) -> bool:
    """Say whether the log told something: entries come late, so that silence may be no answer yet."""
    return bool(words.message or words.failure)
