"""The user that an image's program runs as: looked up in the files of the image's own root.

As runc does it (libcontainer/user, GetExecUser): `name`, `uid`, and either with `:group` or `:gid`. A number needs no
entry. Without a group, the user's own one and those that list it count; with one, only that.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scvk.simulator.launcher import kernel

# More is no list of users; a hostile image's must not be read whole.
_LARGEST_LIST = 1024 * 1024


@dataclass(frozen=True)
class Identity:
    """Who a process is. `home` is / for a number without entry."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def identity(user: str, passwd: str, group: str) -> Identity:
    """`user` by the texts of /etc/passwd and /etc/group. Raises OSError with words for a name without entry."""
    name, _, group_name = user.partition(":")
    name = name or "0"
    uid, gid, home = _number(name), 0, "/"
    for fields in _lines(passwd, 6):
        if fields[0] == name or (uid is not None and _number(fields[2]) == uid):
            found, own_group = _number(fields[2]), _number(fields[3])
            if found is not None:
                name, uid, gid, home = fields[0], found, own_group or 0, fields[5] or "/"
                break
    if uid is None:
        raise OSError(f"the image's user {name!r} is not in its /etc/passwd")
    groups = [fields for fields in _lines(group, 3) if _number(fields[2]) is not None]
    if not group_name:
        members = (int(fields[2]) for fields in groups if len(fields) > 3 and name in fields[3].split(","))
        return Identity(uid, gid, tuple(sorted({gid, *members})), home)
    named = next((fields[2] for fields in groups if fields[0] == group_name), group_name)
    chosen = _number(named)
    if chosen is None:
        raise OSError(f"the image's group {group_name!r} is not in its /etc/group")
    return Identity(uid, chosen, (chosen,), home)


def become(user: str) -> None:
    """Be `user` of the current root, in a child that still is root. Raises OSError.

    In an unprivileged launcher's user namespace there is only root, and it stays root.
    """
    who = identity(user, read_list(Path("/etc/passwd")), read_list(Path("/etc/group")))
    try:
        os.setgroups(who.groups)
    except PermissionError:
        pass  # denied in such a namespace, whose only group it has
    try:
        os.setgid(who.gid)
        os.setuid(who.uid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    # The kernel forgets it at every change of user.
    kernel.die_with_parent(signal.SIGKILL)


def read_list(path: Path) -> str:
    """The text of a list of users or groups; empty when there is none.

    An image may have anything at that path, also a pipe that nobody writes to.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return ""
    with os.fdopen(fd, encoding="utf-8", errors="surrogateescape") as file:
        return file.read(_LARGEST_LIST)


def _lines(text: str, least: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= least:
            yield fields


def _number(text: str) -> int | None:
    """An id; the kernel's highest one means none."""
    return int(text) if text.isascii() and text.isdigit() and int(text) < 2**32 - 1 else None
