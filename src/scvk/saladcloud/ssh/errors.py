"""What can go wrong with SSH to an instance. The texts say it in words; none holds a key or a command.

SshError
├── Unreachable       no connection: refused, timed out, no SSH server
├── LoginRefused      the server does not accept the key
├── WrongHostKey      another machine answers than the one that was asked for
├── KeyUnusable       our own private key cannot be read now
├── NoRoom            the server opens no further session on a connection
├── PortRefused       the server could not connect to the port
├── ConnectionLost    the connection ended under what ran over it; what was to be started was not
└── StartInDoubt      the connection ended when the command had been sent: it may run, or have run
"""

from __future__ import annotations


class SshError(Exception):
    """Base of all errors of SSH to an instance."""


class Unreachable(SshError):
    """No connection came about."""


class LoginRefused(SshError):
    """The server does not accept the key."""


class WrongHostKey(SshError):
    """The server's key is not the one that SaladCloud shows."""


class KeyUnusable(SshError):
    """The private key cannot be read."""


class NoRoom(SshError):
    """The server refuses a further session on this connection; another connection may have room."""


class PortRefused(SshError):
    """The server could not connect to the port; the text is its reason."""


class ConnectionLost(SshError):
    """The connection has ended. Whoever wanted to start something may try again."""


class StartInDoubt(SshError):
    """The command may have been started: it must not be sent again."""

    def __init__(self) -> None:
        super().__init__(
            "the connection to the instance ended as the command was started: it may have run; look before you repeat"
        )
