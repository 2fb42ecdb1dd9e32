"""What stands behind an image's name: the user's entries first, then the built-in ones, then a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from scvk.simulator.clock import Timer
from scvk.simulator.images.catalogue_file import Entry, builtin_entries
from scvk.simulator.images.image import DEFAULT_PATH, Image

if TYPE_CHECKING:
    from scvk.simulator.cloud.definition import Definition

__all__ = ["DEFAULT_PATH", "Image", "ImageCatalogue", "ImageSource", "UnknownImages", "repository"]

UnknownImages = Literal["idle", "fail", "pull"]

# Runs as long as asked, ends at SIGTERM, and says what it is.
_IDLE = (
    'echo "scvk simulator: image $0 is not in the catalogue; this is a stand-in that does nothing"; '
    "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"
)


class ImageSource(Protocol):
    """Where the platform gets images from."""

    def obtain(self, definition: Definition, done: Callable[[Image], None]) -> Timer:
        """Get the image of a group's definition, with its login; `done` is called once, at once or later.

        What fails is told by the image's `pull_error`. Cancelling gives up, and `done` is not called.
        """


class ImageCatalogue:
    """Looks images up; `unknown` says what becomes of a name without an entry.

    `entries` and `roots` are for `pulling` to fill in: a user's entries, and the directories of roots that are
    not the host's. Without such a directory an image has the host's root.
    """

    def __init__(self, unknown: UnknownImages = "idle", entries: Sequence[Entry] = ()) -> None:
        self.unknown = unknown
        self.entries = tuple(entries)
        self.roots: Mapping[str | Path, Path] = {}

    def all_entries(self) -> tuple[Entry, ...]:
        """In the order in which they are looked through."""
        return (*self.entries, *_builtin())

    def find(self, name: str) -> Image | None:
        """The image for a reference such as `docker.io/library/nginx:1.27`; None for one that must be pulled.

        A name without an entry has the host's root like the others, so that a `command` of the group runs.
        """
        short = repository(name)
        for entry in self.all_entries():
            if any(fnmatchcase(short, pattern) for pattern in entry.patterns):
                return None if entry.pull else replace(entry.image, root=self.roots.get(entry.root))
        match self.unknown:
            case "pull":
                return None
            case "fail":
                return Image(pull_error=f"Failed to pull image: {name} is not in the simulator's catalogue")
            case "idle":
                return Image(entrypoint=("sh", "-c", _IDLE, name), description="unknown: a stand-in that idles")

    def obtain(self, definition: Definition, done: Callable[[Image], None]) -> Timer:
        """As `ImageSource`, at once and without any registry."""
        image = self.find(definition.image)
        done(image or Image(pull_error="Failed to pull image: this simulator asks no registries"))
        return _Done()


class _Done:
    def cancel(self) -> None:
        """It is too late."""


def repository(reference: str) -> str:
    """The name in a reference, without tag, digest, Docker Hub's host and its `library/`."""
    name = reference.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(prefix)
    return name.removeprefix("library/")


@cache
def _builtin() -> tuple[Entry, ...]:
    return builtin_entries()
