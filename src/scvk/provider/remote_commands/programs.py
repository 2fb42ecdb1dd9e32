"""What is known of running programs. It is asked for once for an instance: a round trip that warm commands save."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from scvk.kubelet.capabilities import NotPossible
from scvk.provider.remote_commands.looking import MOST_ANSWER, look, parts_of
from scvk.provider.remote_commands.program import Program, programs_of
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import ConnectionLost, StartInDoubt
from scvk.saladcloud.ssh.pool import SharedConnections
from scvk.saladcloud.ssh.shared_attempts import SharedAttempts

LOOK_WITHIN_S = 30.0
MOST_COMPLAINT = 300


class Programs:
    """Programs by the address of their instance. `marker` returns words that nobody can guess."""

    def __init__(self, marker: Callable[[], str]) -> None:
        self._marker = marker
        self._known: dict[SshAddress, Program] = {}
        self._looks: SharedAttempts[SshAddress, Program] = SharedAttempts()

    async def of(self, connections: SharedConnections, address: SshAddress) -> Program:
        """Return the program that runs there. Raises SshError, and NotPossible where it cannot be found out."""
        known = self._known.get(address)
        if known is not None and connections.is_connected(address):
            return known
        return await self._looks.make(address, lambda: self._look(connections, address))

    def forget(self, address: SshAddress) -> None:
        """Look again next time."""
        self._known.pop(address, None)

    async def aclose(self) -> None:
        """Stop looking."""
        await self._looks.aclose()

    async def _look(self, connections: SharedConnections, address: SshAddress) -> Program:
        first = await self._ask(connections, address, at_children=False)
        program = first[0]
        if program.is_wrapper:
            # It is about to become the program, or stays as its parent.
            children = await self._ask(connections, address, at_children=True)
            program = next((child for child in children if not child.is_wrapper), program)
        if not program.is_wrapper:
            self._known = {each: kept for each, kept in self._known.items() if connections.is_connected(each)}
            self._known[address] = program
        return program

    async def _ask(
        self, connections: SharedConnections, address: SshAddress, *, at_children: bool
    ) -> Sequence[Program]:
        marker = self._marker().encode()
        try:
            process = await connections.start(address, look(marker, at_children=at_children))
        except StartInDoubt:
            raise ConnectionLost("the connection to the instance was lost") from None  # to look twice does no harm
        try:
            async with asyncio.timeout(LOOK_WITHIN_S):
                process.write_eof()
                answer, complaint = await asyncio.gather(
                    _all(process.read_stdout, MOST_ANSWER), _all(process.read_stderr, MOST_COMPLAINT)
                )
                code = await process.exit_code()
        except TimeoutError:
            raise ConnectionLost("the instance does not answer any more") from None
        finally:
            process.close()
        parts = parts_of(answer, marker)
        if parts is None:
            raise NotPossible(without_shell(code, complaint))
        programs = programs_of(parts)
        if not programs and not at_children:
            raise NotPossible("nothing can be run beside the pod's program: /proc shows no process 1 over SSH")
        return programs


def without_shell(code: int, complaint: bytes) -> str:
    """Return the words for a login that did not run our script."""
    text = " ".join(complaint.decode("utf-8", "replace").split())[:MOST_COMPLAINT]
    return (
        "the image has no /bin/sh that can run a command (exit code "
        f"{code}{': ' + text if text else ''}); commands need a shell and cat in the image"
    )


async def _all(read: Callable[[], Awaitable[bytes]], most: int) -> bytes:
    """Read to the end, and keep the beginning."""
    kept = b""
    while data := await read():
        kept += data[: max(0, most - len(kept))]
    return kept
