"""The kubelet's `CommandRunner`: commands beside a pod's program."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.capabilities import CommandStreams, NotPossible, RemoteCommand, TerminalSize
from scvk.provider.remote_commands.beginning import TERMINAL, CommandTooLong, begin
from scvk.provider.remote_commands.endings import Endings
from scvk.provider.remote_commands.first_line import FirstLine, NotStarted, Started
from scvk.provider.remote_commands.instances import Instances, check_container
from scvk.provider.remote_commands.program import Program
from scvk.provider.remote_commands.programs import Programs, without_shell
from scvk.provider.remote_commands.shell import NoWord
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import ConnectionLost, StartInDoubt
from scvk.saladcloud.ssh.pool import SharedConnections
from scvk.saladcloud.ssh.terminal import Terminal

if TYPE_CHECKING:
    from scvk.saladcloud.ssh.process import RemoteProcess

BEGIN_WITHIN_S = 30.0
"""A login and a few lines of a shell take milliseconds; on a machine that swaps they take longer."""
LOOKS = 3
"""A program that was started anew since it was looked at is looked at again; more than that is a crash loop."""


@dataclass(frozen=True, slots=True)
class _Begun:
    connections: SharedConnections
    address: SshAddress
    process: RemoteProcess
    started: Started


class Commands:
    """Implements `scvk.kubelet.capabilities.CommandRunner`. `marker` returns words that nobody can guess."""

    def __init__(self, instances: Instances, *, marker: Callable[[], str] = lambda: secrets.token_hex(12)) -> None:
        self._instances = instances
        self._marker = marker
        self._programs = Programs(marker)
        self._endings = Endings()

    async def run(self, pod: Pod, container: str, command: RemoteCommand, streams: CommandStreams) -> int:
        """Run a command; see the protocol. Costs a request only where a new connection is needed."""
        check_container(pod, container)
        words = [word.encode("utf-8", "surrogateescape") for word in command.words]
        sizes = _Sizes(streams) if command.tty else None
        try:
            begun = await self._instances.reach(
                pod, lambda connections, address: self._begin(connections, address, words, sizes)
            )
            try:
                if sizes is not None:
                    sizes.apply_to(begun.process)
                return await _carry(begun.process, begun.started.rest, command, streams)
            except ConnectionLost:
                raise NotPossible(
                    "the connection to the instance ended while the command ran: the pod was started anew, or is on "
                    "its way to another machine"
                ) from None
            finally:
                self._endings.leave(begun.connections, begun.address, begun.process, begun.started.number)
        finally:
            if sizes is not None:
                sizes.close()

    async def aclose(self) -> None:
        """Return when commands whose clients have gone are ended."""
        await self._programs.aclose()
        await self._endings.aclose()

    async def _begin(
        self, connections: SharedConnections, address: SshAddress, words: Sequence[bytes], sizes: _Sizes | None
    ) -> _Begun:
        for _ in range(LOOKS):
            program = await self._programs.of(connections, address)
            marker = self._marker().encode()
            line = _line(marker, program, words, tty=sizes is not None)
            terminal = sizes.terminal() if sizes is not None else None
            opening = asyncio.create_task(_open(connections, address, line, marker, terminal))
            try:
                process, said = await asyncio.shield(opening)
            except asyncio.CancelledError:
                self._endings.leave_opening(connections, address, opening)
                raise
            if isinstance(said, Started):
                return _Begun(connections, address, process, said)
            process.close()
            if said.reason != "changed":
                raise NotPossible(_not_started(said, words[0]))
            self._programs.forget(address)
        raise NotPossible("the pod's program is started again and again, and no command fits in between")


def _line(marker: bytes, program: Program, words: Sequence[bytes], *, tty: bool) -> bytes:
    try:
        return begin(marker, program, words, tty=tty)
    except (NoWord, CommandTooLong) as error:
        raise NotPossible(str(error)) from None


async def _open(
    connections: SharedConnections, address: SshAddress, line: bytes, marker: bytes, terminal: Terminal | None
) -> tuple[RemoteProcess, Started | NotStarted]:
    process = await connections.start(address, line, terminal)
    try:
        async with asyncio.timeout(BEGIN_WITHIN_S):
            return process, await _first_line(process, marker)
    except BaseException as error:
        process.close()
        if isinstance(error, TimeoutError):
            raise NotPossible(f"the command did not begin within {BEGIN_WITHIN_S:.0f} s") from None
        if isinstance(error, ValueError):
            raise NotPossible(f"the command could not be begun: {error}") from None
        if isinstance(error, ConnectionLost):
            raise StartInDoubt from None
        raise


async def _first_line(process: RemoteProcess, marker: bytes) -> Started | NotStarted:
    line = FirstLine(marker)
    while data := await process.read_stdout():
        said = line.receive(data)
        if said is not None:
            return said
    complaint = await process.read_stderr()
    raise NotPossible(without_shell(await process.exit_code(), complaint))


def _not_started(said: NotStarted, word: bytes) -> str:
    """Return a container runtime's words."""
    name = '"' + word.decode("utf-8", "backslashreplace") + '"'
    match said.reason:
        case "unknown":
            reason = "executable file not found in $PATH"
        case "missing":
            reason = f"stat {name[1:-1]}: no such file or directory"
        case "denied":
            reason = "permission denied"
        case other:
            reason = f"the shell of the image said {other!r}"
    return f"error executing command in container: failed to start: exec: {name}: {reason}"


async def _carry(process: RemoteProcess, rest: bytes, command: RemoteCommand, streams: CommandStreams) -> int:
    """Carry the streams until the command has ended, and return its exit code. Raises ConnectionLost."""
    feeding = asyncio.create_task(_feed(process, command, streams))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pour(rest, process.read_stdout, streams.write_stdout))
            group.create_task(_pour(b"", process.read_stderr, streams.write_stderr))
    except* ConnectionError as errors:
        raise errors.exceptions[0] from None
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    return await process.exit_code()


async def _pour(first: bytes, read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], Awaitable[None]]) -> None:
    if first:
        await write(first)
    while data := await read():
        await write(data)


async def _feed(process: RemoteProcess, command: RemoteCommand, streams: CommandStreams) -> None:
    try:
        while command.stdin and (data := await streams.read_stdin()):
            await process.write(data)
        process.write_eof()
    except (ConnectionLost, ConnectionError):
        pass  # the command, or the client, has gone: others find out


class _Sizes:
    """Sizes of the client's terminal; what came before the command began is what it begins with."""

    def __init__(self, streams: CommandStreams) -> None:
        self._streams = streams
        self._newest: TerminalSize | None = None
        self._process: RemoteProcess | None = None
        self._reading = asyncio.create_task(self._read())

    def terminal(self) -> Terminal:
        kind = TERMINAL.decode()
        return Terminal(kind) if self._newest is None else Terminal(kind, self._newest.width, self._newest.height)

    def apply_to(self, process: RemoteProcess) -> None:
        self._process = process
        self._apply()

    def close(self) -> None:
        self._reading.cancel()

    async def _read(self) -> None:
        while (size := await self._streams.next_size()) is not None:
            if size.width and size.height:
                self._newest = size
                self._apply()

    def _apply(self) -> None:
        if self._process is not None and self._newest is not None:
            self._process.resize(self._newest.width, self._newest.height)
