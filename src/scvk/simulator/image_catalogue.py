"""What stands behind an image's name: entrypoint, command, environment, files; from package data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

UnknownImages = Literal["idle", "fail"]

# As container runtimes set it when an image does not (Docker, OCI image specification examples).
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Runs as long as asked, ends at SIGTERM, and says what it is.
_IDLE = (
    'echo "scvk simulator: image $0 is not in the catalogue; this is a stand-in that does nothing"; '
    "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
)


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of this image would run, and what is laid over its root."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    files: Mapping[str, str] = field(default_factory=dict)
    pull_error: str | None = None
    description: str = ""

    def argv(self, command: Sequence[str] | None) -> tuple[str, ...]:
        """The platform's `command` replaces both ENTRYPOINT and CMD; without one the image's own count."""
        return tuple(command) if command else self.entrypoint + self.command


class ImageCatalogue:
    """Looks images up; `unknown` says what becomes of a name without an entry and without a `command`."""

    def __init__(self, unknown: UnknownImages = "idle") -> None:
        self._unknown = unknown

    def find(self, name: str, command: Sequence[str] | None = None) -> Image:
        """The image for a reference such as `docker.io/library/nginx:1.27`; never raises.

        A name without an entry has the host's root like the others, so that a `command` of the group runs.
        """
        short = repository(name)
        for patterns, image in _entries():
            if any(fnmatchcase(short, pattern) for pattern in patterns):
                return image
        if self._unknown == "fail":
            return Image(pull_error=f"Failed to pull image: {name} is not in the simulator's catalogue")
        if command:
            return Image(description="unknown: the host's root")
        return Image(entrypoint=("sh", "-c", _IDLE, name), description="unknown: a stand-in that idles")


def repository(reference: str) -> str:
    """The name in a reference, without tag, digest, Docker Hub's host and its `library/`."""
    name = reference.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(prefix)
    return name.removeprefix("library/")


@cache
def _entries() -> tuple[tuple[tuple[str, ...], Image], ...]:
    data = yaml.safe_load(files("scvk.simulator").joinpath("images.yaml").read_text())
    return tuple((tuple(entry["match"]), _image(entry)) for entry in data["images"])


def _image(entry: Mapping[str, Any]) -> Image:
    return Image(
        entrypoint=tuple(entry.get("entrypoint", ())),
        command=tuple(entry.get("command", ())),
        env={name: str(value) for name, value in entry.get("env", {}).items()},
        working_dir=entry.get("working_dir", "/"),
        files={path: _program(name) for path, name in entry.get("files", {}).items()},
        pull_error=entry.get("pull_error"),
        description=entry["description"],
    )


def _program(name: str) -> str:
    """The text of an executable: our own program under our own interpreter, or that interpreter itself."""
    interpreter = Path(sys.executable).resolve()
    if name == "python":
        return f'#!/bin/sh\nexec {interpreter} "$@"\n'
    text = files("scvk.simulator.programs").joinpath(name).read_text()
    return f"#!{interpreter} -IS\n{text}"
