"""What a start-up wrapper is asked to do: the values that `start_up.wrap` turns into a command and variables.

No `repr` shows a value: variables, contents and arguments may be secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StartUpFile:
    """A file that stands in the container before the program starts.

    `path` is absolute. Folders above it are made where they are missing. What stands at the path before is replaced,
    other files of the folder stay. `mode` has the permission bits; `secret` says that the content comes from a Secret.
    """

    path: str
    content: bytes = field(repr=False)
    mode: int
    secret: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryLink:
    """Another path of a directory: a volume that is mounted twice, by an init container for instance.

    `target` is one of `StartUp.directories`. What the image has at `path` is moved into it.
    """

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class InitStep:
    """A program that runs to its end before the main one; when it fails, the start ends with its exit code.

    `environment` is all that the step has beside the image's own variables: those of the main program are taken away
    from it. `working_dir` is None where the image's own holds. `secret_variables` are names in `environment`.
    """

    name: str
    argv: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    working_dir: str | None = None
    secret_variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TerminationMessage:
    """The file in which the program leaves its last words; it is made, and empty at the start."""

    path: str


@dataclass(frozen=True, slots=True)
class StartUp:
    """A program and everything that has to be there before it starts.

    `argv` is what runs, never empty where `wrap` is asked. `directories` are absolute paths, made where they are
    missing and writable for everybody, as an emptyDir is. `working_dir` is made where it is missing; None where the
    image's own holds. `post_start` runs beside the program, with its environment; when it fails, the program is ended.
    `secret_variables` are names in `environment`.
    """

    argv: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    files: tuple[StartUpFile, ...] = ()
    directories: tuple[str, ...] = ()
    working_dir: str | None = None
    init_steps: tuple[InitStep, ...] = ()
    post_start: tuple[str, ...] | None = field(default=None, repr=False)
    termination_message: TerminationMessage | None = None
    secret_variables: frozenset[str] = frozenset()
    links: tuple[DirectoryLink, ...] = ()
