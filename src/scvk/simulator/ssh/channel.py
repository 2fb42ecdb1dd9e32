"""A session channel whose command may be any bytes, as with sshd; asyncssh refuses what is no UTF-8."""

from __future__ import annotations

import asyncio

import asyncssh
from asyncssh.packet import SSHPacket

# asyncssh's defaults; its `create_server_channel` makes only channels of its own kind.
_WINDOW = 2 * 1024 * 1024
_LARGEST_PACKET = 32768


class AnyCommandChannel(asyncssh.SSHServerChannel[bytes]):
    """Data are bytes; the session gets the command with surrogate escapes (PEP 383) for what is no UTF-8."""

    def __init__(self, connection: asyncssh.SSHServerConnection) -> None:
        super().__init__(
            connection,
            asyncio.get_running_loop(),
            allow_pty=True,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors="strict",
            window=_WINDOW,
            max_pktsize=_LARGEST_PACKET,
        )

    def _process_exec_request(self, packet: SSHPacket) -> bool:
        command = packet.get_string()
        packet.check_end()
        # An argument of a program ends at the first; sshd takes such a packet for a broken one.
        if b"\0" in command:
            return False
        return self._start_session(command=command.decode("utf-8", "surrogateescape"))
