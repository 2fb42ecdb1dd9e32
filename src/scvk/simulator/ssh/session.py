"""One session channel: a command, a shell or SFTP, as a process inside the instance.

What a client sees is what OpenSSH's sshd shows: standard error apart from output (together on a terminal),
output until its last holder has closed it, then the exit status or signal. Requested environment variables
are not passed. When the client goes first, a terminal hangs up (the kernel sends SIGHUP when its last holder on our
side lets go); processes without one are left to notice their closed pipes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Mapping
from typing import Literal

import asyncssh

from scvk.simulator.runtime.inside import Inside, LoginRequest, Session, SessionEnd
from scvk.simulator.ssh.pumps import InputPump, OutputPump
from scvk.simulator.ssh.terminal_modes import apply_modes, set_size

# What may wait in a channel before its process is made to wait.
_CHANNEL_HIGH_WATER = 512 * 1024
# Linux' default of 64 KiB makes twice as many wake-ups; 1 MiB is what everybody may set.
_PIPE_SIZE = 512 * 1024
_STARTING_FAILED = 254
# The signals sshd passes on (session.c of OpenSSH 9.8).
_SIGNALS = frozenset(
    ("ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"),
)
_LONGEST_TERMINAL_NAME = 256


class InstanceSession(asyncssh.SSHServerSession[bytes]):
    """asyncssh calls it for each event on the channel; `env` is what every session of the connection gets."""

    def __init__(self, inside: Inside, env: Mapping[str, str]) -> None:
        self._inside = inside
        self._env = dict(env)
        self._kind: Literal["shell", "command", "sftp"] = "shell"
        self._command = ""
        self._wants_terminal = False
        self._size = (0, 0, 0, 0)
        self._modes: Mapping[int, int] = {}
        self._terminal = -1
        self._input: InputPump | None = None
        self._outputs: list[OutputPump] = []
        self._process: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._end: SessionEnd | None = None
        self._over = False
        # What the client sent before there was a process.
        self._early: list[bytes] = []
        self._early_end = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan
        chan.set_write_buffer_limits(_CHANNEL_HIGH_WATER)

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]
    ) -> bool:
        """A terminal comes with the process."""
        self._wants_terminal = True
        self._size, self._modes = term_size, dict(term_modes)
        if term_type and "\0" not in term_type:
            self._env["TERM"] = term_type[:_LONGEST_TERMINAL_NAME]
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """Now, or when there is a terminal."""
        self._size = (width, height, pixwidth, pixheight)
        if self._terminal >= 0:
            set_size(self._terminal, *self._size)

    def shell_requested(self) -> bool:
        """Root's login shell."""
        return True

    def exec_requested(self, command: str) -> bool:
        """A line for root's shell."""
        self._kind, self._command = "command", command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """SFTP is the only one."""
        self._kind = "sftp"
        return subsystem == "sftp"

    def session_started(self) -> None:
        """The client waits for a process."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002  asyncssh's signature
        """For the process."""
        if self._input is not None:
            self._input.feed(data)
        elif not self._over:
            self._early.append(data)
            self._channel.pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more; the channel stays open for output."""
        if self._input is not None:
            self._input.end()
        else:
            self._early_end = True
        return True

    def signal_received(self, signal: str) -> None:
        """For the process group, if it is one that sshd passes on."""
        number = _signal_number(signal)
        if number is not None and self._process is not None:
            self._process.signal(number)

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        for output in self._outputs:
            output.pause()

    def resume_writing(self) -> None:
        """It does again."""
        for output in self._outputs:
            output.resume()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncssh's signature
        """The channel is gone."""
        self._over = True
        self._early.clear()
        if self._task is not None:
            self._task.cancel()
        self._let_go()

    async def _run(self) -> None:
        try:
            self._process = await self._begin()
        except OSError as error:
            if not self._over:
                self._let_go()
                self._channel.write_stderr(f"scvk simulate: {error}\n".encode())
                self._channel.exit(_STARTING_FAILED)
            return
        self.resume_writing()
        self._end = await self._process.ended
        self._process = None
        if self._terminal >= 0:
            # A background job may hold the terminal for ever; what the session itself wrote is all there.
            for output in self._outputs:
                output.drain()
        self._output_ended()

    async def _begin(self) -> Session:
        """Raises OSError."""
        streams = await self._make_terminal() if self._wants_terminal else self._make_pipes()
        login = LoginRequest(self._kind, self._command, self._env, self._wants_terminal)
        try:
            return await self._inside.log_in(login, streams)
        finally:
            for fd in set(streams):
                os.close(fd)

    async def _make_terminal(self) -> tuple[int, int, int]:
        """The process's ends; ours go to the pumps. Raises OSError."""
        terminal = await self._inside.open_terminal()
        self._terminal = terminal.master
        self._env["SSH_TTY"] = terminal.name
        set_size(terminal.master, *self._size)
        apply_modes(terminal.master, self._modes)
        self._outputs = [OutputPump(os.dup(terminal.master), self._channel.write, self._output_ended)]
        self._take_input(InputPump(os.dup(terminal.master), self._want_input, ends=False))
        return (terminal.slave,) * 3

    def _make_pipes(self) -> tuple[int, int, int]:
        """As `_make_terminal`."""
        (input_read, input_write), (output_read, output_write), (error_read, error_write) = (_pipe() for _ in range(3))
        self._outputs = [
            OutputPump(output_read, self._channel.write, self._output_ended),
            OutputPump(error_read, self._channel.write_stderr, self._output_ended),
        ]
        self._take_input(InputPump(input_write, self._want_input, ends=True))
        return input_read, output_write, error_write

    def _take_input(self, pump: InputPump) -> None:
        self._input = pump
        for data in self._early:
            pump.feed(data)
        self._early.clear()
        if self._early_end:
            pump.end()
        if not pump.is_full:
            self._channel.resume_reading()

    def _want_input(self, wanted: bool) -> None:
        if self._over:
            return
        if wanted:
            self._channel.resume_reading()
        else:
            self._channel.pause_reading()

    def _output_ended(self) -> None:
        """A pump has ended, or the process has; with all of them, the session."""
        if self._over or any(output.is_open for output in self._outputs):
            return
        if self._end is None:
            self._channel.write_eof()
            return
        self._let_go()
        if self._end.signal:
            self._channel.exit_with_signal(_signal_name(self._end.signal))
        else:
            self._channel.exit(self._end.status)

    def _let_go(self) -> None:
        if self._input is not None:
            self._input.close()
        for output in self._outputs:
            output.close()
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1


def _pipe() -> tuple[int, int]:
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    except OSError:
        pass  # a user with very many pipes gets no larger ones
    return read_end, write_end


def _signal_number(name: str) -> int | None:
    return int(signal.Signals[f"SIG{name}"]) if name in _SIGNALS else None


def _signal_name(number: int) -> str:
    """As it is sent: without SIG, and sshd's word for signals that have no portable name."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return "SIG@openssh.com"
