"""The start-up wrapper: a small shell script that gives a program what SaladCloud's create request cannot.

SaladCloud has one command, variables of 1 to 1000 characters in one line, and no volumes. Where a pod needs more, the
command becomes `/bin/sh -c …` and the rest travels in variables `SCVK_START_UP_…`: the script rebuilds files and
variables and then becomes the program (`exec`), so that PID 1, signals and exit code stay the program's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scvk.provider.translate.start_up_log import (
    START_UP_FAILED_EXIT_CODE,
    failure_of,
    is_wrapper_line,
    termination_message_of,
)
from scvk.provider.translate.start_up_plan import (
    DirectoryLink,
    InitStep,
    StartUp,
    StartUpFile,
    TerminationMessage,
)

__all__ = [
    "START_UP_FAILED_EXIT_CODE",
    "DirectoryLink",
    "InitStep",
    "StartUp",
    "StartUpFile",
    "TerminationMessage",
    "Wrapped",
    "WrapperTooLarge",
    "failure_of",
    "is_reserved",
    "is_wrapper_line",
    "needs_wrapper",
    "termination_message_of",
    "wrap",
]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A command and variables within SaladCloud's limits that do what was asked.

    `secret_variables` are names in `environment`, those of the wrapper included. `size_bytes` is what the wrapper adds
    to the group. `tools` are the programs that the image must have.
    """

    command: tuple[str, ...] = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    secret_variables: frozenset[str]
    size_bytes: int
    tools: tuple[str, ...] = ("/bin/sh",)


@dataclass(frozen=True, slots=True)
class WrapperTooLarge:
    """The wrapper would add more to the group than the operator allows."""

    size_bytes: int
    limit_bytes: int


def is_reserved(name: str) -> bool:
    """Say whether a variable's name is the wrapper's own; a pod that sets one gets it through all the same."""
    raise NotImplementedError


def needs_wrapper(start_up: StartUp) -> tuple[str, ...]:
    """Say in short words why a plain command and plain variables do not do; empty where they do.

    `start_up.argv` may be empty here, for the image's own command.
    """
    raise NotImplementedError


def wrap(start_up: StartUp, *, limit_bytes: int) -> Wrapped | WrapperTooLarge:
    """Return the command and the variables of the group. Deterministic; `start_up.argv` must not be empty."""
    raise NotImplementedError
