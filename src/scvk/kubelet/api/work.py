"""What is done behind the streams of a request: commands, attached output, connections to ports."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.api.command_sessions import Work
from scvk.kubelet.api.port_forwarding import Connect
from scvk.kubelet.capabilities import (
    CommandRunner,
    CommandStreams,
    NotPossible,
    PortConnection,
    PortForwarder,
    RemoteCommand,
    TerminalSize,
)
from scvk.kubelet.log_source import LogLine, NoLog
from scvk.kubelet.provider import TemporaryProviderError

MOST_OUTPUT = 4 * 1024 * 1024
"""Bytes of output that `/run` collects."""


def run(runner: CommandRunner | None, pod: Pod, container: str, command: RemoteCommand) -> Work:
    """Return the work of running a command."""

    async def work(streams: CommandStreams) -> int:
        if runner is None:
            raise NotPossible("this virtual kubelet cannot run commands in containers")
        return await runner.run(pod, container, command, streams)

    return work


def attach(lines: AsyncGenerator[LogLine, None] | None, *, stdin: bool, tty: bool) -> Work:
    """Return the work of showing what a container writes from now on; its input cannot be reached."""

    async def work(streams: CommandStreams) -> int:
        if stdin or tty:
            raise NotPossible(
                "the container runs elsewhere, and nothing can be attached to its standard input or terminal; "
                "attach without -i and -t to see its output, or use kubectl exec"
            )
        if lines is None:
            raise NotPossible("this virtual kubelet cannot show what containers write")
        try:
            async with aclosing(lines):
                async for line in lines:
                    await streams.write_stdout(line.text.encode("utf-8", "surrogateescape") + b"\n")
        except (NoLog, TemporaryProviderError) as error:
            raise NotPossible(str(error)) from error
        return 0

    return work


def connect(forwarder: PortForwarder | None, pod: Pod) -> Connect:
    """Return what connects to ports of a pod."""

    async def to_port(port: int) -> PortConnection:
        if forwarder is None:
            raise NotPossible("this virtual kubelet cannot forward ports")
        return await forwarder.connect(pod, port)

    return to_port


class _Collected:
    def __init__(self) -> None:
        self.output = bytearray()

    async def read_stdin(self) -> bytes:
        return b""

    async def write_stdout(self, data: bytes) -> None:
        if len(self.output) + len(data) > MOST_OUTPUT:
            raise NotPossible(f"the command wrote more than {MOST_OUTPUT} bytes; use exec")
        self.output += data

    async def write_stderr(self, data: bytes) -> None:
        await self.write_stdout(data)

    async def next_size(self) -> TerminalSize | None:
        return None


async def output_of(
    runner: CommandRunner | None, pod: Pod, container: str, words: tuple[str, ...]
) -> tuple[int, bytes]:
    """Run a command without input and return its exit code and output. Raises NotPossible."""
    collected = _Collected()
    code = await run(runner, pod, container, RemoteCommand(words))(collected)
    return code, bytes(collected.output)
