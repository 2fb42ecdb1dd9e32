"""Lays an image's layers over one another in a directory.

OCI image specification 1.1, "Image Layer Filesystem Changeset": later members replace earlier ones; `.wh.name` hides
`name` and `.wh..wh..opq` hides everything that *lower* layers put there. Owner and group are kept where this
process is root. Device nodes are left out, as an instance may not use them; so are extended attributes.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from scvk.registry import tree
from scvk.registry.decompression import decompressed
from scvk.registry.errors import StoreUnusable, TooLarge, Unreadable, quoted
from scvk.registry.limits import Limits

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
# Errors of the file system that only the names or the order in an archive can cause.
_FAULTS_OF_THE_LAYER = frozenset(
    {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EILSEQ, errno.ELOOP, errno.EMLINK}
)
_COPY = 256 * 1024


class Unpacker:
    """Unpacks one image's layers, lowest first, into `root`, an empty directory that nobody else touches.

    Blocking: meant for a thread. `cancelled` is asked before each member; when it says yes, InterruptedError is
    raised.
    """

    def __init__(self, root: Path, limits: Limits, cancelled: Callable[[], bool] = lambda: False) -> None:
        self.bytes = 0
        """Content of all files written so far, also of those that were replaced since."""
        self._root = root
        self._limits = limits
        self._cancelled = cancelled
        self._entries = 0
        self._stream_bytes_left = limits.unpacked_bytes
        self._privileged = os.geteuid() == 0
        # Applied at the end: a directory may be read-only, and its time changes with everything put into it.
        self._directories: dict[Path, tarfile.TarInfo] = {}
        self._of_this_layer: set[Path] = set()

    def apply(self, layer: IO[bytes]) -> None:
        """Lay one layer over what is there. Raises Unreadable, TooLarge, StoreUnusable, InterruptedError."""
        self._of_this_layer = set()
        source = decompressed(layer, self._stream_bytes_left)
        try:
            with tarfile.open(fileobj=source, mode="r:", errorlevel=2) as archive:
                while (member := archive.next()) is not None:
                    archive.members = []  # type: ignore[attr-defined]  # it would remember all of them
                    self._count()
                    self._apply(archive, member)
        except (tarfile.TarError, EOFError, ValueError, OverflowError, UnicodeError) as error:
            raise Unreadable(f"a layer is no tar archive: {quoted(str(error))}") from error
        except OSError as error:
            raise _sorted(error) from error
        self._stream_bytes_left -= source.tell()

    def finish(self) -> None:
        """Give directories their modes and times. Raises StoreUnusable."""
        try:
            # Deepest first: a parent that may not be searched would hide its children.
            for path in sorted(self._directories, key=lambda p: len(p.parts), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    self._adorn(path, self._directories[path], 0 if self._privileged else stat.S_IRWXU)
        except (OSError, OverflowError) as error:
            raise StoreUnusable(f"the unpacked image cannot be finished: {error}") from error

    def _count(self) -> None:
        if self._cancelled():
            raise InterruptedError("unpacking was called off")
        self._entries += 1
        if self._entries > self._limits.unpacked_entries:
            raise TooLarge(f"the image has more than {self._limits.unpacked_entries} files")

    def _apply(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = _checked(member.name)
        place = tree.inside(self._root, name)
        base = place.name
        if place == self._root:
            if member.isdir():
                self._directories[place] = member
            return
        if base == _OPAQUE:
            self._hide_lower(place.parent)
        elif base.startswith(_WHITEOUT):
            hidden = base.removeprefix(_WHITEOUT)
            if hidden in {"", ".", ".."}:
                raise Unreadable(f"a layer has the whiteout {quoted(name)!r}, which hides nothing")
            self._hide_lower(place.with_name(hidden), itself=True)
        elif not member.ischr() and not member.isblk():
            self._put(archive, member, place)

    def _put(self, archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
        self._make_parents(place.parent)
        if os.path.lexists(place) and not (member.isdir() and place.is_dir() and not place.is_symlink()):
            tree.remove(place)
        self._mark(place)
        if member.isdir():
            place.mkdir(mode=0o700, exist_ok=True)
            self._directories[place] = member
            return
        if member.islnk():
            self._link(member, place)
            return
        if member.issym():
            place.symlink_to(member.linkname)
        elif member.isfifo():
            os.mkfifo(place, 0o600)
        elif member.isreg():
            self._write(archive, member, place)
        else:
            raise Unreadable(f"a layer has a member of the unknown type {member.type!r}: {quoted(member.name)!r}")
        self._adorn(place, member)

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
        content = archive.extractfile(member)
        if content is None:
            raise Unreadable(f"a layer's member {quoted(member.name)!r} has no content")
        # A sparse file's size is what it says: holes take no part of the stream and must be bounded by themselves.
        if self.bytes + member.size > self._limits.unpacked_bytes:
            raise TooLarge(f"the image has more than {self._limits.unpacked_bytes} bytes when unpacked")
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            while piece := content.read(_COPY):
                file.write(piece)
                self.bytes += len(piece)

    def _link(self, member: tarfile.TarInfo, place: Path) -> None:
        target = tree.inside(self._root, _checked(member.linkname))
        if not os.path.lexists(target) or (target.is_dir() and not target.is_symlink()):
            raise Unreadable(
                f"a layer's member {quoted(member.name)!r} is a link to {quoted(member.linkname)!r}, which is no file"
            )
        os.link(target, place, follow_symlinks=False)

    def _adorn(self, place: Path, member: tarfile.TarInfo, at_least: int = 0) -> None:
        """Owner first: a change of owner takes setuid away."""
        if self._privileged:
            os.chown(place, member.uid, member.gid, follow_symlinks=False)
        if not place.is_symlink():
            place.chmod(stat.S_IMODE(member.mode) | at_least)
        os.utime(place, (member.mtime, member.mtime), follow_symlinks=False)

    def _make_parents(self, directory: Path) -> None:
        """Archives may leave out directories; those get root's usual mode."""
        if directory == self._root:
            return
        if os.path.lexists(directory):
            if directory.is_dir():
                return
            tree.remove(directory)
        self._make_parents(directory.parent)
        self._mark(directory)
        self._directories.pop(directory, None)  # what a removed one of this name had
        directory.mkdir(mode=0o755)

    def _mark(self, place: Path) -> None:
        while place not in self._of_this_layer and place != self._root:
            self._of_this_layer.add(place)
            place = place.parent

    def _hide_lower(self, place: Path, *, itself: bool = False) -> None:
        """Remove what lower layers put at (`itself`) or below `place`; what this layer put there stays."""
        if not os.path.lexists(place):
            return
        if itself and place not in self._of_this_layer:
            tree.remove(place)
            return
        if place.is_symlink() or not place.is_dir():
            return
        for child in list(place.iterdir()):
            self._hide_lower(child, itself=True)


def _checked(name: str) -> str:
    """A member's name or a hard link's target. Raises Unreadable when it tries to leave the root."""
    if ".." in name.split("/"):
        raise Unreadable(f"a layer has a member with .. in its name: {quoted(name)!r}")
    return name


def _sorted(error: OSError) -> Exception:
    if isinstance(error, InterruptedError):
        return error
    if error.errno in _FAULTS_OF_THE_LAYER:
        return Unreadable(f"a layer has a member that cannot be written: {error.strerror}")
    return StoreUnusable(f"a layer cannot be unpacked: {error.strerror or error}")
