"""A directory that stands for a root file system, and paths in it that never lead out of it.

Symbolic links in a path are followed as they would be inside the root: an absolute one begins at the root again,
and `..` stops there. Nobody else may change the tree meanwhile: names are looked at first and used then.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from scvk.registry.errors import Unreadable

# As Linux itself (path_resolution(7)).
_MAX_LINKS = 40


def inside(root: Path, path: str) -> Path:
    """Where `path`, as seen from inside `root`, lies: all components but the last are resolved.

    `root` itself for a path without components. What does not exist is taken as it is named. Raises Unreadable
    when symbolic links go in circles.
    """
    parents, last = _components(path)
    return _resolve(root, parents, 0) / last if last else root


def followed(root: Path, path: str) -> Path:
    """As `inside`, with the last component resolved too."""
    parents, last = _components(path)
    return _resolve(root, [*parents, last] if last else parents, 0)


def _components(path: str) -> tuple[list[str], str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        parts.append(part)
    if parts and parts[-1] == "..":
        return parts, ""
    return parts[:-1], parts[-1] if parts else ""


def _resolve(root: Path, parts: list[str], links: int) -> Path:
    current = root
    pending = list(reversed(parts))
    while pending:
        part = pending.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            current = current if current == root else current.parent
            continue
        step = current / part
        if not step.is_symlink():
            current = step
            continue
        links += 1
        if links > _MAX_LINKS:
            raise Unreadable("the layer's symbolic links go in circles")
        target = str(step.readlink())
        if target.startswith("/"):
            current = root
        pending.extend(reversed(target.split("/")))
    return current


def remove(path: Path) -> None:
    """Remove whatever is there, also directories that their owner may not write to."""
    if path.is_dir() and not path.is_symlink():
        if os.geteuid() != 0:
            _make_writable(path)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_writable(path: Path) -> None:
    path.chmod(stat.S_IRWXU)
    for directory, names, _ in os.walk(path):
        for name in names:
            child = Path(directory) / name
            if not child.is_symlink():
                child.chmod(stat.S_IRWXU)
