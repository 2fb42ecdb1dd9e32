"""The start-up wrapper: a small shell script that gives a program what SaladCloud's create request cannot.

SaladCloud has one command, variables of 1 to 1000 characters in one line, and no volumes. Where a pod needs more, the
command becomes `/bin/sh -c …` and the rest travels in variables `SCVK_START_UP_…`: the script rebuilds files and
variables and then becomes the program (`exec`), so that PID 1, signals and exit code stay the program's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from scvk.provider.translate.start_up_chunks import chunks_of
from scvk.provider.translate.start_up_log import (
    START_UP_FAILED_EXIT_CODE,
    failure_of,
    is_wrapper_line,
    program_part_of,
    termination_message_of,
)
from scvk.provider.translate.start_up_plan import (
    DirectoryLink,
    InitStep,
    StartUp,
    StartUpFile,
    TerminationMessage,
)
from scvk.provider.translate.start_up_script import Statement, script_of, stays_plain
from scvk.provider.translate.start_up_shell import CHUNK_PREFIX, FIND_ENV, MESSAGE, NEED_BASE64, bootstrap
from scvk.provider.translate.start_up_values import MAX_ITEMS, fits, is_reserved

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
    "program_part_of",
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


def needs_wrapper(start_up: StartUp) -> tuple[str, ...]:
    """Say in short words why a plain command and plain variables do not do; empty where they do.

    `start_up.argv` may be empty here, for the image's own command.
    """
    return tuple(_reasons(start_up))


def _reasons(start_up: StartUp) -> Iterator[str]:
    if start_up.files:
        yield "files"
    if start_up.directories or start_up.links:
        yield "directories"
    if start_up.working_dir is not None:
        yield "a working directory"
    if start_up.init_steps:
        yield "init containers"
    if start_up.post_start is not None:
        yield "a postStart hook"
    if start_up.termination_message is not None:
        yield "a termination message"
    if len(start_up.argv) > MAX_ITEMS:
        yield f"more than {MAX_ITEMS} arguments"
    if not all(map(fits, start_up.argv)):
        yield "an argument that is empty, too long or has line breaks"
    for name, value in start_up.environment.items():
        if not fits(value):
            yield f"the variable {name}, whose value is empty, too long or has line breaks"


def wrap(start_up: StartUp, *, limit_bytes: int) -> Wrapped | WrapperTooLarge:
    """Return the command and the variables of the group. Deterministic; `start_up.argv` must not be empty."""
    if not start_up.argv:
        raise ValueError("A wrapper needs to know what to run")
    argv = start_up.argv
    argv_in_command = len(argv) + len(_SHELL) + 2 <= MAX_ITEMS and all(map(fits, argv))
    script = script_of(start_up, argv_in_command=argv_in_command)
    chunks = chunks_of(script)
    added = (*_SHELL, bootstrap(len(chunks)), _SHELL_NAME)
    variables = {f"{CHUNK_PREFIX}{index}": chunk.text for index, chunk in enumerate(chunks)}
    # The script is ASCII: its characters are its bytes.
    size_bytes = sum(map(len, added)) + sum(len(name) + len(text) for name, text in variables.items())
    if size_bytes > limit_bytes:
        return WrapperTooLarge(size_bytes, limit_bytes)
    plain = {name: value for name, value in start_up.environment.items() if stays_plain(name, value)}
    return Wrapped(
        command=added + argv if argv_in_command else added,
        environment=plain | variables,
        secret_variables=frozenset(
            {name for name in plain if name in start_up.secret_variables}
            | {f"{CHUNK_PREFIX}{index}" for index, chunk in enumerate(chunks) if chunk.secret}
        ),
        size_bytes=size_bytes,
        tools=_tools(script),
    )


_SHELL = ("/bin/sh", "-c")
_SHELL_NAME = "scvk"


_TOOLS = {NEED_BASE64: "base64", FIND_ENV: "env", MESSAGE: "tail"}


def _tools(script: tuple[Statement, ...]) -> tuple[str, ...]:
    texts = {statement.text for statement in script}
    return (_SHELL[0], *(tool for text, tool in _TOOLS.items() if text in texts))
