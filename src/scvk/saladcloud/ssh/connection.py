"""One SSH connection to an instance. Nothing of this machine's own SSH set-up is used: no agent, no configuration file,
no known hosts; the server's key must be the one that SaladCloud shows, or nothing is sent to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncssh

from scvk.saladcloud.ssh.address import SshAddress, same_fingerprint
from scvk.saladcloud.ssh.errors import (
    ConnectionLost,
    LoginRefused,
    NoRoom,
    PortRefused,
    StartInDoubt,
    Unreachable,
    WrongHostKey,
)
from scvk.saladcloud.ssh.private_key import PrivateKey
from scvk.saladcloud.ssh.process import RemoteProcess
from scvk.saladcloud.ssh.terminal import Terminal
from scvk.saladcloud.ssh.tunnel import Tunnel

USER = "root"
"""SaladCloud's user for SSH."""
CONNECT_WITHIN_S = 10.0
LOG_IN_WITHIN_S = 15.0
CHANNEL_WITHIN_S = 15.0
"""A server that does not answer for so long is gone: keep-alives would find that out later."""
KEEPALIVE_EVERY_S = 15.0
KEEPALIVES_MISSED = 3

_WINDOW = 2 * 1024 * 1024
_ENCRYPTION = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr"
"""AES-GCM first: processors have instructions for it, and it costs half of what ChaCha20 does."""
_KINDS_OF_KEYS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)

ReadKey = Callable[[], PrivateKey]
"""Reads the private key. Raises KeyUnusable."""


class SshConnection:
    """An open connection; see `connect`."""

    def __init__(self, connection: asyncssh.SSHClientConnection, client: _Client) -> None:
        self._connection = connection
        self._client = client

    @property
    def is_open(self) -> bool:
        """Say whether it is not known to have ended."""
        return not self._client.is_over

    async def start(self, command: bytes, terminal: Terminal | None) -> RemoteProcess:
        """Run a command by root's login shell. Raises NoRoom, ConnectionLost and StartInDoubt."""
        process = RemoteProcess()
        try:
            async with asyncio.timeout(CHANNEL_WITHIN_S):
                await self._connection.create_session(
                    lambda: process,
                    # It is sent as it is: a command is bytes, whatever the annotation says.
                    command=command,  # type: ignore[arg-type]
                    request_pty="force" if terminal else False,
                    term_type=terminal.kind if terminal else None,
                    term_size=(terminal.columns, terminal.rows) if terminal else (80, 24),
                    encoding=None,
                    window=_WINDOW,
                )
        except asyncssh.ChannelOpenError as error:
            if self.is_open:
                raise NoRoom(error.reason) from None
            raise ConnectionLost("the connection to the instance was lost") from None
        except (TimeoutError, OSError, asyncssh.Error) as error:
            if isinstance(error, TimeoutError):
                self.abort()
            if process.is_open:
                raise StartInDoubt from None
            raise ConnectionLost("the connection to the instance was lost") from None
        return process

    async def connect(self, host: str, port: int) -> Tunnel:
        """Connect to a port as seen from the instance. Raises PortRefused and ConnectionLost."""
        tunnel = Tunnel()
        try:
            async with asyncio.timeout(CHANNEL_WITHIN_S):
                await self._connection.create_connection(lambda: tunnel, host, port, window=_WINDOW)
        except asyncssh.ChannelOpenError as error:
            if self.is_open:
                raise PortRefused(error.reason) from None
            raise ConnectionLost("the connection to the instance was lost") from None
        except TimeoutError:
            raise PortRefused("Connection timed out") from None
        except (OSError, asyncssh.Error):
            raise ConnectionLost("the connection to the instance was lost") from None
        return tunnel

    def when_lost(self, call: Callable[[], None]) -> None:
        """Call back when it has ended."""
        self._client.when_lost.append(call)

    def abort(self) -> None:
        """End it at once."""
        self._connection.abort()

    async def aclose(self) -> None:
        """End it, and everything that runs over it."""
        self._connection.abort()
        await self._connection.wait_closed()


class _Client(asyncssh.SSHClient):
    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self.found: str | None = None
        self.found_algorithm = ""
        self.is_over = False
        self.when_lost: list[Callable[[], None]] = []

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.found = key.get_fingerprint("sha256")
        self.found_algorithm = key.get_algorithm()
        return same_fingerprint(self._fingerprint, self.found)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended makes no difference
        self.is_over = True
        for call in self.when_lost:
            call()
        self.when_lost.clear()


async def connect(address: SshAddress, read_key: ReadKey) -> SshConnection:
    """Log in. Raises SshError.

    A server has host keys of several kinds, and SaladCloud shows one: where another was offered first, the others are
    asked for before it is called wrong.
    """
    key = read_key()
    kinds = list(_KINDS_OF_KEYS)
    mismatch: WrongHostKey | None = None
    while kinds:
        client = _Client(address.fingerprint)
        try:
            return await _log_in(address, key, client, [name for kind in kinds for name in kind])
        except WrongHostKey as error:
            mismatch = mismatch or error
            kinds = [kind for kind in kinds if not _is_of(kind, client.found_algorithm)]
        except Unreachable:
            if mismatch is not None:
                raise mismatch from None
            raise
    assert mismatch is not None
    raise mismatch


def _is_of(kind: tuple[str, ...], algorithm: str) -> bool:
    return algorithm in kind or (algorithm == "ssh-rsa" and kind[0].startswith("rsa-"))


async def _log_in(address: SshAddress, key: PrivateKey, client: _Client, host_keys: list[str]) -> SshConnection:
    where = f"{address.host}:{address.port}"
    try:
        connection = await asyncssh.connect(
            address.host,
            address.port,
            client_factory=lambda: client,
            username=USER,
            client_keys=[key],
            known_hosts=([], [], []),
            server_host_key_algs=host_keys,
            config=None,
            agent_path=None,
            gss_host=None,
            x509_trusted_certs=None,
            preferred_auth="publickey",
            compression_algs="none",
            encryption_algs=_ENCRYPTION,
            connect_timeout=CONNECT_WITHIN_S,
            login_timeout=LOG_IN_WITHIN_S,
            keepalive_interval=KEEPALIVE_EVERY_S,
            keepalive_count_max=KEEPALIVES_MISSED,
        )
    except asyncssh.HostKeyNotVerifiable:
        raise WrongHostKey(
            f"the SSH server at {where} has the host key {client.found}, but SaladCloud shows {address.fingerprint} "
            "for this instance: another machine answers there, and nothing was sent to it"
        ) from None
    except asyncssh.PermissionDenied:
        raise LoginRefused(
            f"the SSH server at {where} does not accept the private key: save its public key in SaladCloud's portal, "
            "and let the instance be allocated after that"
        ) from None
    except (TimeoutError, OSError, asyncssh.Error) as error:
        raise Unreachable(f"no SSH connection to {where}: {_reason(error)}") from None
    return SshConnection(connection, client)


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it does not answer"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
        case asyncssh.Error():
            return error.reason or type(error).__name__
        case _:
            return str(error)
