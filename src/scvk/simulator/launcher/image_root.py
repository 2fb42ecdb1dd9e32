"""A root of an image's own in the place of the host's: laid under the overlay, and made fit to run in.

The image is not trusted: whatever lies where the host's side mounts something (it may be a symbolic link to a place
of the host's) is hidden by the instance's own layer, and files are only written once the root is changed.
"""

from __future__ import annotations

import os
from pathlib import Path

from scvk.simulator.launcher import kernel

_MOUNT_POINTS = ("proc", "sys", "dev")


def open_root(path: str) -> int:
    """Get hold of a root before anything is mounted over the place where it lies. Raises OSError."""
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def bind(opened: int, place: Path) -> None:
    """Show it at `place`, a new directory: overlay's options could not name every path. Raises OSError."""
    place.mkdir(mode=0o755)
    kernel.mount(f"/proc/self/fd/{opened}", str(place), flags=kernel.MS_BIND)
    os.close(opened)


def make_mount_points(upper: Path) -> None:
    """In the layer that is not mounted yet: a directory there hides everything but a directory. Raises OSError."""
    for name in _MOUNT_POINTS:
        (upper / name).mkdir(mode=0o755)


def lay_inside(files: dict[str, str]) -> None:
    """Write texts in the current root, which must be the image's; those with #! are executable. Raises OSError."""
    for path, text in files.items():
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)
        target.chmod(0o755 if text.startswith("#!") else 0o644)
