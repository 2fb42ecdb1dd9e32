"""A pod's running program, as /proc shows it: pure.

It is process 1, unless the start-up wrapper stays as its parent: then it is the child of process 1 that began first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scvk.provider.translate.start_up_shell import CHUNK_PREFIX

DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What container runtimes give a program that has no PATH."""
_CHUNK = CHUNK_PREFIX.encode() + b"0"


@dataclass(frozen=True, slots=True)
class Program:
    """`start` and `number` tell it from every other process. `environment` as it was when the program began.

    `becoming` are the words before a command that make it this program's user; None where the image has nothing that
    could. `has_env`: the image has `env`.
    """

    number: int
    start: bytes
    user: int
    group: int
    environment: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    becoming: tuple[bytes, ...] | None
    has_env: bool
    is_wrapper: bool

    def variable(self, name: bytes) -> bytes | None:
        """Return the value of a variable."""
        return next((value for key, value in reversed(self.environment) if key == name), None)


def programs_of(parts: Sequence[tuple[str, bytes]]) -> tuple[Program, ...]:
    """Return the processes that were looked at, the oldest first; what has ended meanwhile is left out."""
    by_name = dict(parts)
    tools = set(by_name.get("tools", b"").decode("ascii", "replace").split())
    users = by_name.get("users", b"")
    found: list[Program] = []
    for at, (name, content) in enumerate(parts):
        if name == "process":
            about = dict(parts[at + 1 : at + 4])
            program = _program(content, about, tools, users)
            if program is not None:
                found.append(program)
    return tuple(sorted(found, key=lambda program: int(program.start)))


def _program(number: bytes, about: dict[str, bytes], tools: set[str], users: bytes) -> Program | None:
    # The name in brackets may hold anything; behind it, field 22 is the time of the start.
    fields = about.get("stat", b"").rpartition(b")")[2].split()
    status = dict(line.split(b":", 1) for line in about.get("status", b"").split(b"\n") if b":" in line)
    if len(fields) < 20 or not fields[19].isdigit() or not number.isdigit():
        return None
    user, group = _second(status.get(b"Uid", b"")), _second(status.get(b"Gid", b""))
    groups = tuple(int(word) for word in status.get(b"Groups", b"").split() if word.isdigit())
    environment = tuple(
        (name, value)
        for name, equals, value in (entry.partition(b"=") for entry in about.get("environ", b"").split(b"\0"))
        if name and equals
    )
    return Program(
        int(number),
        fields[19],
        user,
        group,
        environment,
        _becoming(user, group, groups, tools, users),
        "env" in tools,
        any(name == _CHUNK for name, _ in environment),
    )


def _second(ids: bytes) -> int:
    """Return the effective one of four ids."""
    words = ids.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _becoming(user: int, group: int, groups: Sequence[int], tools: set[str], users: bytes) -> tuple[bytes, ...] | None:
    if user == 0 and group == 0:
        return ()
    further = ",".join(str(each) for each in groups)
    if "setpriv" in tools:
        kept = f"--groups={further}" if further else "--clear-groups"
        return tuple(word.encode() for word in ("setpriv", f"--reuid={user}", f"--regid={group}", kept))
    if "chroot" in tools:
        words = ("chroot", f"--userspec={user}:{group}", f"--groups={further}", "--skip-chdir", "/")
        return tuple(word.encode() for word in words)
    if "chpst" in tools:
        return (b"chpst", b"-u", f"{user}:{group}".encode())
    name = _name_of(user, group, users)
    if "su" in tools and name is not None:
        return (b"su", b"-s", b"/bin/sh", name, b"-c", b'exec "$@"', b"sh")
    return None


def _name_of(user: int, group: int, users: bytes) -> bytes | None:
    """Return the name of a user whose own group is `group`."""
    for line in users.split(b"\n"):
        fields = line.split(b":")
        if len(fields) > 3 and fields[2] == str(user).encode() and fields[3] == str(group).encode():
            return fields[0]
    return None
