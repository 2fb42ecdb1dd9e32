"""A place for images' executables and for homes, where programs have no root of their own; removed at the end."""

from __future__ import annotations

import os
from pathlib import Path

_EXECUTABLE_PLACES = ("/bin/", "/sbin/")


class Scratch:
    """One directory per launcher, made at the first use."""

    def __init__(self) -> None:
        self._root: Path | None = None

    def folder(self, name: str) -> Path:
        """A directory of that name, made when there is none. Raises OSError."""
        if self._root is None:
            root = Path(os.environ.get("TMPDIR", "/tmp")) / f"scvk-simulator-{os.urandom(6).hex()}"  # noqa: S108
            root.mkdir(mode=0o700)  # fails when somebody else was there first, and belongs to us otherwise
            self._root = root
        place = self._root / name.replace("/", "-")
        place.mkdir(exist_ok=True)
        return place

    def lay(self, name: str, files: dict[str, str]) -> str:
        """Write those of `files` (absolute path: text) that a PATH would find, and return the directory.

        Raises OSError.
        """
        place = self.folder(name)
        for path, text in files.items():
            if any(part in path for part in _EXECUTABLE_PLACES):
                target = place / Path(path).name
                target.write_text(text)
                target.chmod(0o755)
        return str(place)

    def remove(self) -> None:
        """Remove everything that was written, by programs too; what cannot be removed stays."""
        if self._root is None:
            return
        for directory, names, files in os.walk(self._root, topdown=False):
            for name in (*files, *names):
                _remove(Path(directory) / name)
        _remove(self._root)
        self._root = None


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    except OSError:
        pass  # immutable, or a mount: not for the end of a process to fight with
