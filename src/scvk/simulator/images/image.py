"""What running an image needs to know, wherever it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# As container runtimes set it when an image does not (Docker, OCI image specification examples).
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of this image runs, as whom, where, and on which root.

    `root` is a directory that is only read, None for the host's own. An image that `needs_root` cannot run where
    there is no isolation; others then run on the host's. `files` maps absolute paths to texts laid over the root;
    those that begin with #! are executable. `user` is `name|uid[:group|gid]`, empty for root. With a `pull_error`
    there is no image, and that is what the group is told.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    user: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    needs_root: bool = False
    pull_error: str | None = None
    description: str = ""

    def argv(self, command: Sequence[str] | None) -> tuple[str, ...]:
        """The platform's `command` replaces both ENTRYPOINT and CMD; without one the image's own count."""
        return tuple(command) if command else self.entrypoint + self.command
