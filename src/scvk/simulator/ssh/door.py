"""The SSH servers: one for each instance while it runs, on a port of its own and with a host key of its own.

Only `root` gets in, and only with one of the configured public keys: there is no password and no other user.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Awaitable
from pathlib import Path
from weakref import WeakKeyDictionary

import asyncssh

from scvk.simulator.cloud.doors import SshAddress
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.runtime.inside import Inside
from scvk.simulator.ssh.channel import AnyCommandChannel
from scvk.simulator.ssh.forwarding import connect
from scvk.simulator.ssh.session import InstanceSession

_USER = "root"
_HOST_KEY = "ssh-ed25519"
# A client that vanished without a word is noticed after three of these, as with sshd's ClientAliveInterval.
_KEEPALIVE_S = 15
_BACKLOG = 128
# Clients take the order of arguments of SFTP's symlink request from this name (OpenSSH's PROTOCOL, 4.1).
_VERSION = "OpenSSH_9.2_scvk-simulator"
_GOODBYE_S = 2


class AuthorizedKeysError(ValueError):
    """The file with public keys cannot be used; the message is one line for the user."""


def read_authorized_keys(path: Path | None) -> str:
    """The text of a file in OpenSSH's authorized_keys format, empty without one. Raises AuthorizedKeysError."""
    if path is None:
        return ""
    try:
        text = path.read_text()
        # Of an empty text it would make a list of no keys; a file without any is a mistake.
        asyncssh.import_authorized_keys(text or "#")
    except OSError as error:
        raise AuthorizedKeysError(f"--ssh-authorized-keys: cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise AuthorizedKeysError(f"--ssh-authorized-keys: {path} holds no public key in OpenSSH's format") from error
    return text


def checked_ssh_host(host: str) -> str:
    """`host` when instances' SSH servers can listen there. Raises ValueError with a line for the user.

    It must be an IPv4 address: `ssh_ip` of the instance object is one (OpenAPI document).
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.bind((str(ipaddress.IPv4Address(host)), 0))
    except ipaddress.AddressValueError as error:
        raise ValueError(f"--ssh-host: {host!r} is no IPv4 address") from error
    except OSError as error:
        raise ValueError(f"--ssh-host: cannot listen on {host}: {error.strerror}") from error
    return host


class SshDoors:
    """Opens an SSH server for each instance on IPv4 address `host`, which is also what instances show.

    `authorized_keys` is text as in OpenSSH's file; empty lets nobody in. Raises AuthorizedKeysError.
    """

    def __init__(self, host: str, authorized_keys: str) -> None:
        self._host = host
        self._authorized: asyncssh.SSHAuthorizedKeys | None = None
        if authorized_keys.strip():
            try:
                self._authorized = asyncssh.import_authorized_keys(authorized_keys)
            except ValueError as error:
                raise AuthorizedKeysError("the authorized keys hold no public key in OpenSSH's format") from error
        self._doors: dict[Instance, _Door] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._host_keys: WeakKeyDictionary[Instance, tuple[str, asyncssh.SSHKey]] = WeakKeyDictionary()

    def open(self, instance: Instance, inside: Inside) -> None:
        """Listen; the instance has its address at once."""
        self.close(instance)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.bind((self._host, 0))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            return  # no port left: the instance runs and cannot be logged into, as happens to real ones
        listener.setblocking(False)
        key = self._host_key(instance)
        self._doors[instance] = _Door(listener, key, inside, self._authorized)
        instance.ssh = SshAddress(_shown(self._host), listener.getsockname()[1], key.get_fingerprint("sha256"))

    def close(self, instance: Instance) -> None:
        """Nobody gets in any more, and who is in is out."""
        instance.ssh = None
        door = self._doors.pop(instance, None)
        if door is not None:
            task = asyncio.get_running_loop().create_task(door.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def wait_closed(self) -> None:
        """Return when nobody is in an instance any more whose door was closed."""
        await asyncio.gather(*self._closing)

    def _host_key(self, instance: Instance) -> asyncssh.SSHKey:
        """The same as long as the instance stays on its machine."""
        machine, key = self._host_keys.get(instance, ("", None))
        if key is None or machine != instance.machine_id:
            key = asyncssh.generate_private_key(_HOST_KEY)
            self._host_keys[instance] = (instance.machine_id, key)
        return key


class _Door:
    """The server of one run of an instance."""

    def __init__(
        self,
        listener: socket.socket,
        host_key: asyncssh.SSHKey,
        inside: Inside,
        authorized: asyncssh.SSHAuthorizedKeys | None,
    ) -> None:
        self._inside = inside
        self._authorized = authorized
        self._guests: set[_Guest] = set()
        self._listening = asyncio.get_running_loop().create_task(self._listen(listener, host_key))

    async def _listen(self, listener: socket.socket, host_key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            sock=listener,
            server_factory=lambda: _Guest(self._inside, self._authorized, self._guests),
            server_version=_VERSION,
            server_host_keys=[host_key],
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            keepalive_interval=_KEEPALIVE_S,
            gss_host=None,
        )

    async def close(self) -> None:
        # Not cancelled while it begins: a server half begun would be left in the event loop for ever.
        (await self._listening).close()
        await asyncio.gather(*(guest.put_out() for guest in list(self._guests)))


class _Guest(asyncssh.SSHServer):
    """One client's connection."""

    def __init__(self, inside: Inside, authorized: asyncssh.SSHAuthorizedKeys | None, guests: set[_Guest]) -> None:
        self._inside = inside
        self._authorized = authorized
        self._guests = guests
        self._env: dict[str, str] = {}

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._guests.add(self)
        theirs, ours = conn.get_extra_info("peername"), conn.get_extra_info("sockname")
        self._env = {
            "SSH_CLIENT": f"{theirs[0]} {theirs[1]} {ours[1]}",
            "SSH_CONNECTION": f"{theirs[0]} {theirs[1]} {ours[0]} {ours[1]}",
        }

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncssh's signature
        self._guests.discard(self)

    async def put_out(self) -> None:
        """The instance has ended."""
        self._connection.close()
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()  # a client that reads nothing any more
            await self._connection.wait_closed()

    def begin_auth(self, username: str) -> bool:
        if username == _USER and self._authorized is not None:
            self._connection.set_authorized_keys(self._authorized)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]:
        return AnyCommandChannel(self._connection), InstanceSession(self._inside, self._env)

    def connection_requested(
        self,
        dest_host: str,
        dest_port: int,
        orig_host: str,  # noqa: ARG002  asyncssh's signature
        orig_port: int,  # noqa: ARG002
    ) -> Awaitable[asyncssh.SSHTCPSession[bytes]]:
        return connect(self._inside, dest_host, dest_port)


def _shown(host: str) -> str:
    """The address for the instance object: one a client can connect to."""
    if host != "0.0.0.0":
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # nothing is sent: the kernel only chooses its own address
        except OSError as error:
            if error.errno != errno.ENETUNREACH:
                raise
            return "127.0.0.1"
        return str(sock.getsockname()[0])
