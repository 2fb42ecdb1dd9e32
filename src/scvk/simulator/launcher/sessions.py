"""A login into an instance as sshd would give it: a bare environment, root's home and root's shell.

Nothing of the container's own environment is in it; that can be read from /proc/1/environ, as on a machine.
"""

from __future__ import annotations

import fcntl
import os
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scvk.simulator.launcher import sftp, users
from scvk.simulator.launcher.programs import Child, be_first_to_go, become_ordinary, fork_child, take_streams

# What OpenSSH's sshd gives a superuser (its configure option --with-superuser-path, as Debian builds it).
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_USER = "root"
_HOME = "/root"
_SHELL = "/bin/sh"


@dataclass(frozen=True)
class Login:
    """What a session runs: root's login shell, `command` given to root's shell, or an SFTP server.

    `kind` is `shell`, `command` or `sftp`. `env` is added to the bare environment. With `terminal` standard
    input is a terminal, which becomes the session's own. `home` replaces root's home directory.
    """

    kind: str
    command: str
    env: Mapping[str, str]
    terminal: bool
    home: str | None = None


def fork_session(login: Login, streams: tuple[int, int, int], prepare: Callable[[], None], *, isolated: bool) -> Child:
    """Fork; the child calls `prepare`, which enters the instance, and becomes the session.

    `streams` are to be its standard input, output and error. Raises OSError when forking fails.
    """

    def become() -> None:
        if login.terminal:
            fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
        be_first_to_go()
        prepare()
        take_streams(*streams)
        become_ordinary(isolated=isolated)
        home, shell = _root_account()
        home = login.home or home
        _go_home(home)
        if login.kind == "sftp":
            # No program of the image is needed for it, as with sshd's internal-sftp. This also closes the
            # pipe that tells of failures: the session has started.
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            sftp.serve(0, 1)
            os._exit(0)
        name = shell.rpartition("/")[2]
        env = {"USER": _USER, "LOGNAME": _USER, "HOME": home, "PATH": _PATH, "SHELL": shell, **login.env}
        argv = [f"-{name}"] if login.kind == "shell" else [name, "-c", login.command]
        os.execve(shell, argv, env)  # noqa: S606  as asked for

    return fork_child(become, "the login shell")


def _root_account() -> tuple[str, str]:
    """Home and shell of uid 0 as this root's /etc/passwd has them; images without one have a default."""
    home, shell = _HOME, _SHELL
    try:
        text = users.read_list(Path("/etc/passwd"))
    except OSError:
        text = ""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2] == "0":
            home, shell = fields[5] or home, fields[6] or shell
            break
    return home, shell if os.access(shell, os.X_OK) else _SHELL


def _go_home(home: str) -> None:
    try:
        os.chdir(home)
    except OSError as error:
        os.write(2, f"Could not chdir to home directory {home}: {error.strerror}\n".encode())
        os.chdir(Path("/"))
